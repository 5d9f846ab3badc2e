"""The table of samples: samples.csv checked, its rows read, drafts of it written."""
