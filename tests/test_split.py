"""One split for all: no sample crosses it, in pretraining or in joint training."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
import torch

from pairvae.errors import UserError
from pairvae.models.pairvae import PairVAE
from pairvae.models.tensors import paired_tensors
from pairvae.models.weights_file import load_resvae
from pairvae.prepare.pair import complete_pairs, pair, read_pairs, rows_of
from pairvae.prepare.spectra_file import Spectra, load_spectra, write_spectra
from pairvae.settings import Pair
from pairvae.train.pretrain import pretrain

SPLITS = ("train", "val", "test")


@pytest.fixture
def split(gridded, tmp_path):
    """Split the spheres with these columns added to samples.csv."""

    def run(settings=None, **columns):
        table = pd.read_csv(gridded.path("samples.csv")).assign(**columns)
        table.to_csv(tmp_path / "samples.csv", index=False)
        pair(
            gridded.path("spectra/saxs.h5"),
            gridded.path("spectra/sans.h5"),
            tmp_path / "samples.csv",
            settings or Pair(),
            tmp_path / "pairs.csv",
        )
        return read_pairs(tmp_path / "pairs.csv")

    return run


@pytest.mark.parametrize("seed", range(5))
def test_groups_never_cross_splits(split, seed):
    group = [f"batch {i // 5}" for i in range(80)]
    table = split(Pair(seed=seed, val_fraction=0.3, test_fraction=0.3), group=group)
    assert len(table[["group", "split"]].drop_duplicates()) == 16
    assert set(table["split"]) == set(SPLITS)


def test_split_of_the_user_is_obeyed(split):
    given = [SPLITS[i % 3] for i in range(80)]
    assert split(split=given)["split"].tolist() == given


def test_only_blank_cells_are_drawn(split):
    given = ["test"] * 10 + [None] * 70
    found = split(split=given)["split"]
    assert (found[:10] == "test").all()
    assert set(found[10:]) == set(SPLITS)


def test_blank_cell_follows_its_group(split):
    group = ["twins"] * 4 + [None] * 76
    found = split(group=group, split=[None, "test", None, None] + [None] * 76)["split"]
    assert (found[:4] == "test").all()


def test_torn_group_is_refused_by_name(split):
    with pytest.raises(UserError, match="group twins stands in the splits test, train") as caught:
        split(group=["twins"] * 2 + [None] * 78, split=["test", "train"] + [None] * 78)
    assert "\n" not in str(caught.value)


def test_split_that_the_user_left_without_test_is_refused(split):
    with pytest.raises(UserError, match="test 0"):
        split(split=["train", "val"] * 40)


def test_same_seed_gives_the_same_split_and_another_seed_another(split):
    first, again, other = (split(Pair(seed=seed))["split"].tolist() for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_shares_are_those_of_the_settings_for_paired_and_unpaired_alike(split):
    table = split(Pair(val_fraction=0.25, test_fraction=0.2))
    both = table["row_saxs"].notna() & table["row_sans"].notna()
    for part, count in ((table[both], 60), (table[~both], 20)):
        assert part["split"].value_counts().to_dict() == {
            "val": round(0.25 * count),
            "test": round(0.2 * count),
            "train": count - round(0.25 * count) - round(0.2 * count),
        }


def test_row_order_of_samples_csv_does_not_change_the_split(split, gridded, tmp_path):
    table = split()
    shuffled = pd.read_csv(gridded.path("samples.csv")).sample(frac=1, random_state=1)
    shuffled.to_csv(tmp_path / "samples.csv", index=False)
    files = [gridded.path("spectra/saxs.h5"), gridded.path("spectra/sans.h5"), tmp_path / "samples.csv"]
    pair(*files, Pair(), tmp_path / "pairs.csv")
    found = read_pairs(tmp_path / "pairs.csv").set_index("sample_id")["split"]
    assert found.sort_index().equals(table.set_index("sample_id")["split"].sort_index())


def test_joint_training_sees_the_complete_pairs_of_its_split_and_no_others(pretrained):
    network = PairVAE(*(load_resvae(pretrained.path(f"pretrain/{t}.safetensors")) for t in ("saxs", "sans")))
    files = [pretrained.path(name) for name in ("spectra/saxs.h5", "spectra/sans.h5", "pairs.csv")]
    table = read_pairs(files[2])
    for name in SPLITS:
        tensors = paired_tensors(*files, network, name)
        wanted = complete_pairs(table, name)
        assert wanted[["row_saxs", "row_sans"]].notna().all(axis=None)
        for t, file in zip(("saxs", "sans"), files[:2], strict=True):
            spectra = load_spectra(file, rows_of(wanted, t))
            assert spectra.sample_id == wanted["sample_id"].tolist()
            shown, mask = tensors[t]["log_intensity"].numpy(), spectra.mask
            np.testing.assert_array_equal(shown[mask], spectra.log_intensity[mask])
            np.testing.assert_array_equal(tensors[t]["mask"].numpy() > 0, mask)


def test_samples_of_two_splits_have_no_curve_in_common(gridded):
    table = read_pairs(gridded.path("pairs.csv"))
    for technique in ("saxs", "sans"):
        rows = {name: set(table.loc[table["split"] == name, f"row_{technique}"].dropna()) for name in SPLITS}
        assert all(rows[a].isdisjoint(rows[b]) for a, b in combinations(SPLITS, 2))


def test_scaler_is_that_of_all_training_curves_paired_or_not(pretrained):
    table = read_pairs(pretrained.path("pairs.csv"))
    for technique in ("saxs", "sans"):
        train = table[(table["split"] == "train") & table[f"row_{technique}"].notna()]
        assert len(train) > len(complete_pairs(table, "train"))
        spectra = load_spectra(pretrained.path(f"spectra/{technique}.h5"), rows_of(train, technique))
        network = load_resvae(pretrained.path(f"pretrain/{technique}.safetensors"))
        values = np.where(spectra.mask, spectra.log_intensity, np.nan).astype(float)
        np.testing.assert_allclose(network.mean, np.nanmean(values, axis=0), rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(network.std, np.maximum(np.nanstd(values, axis=0), 0.05), rtol=1e-5)


def _short_pretraining(project, spectra, folder):
    settings = project.pretrain.model_copy(update={"steps": 3})
    paths = [folder / name for name in ("w.safetensors", "h.csv", "resume")]
    pretrain(spectra, project.path("pairs.csv"), settings, *paths, threads=1)
    return load_resvae(paths[0])


def _with_rows(project, split, values, path):
    """The SAXS spectra with other values in the rows of one split."""
    spectra = load_spectra(project.path("spectra/saxs.h5"))
    table = read_pairs(project.path("pairs.csv"))
    rows = rows_of(table[(table["split"] == split) & table["row_saxs"].notna()], "saxs")
    log_intensity = spectra.log_intensity.copy()
    log_intensity[rows] = values
    part = Spectra("saxs", spectra.q, log_intensity, spectra.log_sigma, spectra.mask, spectra.sample_id)
    write_spectra(path, "saxs", spectra.q, [part])
    return path


def test_wild_test_curves_change_nothing_that_is_learned(gridded, tmp_path):
    wild = _with_rows(gridded, "test", 7.0, tmp_path / "wild.h5")
    usual = _short_pretraining(gridded, gridded.path("spectra/saxs.h5"), tmp_path / "usual")
    other = _short_pretraining(gridded, wild, tmp_path / "wild")
    for name, tensor in usual.state_dict().items():
        assert torch.equal(tensor, other.state_dict()[name]), name


def test_wild_validation_curves_do_not_change_the_scaler(gridded, tmp_path):
    wild = _with_rows(gridded, "val", 7.0, tmp_path / "wild.h5")
    usual = _short_pretraining(gridded, gridded.path("spectra/saxs.h5"), tmp_path / "usual")
    other = _short_pretraining(gridded, wild, tmp_path / "wild")
    assert torch.equal(usual.mean, other.mean)
    assert torch.equal(usual.std, other.std)


def test_too_few_curves_to_pretrain_are_refused(gridded, tmp_path):
    table = read_pairs(gridded.path("pairs.csv"))
    table = table[(table["split"] != "train") | table["row_saxs"].isna()]
    table.to_csv(tmp_path / "pairs.csv", index=False)
    paths = [tmp_path / name for name in ("w.safetensors", "h.csv", "resume")]
    with pytest.raises(UserError, match="0 saxs curves in the train split"):
        pretrain(gridded.path("spectra/saxs.h5"), tmp_path / "pairs.csv", gridded.pretrain, *paths, threads=1)
    assert not paths[0].exists()
