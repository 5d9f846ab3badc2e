"""Mistakes a user can mend."""


class UserError(Exception):
    """A mistake in the input: one sentence that names where, what was found, what was expected, what to do.

    The command line prints it without a traceback and ends with exit code 2.
    """


class ReadError(UserError):
    """A file that could not be read as a scattering curve."""
