"""What a run found, on a page: figures, tables, and runs side by side."""
