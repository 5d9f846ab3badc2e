"""What a batch system does to a training: it asks it to stop, and leaves files half-written when it kills it."""

import pickle
import signal
import threading
import zipfile
from pathlib import Path
from types import FrameType

import torch

from pairvae.errors import STOP_SIGNALS

# What `trainer.fit` reads out of a resume file.
RESUME_KEYS = {"state_dict", "loops", "callbacks", "optimizer_states", "lr_schedulers", "epoch", "global_step"}


class StopSignals:
    """Notes SIGTERM and SIGUSR1 instead of dying of them, so that the training can stop where it is safe."""

    def __init__(self) -> None:
        self.received: signal.Signals | None = None

    def listen(self, already: bool) -> None:
        """From now on; Lightning puts back the handlers of before when its fit ends.

        Parameters
        ----------
        already : bool
            SIGTERM came before.
        """
        if already:
            self.received = signal.SIGTERM
        # Python delivers signals to the main thread, and lets no other one listen
        if threading.current_thread() is threading.main_thread():
            for number in STOP_SIGNALS:
                signal.signal(number, self._note)

    def _note(self, number: int, _: FrameType | None) -> None:
        self.received = signal.Signals(number)


def resumable(path: Path) -> bool:
    """Whether a training can go on from a file; one that is there but damaged is named in a warning.

    Parameters
    ----------
    path : Path
        Resume file, read as numbers and plain values only: nothing in it is run.
    """
    if not path.exists():
        return False
    try:
        with zipfile.ZipFile(path) as archive:  # torch does not look at the checksums
            fault = f"{altered} was altered" if (altered := archive.testzip()) else ""
        kept = torch.load(path, map_location="cpu", weights_only=True)
        if lacking := RESUME_KEYS - (kept.keys() if isinstance(kept, dict) else set()):
            fault = f"it lacks {', '.join(sorted(lacking))}"
    except (zipfile.BadZipFile, RuntimeError, pickle.UnpicklingError, EOFError, OSError, ValueError) as error:
        # the first sentence: torch goes on with advice to load it unsafely
        fault = str(error).partition("\n")[0].partition(". ")[0] or type(error).__name__
    if fault:
        print(f"warning: {path} is damaged ({fault}); training begins from the start", flush=True)
    return not fault
