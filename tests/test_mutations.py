"""Files that something went wrong with: every corruption gives valid spectra or one sentence, soon.

The suite tries a few corruptions of every measured and every sasdata example file. Many more, with the faults that
turned up and the seeds to repeat them:

    python -m tests.test_mutations 200            # corruptions of each file
    python -m tests.test_mutations 200 nanodisc   # of the files with this in their path

The same for tables whose rows were dropped or can no longer be read: none may be lost without being counted.
"""

import re
import sys
import time
import traceback
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import sasdata

from pairvae.errors import ReadError
from pairvae.formats.inspect import inspect_file
from pairvae.formats.read import read_spectra
from pairvae.formats.read_options import ReadOptions

SHARED = Path(__file__).parents[2] / "shared" / "data"
MEASURED = SHARED / "measured"
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


BEGINS_WITH_NUMBER = re.compile(rb"""[\s"'|;,]*[+-]?[.,]?\d""")
TEXT_LIKE = (".dat", ".csv", ".txt", ".rad", ".sub", ".abs", ".pdh")
TABLES = [
    path
    for path in [*SMALL, *sorted((SHARED / "real_pairs" / "files").glob("*"))]
    if path.suffix.lower() in TEXT_LIKE and path.stat().st_size < 60_000
]
GARBLED_IN_SUITE = 6
MASKS = (b"masked", b"***", b"--", b"#", b"x", b"nan", b"N/A", b"********", b"?")


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


def garbled(data, random):
    """The data with some rows at one end, at both or in the middle dropped or no longer readable."""
    lines = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    rows = [at for at, line in enumerate(lines) if len(line.split()) > 1 and BEGINS_WITH_NUMBER.match(line)]
    count = int(random.choice([1, 2, 3, 5, max(1, len(rows) // 4)]))
    middle = len(rows) // 2
    places = [rows[:count], rows[-count:], rows[:count] + rows[-count:], rows[middle : middle + count]]
    garble = random.choice([_masked, _one_masked, _with_thousands, _glued, _truncated, _ended, _no_row])
    mask = MASKS[random.integers(0, len(MASKS))]
    for at in places[random.integers(0, len(places))]:
        lines[at] = garble(lines[at], mask)
    return b"\n".join(line for line in lines if line is not None)


def _cells(line):
    delimiter = next((sign for sign in (b";", b",", b"\t") if sign in line), None)
    return delimiter or b"  ", [cell.strip() for cell in line.split(delimiter)]


def _masked(line, mask):
    delimiter, cells = _cells(line)
    return delimiter.join([cells[0], *[mask] * (len(cells) - 1)])


def _one_masked(line, mask):
    delimiter, cells = _cells(line)
    return delimiter.join([cells[0], mask, *cells[2:]])


def _with_thousands(line, mask):
    delimiter, cells = _cells(line)
    return delimiter.join([cells[0], b"12" + b", '"[len(mask) % 3 :][:1] + b"345.5", *cells[2:]])


def _glued(line, _):
    return _cells(line)[1][0] + b"*" * 20


def _truncated(line, _):
    return line[: len(line) // 2]


def _ended(line, _):
    return line + b"\x1a"


def _no_row(_line, _mask):
    return None


def silent_loss(path, target):
    """What is wrong with the count of the rows of a garbled table; empty where nothing is."""
    before, after = inspect_file(path), inspect_file(target)
    if after[0].error and "is empty" in after[0].error:
        return ""
    begin = sum(
        BEGINS_WITH_NUMBER.match(line) is not None for line in target.read_bytes().replace(b"\x1a", b" ").split(b"\n")
    )
    if sum(one.rows_found for one in after) != begin:
        return f"{begin} rows begin with a number, found are {[one.rows_found for one in after]}"
    for one in after:
        if one.rows_read + sum(one.rows_dropped.values()) != one.rows_found:
            return f"{one.rows_read} rows read and {one.rows_dropped} dropped of {one.rows_found}"
    if before[0].error:
        return ""
    for one in after:
        if one.error and not re.search(r"lines? \d|points? \d|usable point|no table|as in '", one.error):
            return f"refused without a place: {one.error}"
    if any(one.error for one in after):
        return ""
    lost = sum((Counter(one.rows_dropped) for one in after), Counter())
    lost -= sum((Counter(one.rows_dropped) for one in before), Counter())
    warned = {warning for one in after for warning in one.warnings}
    for reason in lost:
        if reason in ("broken_rows", "rows_outside"):
            said = any("no rows of" in warning or "outside the table" in warning for warning in warned)
        elif reason.startswith("numbers_in"):
            said = False
        else:
            said = all(reason in one.repairs or one.needs for one in after if reason in one.rows_dropped)
        if not said:
            return f"{lost[reason]} rows lost in silence: {reason}"
    return ""


def fault(path, options):
    """What is wrong with what came of a file; empty where nothing is."""
    began = time.process_time()
    try:
        spectra = read_spectra(path, ReadOptions(**options))
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
        for options in ({}, {"q_unit": "1/nm"}):
            found = fault(target, options)
            if found:
                yield number, found


@pytest.mark.parametrize("path", SMALL, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_a_corrupted_file_is_read_or_refused(path, tmp_path):
    assert list(faults(path, IN_SUITE, tmp_path)) == []


def losses(path, count, folder):
    """Silent losses of rows in `count` garbled copies of a table, as (number, text)."""
    data = path.read_bytes()
    target = folder / f"garbled{path.suffix}"
    for number in range(count):
        random = np.random.default_rng([SEED, number, *path.name.encode()])
        target.write_bytes(garbled(data, random))
        found = silent_loss(path, target)
        if found:
            yield number, found


@pytest.mark.parametrize("path", TABLES, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_rows_that_cannot_be_read_are_counted_and_never_lost_in_silence(path, tmp_path):
    assert list(losses(path, GARBLED_IN_SUITE, tmp_path)) == []


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
        for path in TABLES:
            if named in str(path):
                for number, text in losses(path, count, Path(folder)):
                    total += 1
                    print(f"{path} garbled {number}:\n{text}\n", flush=True)
    print(f"{total} faults")
    sys.exit(total > 0)
