"""Files of measured curves: read without guessing, repaired with notes, written."""
