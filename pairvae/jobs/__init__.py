"""Long tasks: split over processes, watched while they run."""
