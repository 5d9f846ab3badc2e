"""Why the work ends before its end: a mistake that a user can mend, or a signal."""

import signal

# What a batch system sends before the time limit, at pre-emption and by `scancel`; Windows knows no SIGUSR1.
STOP_SIGNALS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGUSR1") if hasattr(signal, name))


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
    rows_found : int, optional
        Rows that begin with a number, where it is a text.
    """

    def __init__(self, sentence: str, entry: str = "", rows_found: int | None = None) -> None:
        super().__init__(sentence)
        self.entry, self.rows_found = entry, rows_found


class NoCurve(ReadError):
    """A file of another kind, such as notes or a picture: left out where it was found in a folder, else refused."""


class Stopped(Exception):
    """A signal ended the work, and what was finished is kept: started again, it goes on there.

    The command line prints the sentence and ends with 128 + the signal's number, as a shell would say it.
    """

    def __init__(self, message: str, number: int) -> None:
        super().__init__(message)
        self.signal = number
