"""What is measured: spectra, the files they lie in, and simulated ones."""
