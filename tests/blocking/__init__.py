"""Tests of bluma_sync, the blocking twin."""
