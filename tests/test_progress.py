"""A progress bar for a person who watches, and nothing for a log."""

import io
import sys

import pytest

from pairvae.jobs.progress import tracked


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(("stream", "drawn"), [(Terminal, True), (io.StringIO, False)])
def test_bar_is_drawn_on_a_terminal_alone(monkeypatch, stream, drawn):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", stream())
    assert list(tracked(range(3), "read", 3)) == [0, 1, 2]
    assert ("read" in sys.stderr.getvalue()) == drawn
