"""The command line: options, and one function per command that calls the stage of its name."""
