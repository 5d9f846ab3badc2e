"""Mistakes a user can mend."""


class UserError(Exception):
    """A mistake in the input: one sentence that names where, what was found, what was expected, what to do.

    The command line prints it without a traceback and ends with exit code 2.
    """


class ReadError(UserError):
    """A file that could not be read as a scattering curve.

    Parameters
    ----------
    sentence : str
        What is wrong.
    entry : str
        The entry within the file where one of several curves could not be read.
    """

    def __init__(self, sentence: str, entry: str = "") -> None:
        super().__init__(sentence)
        self.entry = entry
