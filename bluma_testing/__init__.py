"""
Tests of programs that use the SDK. The public names are in `bluma.testing`.

This file is empty, because pytest imports the plugin of this package in every project of an environment.
"""
