"""Who belongs to whom: the table of pairs."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from pairvae.errors import ReadError, UserError
from pairvae.prepare.pair import complete_pairs, pair, read_pairs, rows_of
from pairvae.prepare.spectra_file import Spectra, read_sample_ids, write_spectra
from pairvae.settings import Pair


@pytest.fixture
def project(tmp_path):
    """Write spectra files of these names and a samples.csv of these columns, then pair them."""

    def run(saxs, sans, settings=None, one_curve=None, **columns):
        q = np.geomspace(0.01, 0.1, 5)
        for technique, names in (("saxs", saxs), ("sans", sans)):
            values = np.ones((len(names), q.size), np.float32)
            log_intensity = values * (1 if one_curve == technique else np.arange(len(names))[:, None])
            part = Spectra(technique, q, log_intensity.astype(np.float32), values, values > 0, list(names))
            write_spectra(tmp_path / f"{technique}.h5", technique, q, [part])
        pd.DataFrame(columns).to_csv(tmp_path / "samples.csv", index=False)
        files = SimpleNamespace(saxs=tmp_path / "saxs.h5", sans=tmp_path / "sans.h5", pairs=tmp_path / "pairs.csv")
        pair(files.saxs, files.sans, tmp_path / "samples.csv", settings or Pair(), files.pairs)
        return files

    return run


NAMES = [f"s{i}" for i in range(20)]


def test_rows_lead_to_the_curves_of_the_sample_whatever_their_order(project):
    files = project(NAMES[::-1], NAMES[3:] + NAMES[:3], sample_id=NAMES)
    table = read_pairs(files.pairs)
    for technique in ("saxs", "sans"):
        ids = np.array(read_sample_ids(getattr(files, technique)))
        assert ids[rows_of(table, technique)].tolist() == table["sample_id"].tolist()


def test_sample_without_a_partner_has_an_empty_row_and_is_in_no_complete_pair(project):
    table = read_pairs(project(NAMES[2:], NAMES[:-3], sample_id=NAMES).pairs)
    assert table.loc[table["row_saxs"].isna(), "sample_id"].tolist() == NAMES[:2]
    assert table.loc[table["row_sans"].isna(), "sample_id"].tolist() == NAMES[-3:]
    complete = pd.concat([complete_pairs(table, split) for split in ("train", "val", "test")])
    assert sorted(complete["sample_id"]) == sorted(NAMES[2:-3])


def test_covariates_and_material_are_handed_on(project):
    d2o = [0.1 * i for i in range(19)] + [np.nan]
    files = project(NAMES, NAMES, sample_id=NAMES, material=["latex"] * 20, d2o_fraction=d2o, ph=["a"] * 20)
    table = read_pairs(files.pairs)
    np.testing.assert_allclose(table["d2o_fraction"], d2o)
    assert set(table["material"]) == {"latex"}
    assert set(table["ph"]) == {"a"}


@pytest.mark.parametrize("name", ["007", "NA", "None", "1e3", "µ 1"])
def test_name_of_a_sample_stays_the_text_that_it_is(project, name):
    names = [name, *NAMES]
    table = read_pairs(project(names, names, sample_id=names).pairs)
    assert table["sample_id"].tolist() == names
    assert table["row_saxs"].notna().all()


def test_no_complete_pair_is_one_error_and_no_file(project, tmp_path):
    with pytest.raises(UserError, match="no sample has both") as caught:
        project(NAMES[:10], NAMES[10:], sample_id=NAMES)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "pairs.csv").exists()


@pytest.mark.parametrize("count", [1, 2, 3])
def test_too_few_pairs_to_split_are_refused(project, tmp_path, count):
    with pytest.raises(UserError, match=r"too few samples to split: .* expected at least 2 to train"):
        project(NAMES[:count], NAMES[:count], sample_id=NAMES[:count])
    assert not (tmp_path / "pairs.csv").exists()


def test_four_pairs_are_enough(project):
    table = read_pairs(project(NAMES[:4], NAMES[:4], sample_id=NAMES[:4]).pairs)
    assert table["split"].value_counts().to_dict() == {"train": 2, "val": 1, "test": 1}


def test_spectra_file_of_another_kind_is_refused(project, tmp_path):
    files = project(NAMES, NAMES, sample_id=NAMES)
    files.saxs.write_text("no HDF5")
    with pytest.raises(ReadError, match="cannot be opened as HDF5"):
        pair(files.saxs, files.sans, tmp_path / "samples.csv", Pair(), files.pairs)


# Cross-validation

GROUPS = [f"g{i // 3}" for i in range(60)]
SAMPLES = [f"s{i}" for i in range(60)]


def folds_of(project, folds, **changes):
    """The table of every fold; three samples in a group, some of them with one curve only."""
    tables = []
    for fold in range(folds):
        settings = Pair(folds=folds, fold=fold, **changes)
        tables.append(read_pairs(project(SAMPLES[6:], SAMPLES[:-3], settings, sample_id=SAMPLES, group=GROUPS).pairs))
    return tables


@pytest.mark.parametrize("folds", [2, 5, 7])
def test_every_group_is_the_test_of_exactly_one_fold(project, folds):
    tables = folds_of(project, folds)
    tested = [group for table in tables for group in set(table.loc[table["split"] == "test", "group"])]
    assert sorted(tested) == sorted(set(GROUPS))
    sizes = [(table["split"] == "test").sum() / 3 for table in tables]
    assert max(sizes) - min(sizes) <= 2  # groups with and without pairs are dealt out apart


def test_no_fold_splits_a_group_and_every_fold_trains_and_validates(project):
    for table in folds_of(project, 5):
        assert not table.drop_duplicates(["group", "split"])["group"].duplicated().any()
        assert set(complete_pairs(table, "train")["group"]).isdisjoint(complete_pairs(table, "val")["group"])
        assert len(complete_pairs(table, "train")) > len(complete_pairs(table, "val")) > 0


def test_folds_follow_from_the_seed_alone(project):
    first, again, other = (folds_of(project, 3, seed=seed) for seed in (1, 1, 2))
    for one, two in zip(first, again, strict=True):
        pd.testing.assert_frame_equal(one, two)
    assert any(not one.equals(two) for one, two in zip(first, other, strict=True))


def test_folds_and_a_column_split_exclude_each_other(project, tmp_path):
    with pytest.raises(UserError, match=r"the column split says what group s0 is for, and pair\.folds is 3"):
        project(NAMES, NAMES, Pair(folds=3), sample_id=NAMES, split=["test", *[""] * 19])
    assert not (tmp_path / "pairs.csv").exists()


def test_more_folds_than_groups_with_pairs_are_refused(project):
    with pytest.raises(UserError, match=r"pair\.folds is 5, but only 4 groups have complete pairs"):
        project(NAMES[:4], NAMES[:4], Pair(folds=5), sample_id=NAMES[:4])


@pytest.mark.parametrize("settings", [{"fold": 1}, {"folds": 3, "fold": 3}])
def test_fold_that_there_is_none_of_is_refused(settings):
    with pytest.raises(ValueError, match="expected 0 … folds − 1"):
        Pair(**settings)


@pytest.mark.parametrize("technique", ["saxs", "sans"])
def test_training_curves_that_are_all_the_same_are_refused_before_any_training(project, tmp_path, technique):
    with pytest.raises(UserError, match=rf"{technique.upper()} curves .* all the same .* its column {technique}"):
        project(NAMES, NAMES, one_curve=technique, sample_id=NAMES)
    assert not (tmp_path / "pairs.csv").exists()


@pytest.mark.parametrize("sans", ["1.5", "0"])
def test_files_of_one_technique_that_all_hold_the_same_end_the_run_in_a_sentence_before_training(
    pairvae, tmp_path, monkeypatch, sans
):
    example = Path(__file__).parents[1] / "data" / "example" / "raw"
    rows = ["sample_id,saxs,sans,saxs_q_unit"]
    for i, file in enumerate(sorted(example.glob("*_saxs.dat"))[:8]):
        shutil.copy(file, tmp_path)
        lines = (f"{q:.4g} {sans} 0.1\n" for q in np.geomspace(0.005, 0.3, 80))
        (tmp_path / f"const{i}.dat").write_text("# q[1/A] I[1/cm] dI\n" + "".join(lines))
        rows.append(f"c{i},{file.name},const{i}.dat,1/nm")
    (tmp_path / "samples.csv").write_text("\n".join(rows))
    for stage in ("read", "normalize", "pair"):
        (tmp_path / f"{stage}.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    calls = [
        "read --manifest samples.csv --settings read.json --saxs saxs.h5 --sans sans.h5 --samples run.csv",
        "normalize --curves saxs.h5 --settings normalize.json --spectra saxs_s.h5",
        "normalize --curves sans.h5 --settings normalize.json --spectra sans_s.h5",
        "pair --saxs saxs_s.h5 --sans sans_s.h5 --samples run.csv --settings pair.json --pairs pairs.csv",
    ]
    errors = [err for code, _, err in (pairvae(*call.split()) for call in calls) if code == 2]
    assert "SANS curves of the training samples are all the same curve, of c0, c1" in errors[0]
    assert errors[0].count("\n") == 1
    assert not Path("pairs.csv").exists()
