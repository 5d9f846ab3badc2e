"""How it learns: batches, the training loop and its two stages."""
