"""The model that is used where none is named; free of torch, for the command line."""

DEFAULT = "universal"
