"""What a scientist asks of a model: one module per verb."""
