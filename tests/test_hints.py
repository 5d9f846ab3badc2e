"""Every hint that a command prints is accepted where it is typed: as an option of that command, or in samples.csv."""

import csv
import re

import numpy as np
import pytest

OPTION = re.compile(r" (--[\w-]+) '?([^'(]+?)'?(?: or [^(']*)? \(Python")
COLUMN = re.compile(r" in column (\w+) as ([^;(]+?)(?: or [^;(]*)?(?=;|:| \(|$)")
FIRST_ENTRY = re.compile(r": '([^']+)' ")

# A command and the technique of the file that lacks something.
CALLS = [
    ("translate", "saxs"),
    ("encode", "saxs"),
    ("reconstruct", "saxs"),
    ("plan", "saxs"),
    ("interpolate", "saxs"),
    ("match", "saxs"),
    ("match", "sans"),
    ("check", "saxs"),
    ("check", "sans"),
]


def text_of(curve, lacks):
    """The curve as a text table that does not say something."""
    dq = 0.02 * curve.q * (1 + 0.1 * np.sin(np.arange(curve.q.size)))
    columns = [curve.q, curve.intensity, curve.sigma, *([dq] if lacks == "columns" else [])]
    rows = "".join(" ".join(f"{value:.6g}" for value in row) + "\n" for row in np.transpose(columns))
    header = "# q[1/A] I[1/cm] dI\n"
    return {
        "q_unit": f"# q I dI\n{rows}",
        "columns": rows,  # nor the unit of q
        "entry": f"{header}{rows}\n{header}{rows}",
        "intensity_unit": f"# q[1/A] I[a.u.] dI\n{rows}",
        None: f"{header}{rows}",
    }[lacks]


def write_files(folder, spheres, lacks, technique):
    """Two curves of each technique, of which those of one technique lack something; their names."""
    files = {}
    for t in ("saxs", "sans"):
        files[t] = [folder / f"{one.name}.{t}.dat" for one in spheres[:2]]
        for file, one in zip(files[t], spheres, strict=False):
            file.write_text(text_of(one.curve(t), lacks if t == technique else None))
    return files


def call_of(command, files, output):
    """A right call, but for what the files lack."""
    saxs, sans = files["saxs"], files["sans"]
    return {
        "translate": (saxs[0], "--to", "sans", "--output", output / "folder"),
        "encode": (saxs[0], "--technique", "saxs", "--output", output / "codes.csv"),
        "reconstruct": (saxs[0], "--technique", "saxs", "--output", output / "folder"),
        "plan": (saxs[0], "--covariate", "d2o_fraction=0,1", "--output", output / "folder"),
        "interpolate": (*saxs, "--technique", "saxs", "--steps", "3", "--output", output / "folder"),
        "match": (saxs[0], "--to", "sans", "--among", sans[0], "--among", sans[1], "--output", output / "matches.csv"),
        "check": (saxs[0], "--sans", sans[0], "--output", output / "checks.csv"),
    }[command]


def typed(said):
    """The option that a message asks for, and the value it proposes."""
    option, value = OPTION.search(said).groups()
    return option, FIRST_ENTRY.search(said)[1] if value == "…" else value


def answered(pairvae, *call):
    """Call a command and type what it asks for until it is content; what was typed."""
    given = {}
    for _ in range(4):
        code, _, err = pairvae(*call, *(part for pair in given.items() for part in pair))
        if code == 0:
            return given
        option, value = typed(err)
        assert option not in given, err
        given[option] = value
    raise AssertionError(err)


@pytest.mark.parametrize(
    ("lacks", "names"),
    [
        ("q_unit", {"q-unit"}),
        ("columns", {"q-unit", "columns"}),
        ("entry", {"entry"}),
        ("intensity_unit", {"intensity-unit"}),
    ],
)
@pytest.mark.parametrize(("command", "technique"), CALLS)
def test_what_a_command_asks_for_can_be_typed(pairvae, trained, spheres, tmp_path, command, technique, lacks, names):
    files = write_files(tmp_path, spheres, lacks, technique)
    call = (command, *call_of(command, files, tmp_path), "--model", trained.path("model"))
    prefix = f"--{technique}-" if command in ("match", "check") else "--"
    assert set(answered(pairvae, *call)) == {prefix + name for name in names}


@pytest.mark.parametrize("lacks", ["q_unit", "columns", "entry"])
def test_what_is_asked_of_the_file_with_the_wanted_q_can_be_typed(pairvae, trained, spheres, tmp_path, lacks):
    files = write_files(tmp_path, spheres, lacks, "sans")
    call = ("translate", *call_of("translate", files, tmp_path), "--q-like", files["sans"][0])
    asked = answered(pairvae, *call, "--model", trained.path("model"))
    assert all(option.startswith("--q-like-") for option in asked)


