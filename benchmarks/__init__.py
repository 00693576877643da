"""What the SDK costs, as ratios against a baseline in the same run."""
