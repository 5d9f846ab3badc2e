"""What is measured: spectra, and the files they lie in."""
