"""What the network sees: curves on a common grid, paired and split."""
