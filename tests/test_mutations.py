"""Files that something went wrong with: every corruption gives valid spectra or one sentence, soon.

The suite tries a few corruptions of every measured and every sasdata example file. Many more, with the faults that
turned up and the seeds to repeat them:

    python -m tests.test_mutations 200            # corruptions of each file
    python -m tests.test_mutations 200 nanodisc   # of the files with this in their path
"""

import re
import sys
import time
import traceback
from pathlib import Path

import numpy as np
import pytest
import sasdata

from pairvae.errors import ReadError
from pairvae.scattering.inspect import inspect_file
from pairvae.scattering.read import read_spectra
from pairvae.scattering.read_options import ReadOptions

MEASURED = Path(__file__).parents[2] / "shared" / "data" / "measured"
EXAMPLES = Path(sasdata.__file__).parent / "example_data" / "1d_data"
LARGEST = 400_000  # bytes, in the suite
IN_SUITE = 4
SLOWEST = 2.0  # seconds
SEED = 20240611
FILES = [
    path
    for folder in (*sorted(MEASURED.glob("*")), EXAMPLES)
    if folder.is_dir()
    for path in sorted(folder.iterdir())
    if path.is_file() and path.stat().st_size
]
SMALL = [path for path in FILES if path.stat().st_size <= LARGEST]
NUMBER = re.compile(rb"[-+]?\d+\.?\d*(?:[eE][-+]?\d+)?")
WORDS = (
    b"nan", b"-inf", b"1e999", b"-1", b"0", b"1e-320", b"1e308", b"abc", b"", b",", b"\xff\xfe", b"#", b"<", b"1.0D-03",
    b"\0", b"9" * 400, b"1_000", b"\xc3\x85", b"--",
)  # fmt: skip


def corrupted(data, random):
    """The data with one to three things wrong."""
    for _ in range(random.integers(1, 4)):
        data = random.choice([_flipped, _cut, _swapped, _replaced, _doubled, _dropped])(data, random)
    return data


def _flipped(data, random):
    changed = bytearray(data)
    for at in random.integers(0, max(1, len(changed)), random.integers(1, 12)):
        if changed:
            changed[at % len(changed)] = int(random.integers(0, 256))
    return bytes(changed)


def _cut(data, random):
    return data[: random.integers(0, len(data) + 1)]


def _swapped(data, random):
    lines = data.split(b"\n")
    a, b = random.integers(0, len(lines), 2)
    lines[a], lines[b] = lines[b], lines[a]
    return b"\n".join(lines)


def _replaced(data, random):
    numbers = list(NUMBER.finditer(data[:200_000]))
    if not numbers:
        return data
    for at in sorted(random.integers(0, len(numbers), random.integers(1, 4)))[::-1]:
        word = WORDS[random.integers(0, len(WORDS))]
        data = data[: numbers[at].start()] + word + data[numbers[at].end() :]
    return data


def _doubled(data, random):
    a, b = np.sort(random.integers(0, len(data) + 1, 2))
    return data[:b] + data[a:b] + data[b:]


def _dropped(data, random):
    start = random.integers(0, len(data) + 1)
    return data[:start] + data[start + random.integers(1, 200) :]


def fault(path, told):
    """What is wrong with what came of a file; empty where nothing is."""
    began = time.process_time()
    try:
        spectra = read_spectra(path, ReadOptions(**told))
    except ReadError as error:
        spectra = []
        if "\n" in str(error) or len(str(error)) > 2000:
            return f"no sentence: {str(error)[:300]!r}"
    except BaseException:  # noqa: BLE001 a crash of any kind is what is looked for
        return traceback.format_exc()
    taken = time.process_time() - began
    if taken > SLOWEST:
        return f"took {taken:.1f} s"
    for one in spectra:
        if not (one.q > 0).all() or not (np.diff(one.q) > 0).all() or not np.isfinite(one.intensity).all():
            return "not a valid spectrum"
    return ""


def faults(path, count, folder):
    """Faults of `count` corruptions of a file, as (number, text)."""
    data = path.read_bytes()
    target = folder / f"corrupted{path.suffix}"
    for number in range(count):
        random = np.random.default_rng([SEED, number, *path.name.encode()])
        target.write_bytes(corrupted(data, random))
        for told in ({}, {"q_unit": "1/nm"}):
            found = fault(target, told)
            if found:
                yield number, found


@pytest.mark.parametrize("path", SMALL, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_a_corrupted_file_is_read_or_refused(path, tmp_path):
    assert list(faults(path, IN_SUITE, tmp_path)) == []


def test_a_corrupted_file_can_be_inspected(tmp_path):
    target = tmp_path / "corrupted"
    for path in SMALL[::5]:
        target.write_bytes(corrupted(path.read_bytes(), np.random.default_rng([SEED, 1])))
        for one in inspect_file(target):
            assert (one.error is None) != (one.points == 0)


if __name__ == "__main__":
    from tempfile import TemporaryDirectory

    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    named = sys.argv[2] if len(sys.argv) > 2 else ""
    total = 0
    with TemporaryDirectory() as folder:
        for path in FILES:
            if named in str(path):
                for number, text in faults(path, count, Path(folder)):
                    total += 1
                    print(f"{path} corruption {number}:\n{text}\n", flush=True)
    print(f"{total} faults")
    sys.exit(total > 0)
