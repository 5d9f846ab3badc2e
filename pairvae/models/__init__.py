"""What learns: blocks, ResVAE, PairVAE and their losses."""
