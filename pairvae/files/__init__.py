"""How a file is written whole or not at all, read safely, and known again."""