def test_statements_on_a_file_that_is_not_named_are_refused(pairvae, trained, spheres, tmp_path):
    call = call_of("translate", write_files(tmp_path, spheres, None, "saxs"), tmp_path)
    code, _, err = pairvae("translate", *call, "--model", trained.path("model"), "--q-like-q-unit", "1/A")
    assert code == 2
    assert "--q-like" in err


@pytest.mark.parametrize("lacks", ["q_unit", "columns", "entry", "intensity_unit"])
@pytest.mark.parametrize("command", ["translate", "check", "read"])
def test_what_is_asked_of_a_row_can_be_written_into_the_table(pairvae, trained, spheres, tmp_path, command, lacks):
    if (command, lacks) == ("read", "intensity_unit"):
        pytest.skip("relative intensities are read; normalize refuses them")
    files = write_files(tmp_path, spheres, lacks, "saxs")
    rows = [
        {"sample_id": saxs.name.partition(".")[0], "saxs": saxs.name, "sans": sans.name}
        for saxs, sans in zip(files["saxs"], files["sans"], strict=True)
    ]
    table = tmp_path / "samples.csv"
    (tmp_path / "read.json").write_text("{}")
    outputs = [part for name in ("saxs", "sans", "samples") for part in (f"--{name}", tmp_path / "run" / name)]
    call = {
        "translate": (table, "--to", "sans", "--output", tmp_path / "out", "--model", trained.path("model")),
        "check": (table, "--model", trained.path("model")),
        "read": ("--manifest", table, "--settings", tmp_path / "read.json", *outputs),
    }[command]
    for _ in range(4):
        with table.open("w", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)
        code, _, err = pairvae(command, *call)
        if code == 0:
            break
        assert "--" not in err.replace("--saxs", "")
        column, value = COLUMN.search(err).groups()
        assert column not in rows[0], err
        for row in rows:
            row[column] = FIRST_ENTRY.search(err)[1] if value == "…" else value
    assert code == 0, err
    assert {name for name in rows[0] if name.startswith("saxs_")} == (
        {"saxs_q_unit", "saxs_columns"} if lacks == "columns" else {f"saxs_{lacks}"}
    )


@pytest.mark.parametrize("lacks", ["q_unit", "columns"])
def test_what_inspect_needs_can_be_typed(pairvae, spheres, tmp_path, lacks):
    file = write_files(tmp_path, spheres, lacks, "saxs")["saxs"][0]
    _, out, _ = pairvae("inspect", file)
    found = re.findall(r"needs (--[\w-]+) '([^']+)'", out)
    assert found
    code, out, _ = pairvae("inspect", file, *(part for pair in found for part in pair))
    assert code == 0
    assert "needs --" not in out


def test_entry_chooses_a_curve_for_inspect(pairvae, spheres, tmp_path):
    file = write_files(tmp_path, spheres, "entry", "saxs")["saxs"][0]
    assert len(pairvae("inspect", file)[1].splitlines()) == 2
    (line,) = pairvae("inspect", file, "--entry", "block 2")[1].splitlines()
    assert "block 2" in line
    assert pairvae("inspect", file, "--entry", "block 3")[0] == 2


@pytest.mark.parametrize(
    ("command", "hint"),
    [("encode", "--q-unit 'q 1/A'"), ("check", "--saxs-q-unit 'q 1/A'"), ("table", "in column saxs_q_unit as q 1/A")],
)
def test_a_hint_in_a_warning_can_be_typed_too(pairvae, trained, spheres, tmp_path, command, hint):
    files = write_files(tmp_path, spheres, None, "saxs")
    file = files["saxs"][0]
    file.write_text(file.read_text().replace("# q[1/A]", "# s[1/A]"))
    model = ("--model", trained.path("model"))
    call = (command, *call_of(command, files, tmp_path), *model) if command != "table" else ()
    if command == "table":
        (tmp_path / "samples.csv").write_text(f"sample_id,saxs,sans\na,{file.name},{files['sans'][0].name}\n")
        call = ("encode", tmp_path / "samples.csv", "--technique", "saxs", "--output", tmp_path / "codes.csv", *model)
    code, out, err = pairvae(*call)
    assert code == 0, err
    (line,) = (line for line in out.splitlines() if "read as s = q/2π" in line)
    assert hint in line
    if command != "table":
        option, value = re.search(r"say (--[\w-]+) '([^']+)'", line).groups()
        code, out, err = pairvae(*call, option, value)
        assert code == 0, err
        assert "read as s = q/2π" not in out
        assert "though the header says" not in out
