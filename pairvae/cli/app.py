"""The command line: the commands of its files in the order of --help, and how a call ends."""

import gc
import signal
import sys
from contextlib import suppress
from types import FrameType
from typing import Annotated

import typer

from pairvae import __version__
from pairvae.cli import look, stages, training, use
from pairvae.errors import STOP_SIGNALS, Stopped, UserError
from pairvae.jobs.terminal import spell_what_is_lacking

# New objects between two garbage collections. Importing torch makes a million that stay. To look for garbage among them
# after every 700 new ones, Python's habit, takes a tenth of the time of a short command.
OBJECTS = 50_000

app = typer.Typer(
    help="Links small-angle X-ray and neutron scattering curves of the same sample.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
for commands in (look, use, training, stages):
    app.add_typer(commands.app)


def _show_version(asked: bool) -> None:
    if asked:
        print(f"pairvae {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """Links small-angle X-ray and neutron scattering curves of the same sample."""


def _stop(number: int, _: FrameType | None) -> None:
    # like Ctrl-C: what was half-written is removed on the way out, which a second signal does not disturb; a training
    # notes the signal itself instead
    for each in STOP_SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    raise Stopped(f"stopped by {signal.Signals(number).name}; what was finished is kept, start it again", number)


def main() -> None:
    """Entry point: a user's mistake is one line and exit code 2; a signal one line and 128 + its number."""
    gc.set_threshold(OBJECTS)
    spell_what_is_lacking()
    for number in STOP_SIGNALS:
        signal.signal(number, _stop)
    try:
        app()
    except UserError as error:
        with suppress(OSError):  # the log may lie on the disk that is full
            print(f"pairvae: {error}", file=sys.stderr)
        sys.exit(2)
    except Stopped as stopped:
        print(f"pairvae: {stopped}", file=sys.stderr)
        sys.exit(128 + stopped.signal)
