"""Benchmarks: the costs of the SDK, as ratios against a baseline that is measured in the same run."""
