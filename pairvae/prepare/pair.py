"""Who belongs to whom, and which samples train, validate and test: decided once, before any training."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from pairvae.errors import UserError
from pairvae.files.whole import written_whole
from pairvae.prepare.spectra_file import ROWS, load_spectra, read_sample_ids
from pairvae.settings import Pair
from pairvae.techniques import SPLITS, Split

PAIR_COLUMNS = ("sample_id", "row_saxs", "row_sans", "group", "split", "material")

TEXT = dict.fromkeys(("sample_id", "group", "split", "material"), "str")


def pair(saxs: Path, sans: Path, samples: Path, settings: Pair, pairs: Path) -> None:
    """Match the rows of two spectra files by sample and split the samples by group.

    Parameters
    ----------
    saxs, sans : Path
        Spectra files.
    samples : Path
        The run's samples.csv: sample_id, optional group, split, material, and covariates.
    settings : Pair
        Shares of validation and test, or folds; seed.
    pairs : Path
        Table to write: `PAIR_COLUMNS` and the covariates; row_saxs or row_sans is empty where a sample was
        measured by the other technique only.

    Raises
    ------
    UserError
        No sample has both curves, a split is left without one, there are splits in the table and folds, too, or all
        training curves of a technique are alike.
    """
    table = pd.read_csv(samples, dtype=TEXT, keep_default_na=False, na_values="")  # a sample may be called NA
    for technique, file in (("saxs", saxs), ("sans", sans)):
        ids = read_sample_ids(file)
        rows = pd.Series(np.arange(len(ids)), index=ids)
        table[f"row_{technique}"] = table["sample_id"].map(rows).astype("Int64")
    for name in ("group", "material", "split"):
        if name not in table:
            table[name] = pd.NA
    table["group"] = table["group"].fillna(table["sample_id"])
    complete = table["row_saxs"].notna() & table["row_sans"].notna()
    if not complete.any():
        raise UserError(
            f"{samples}: no sample has both a SAXS and a SANS curve; "
            "at least four are needed (2 to train, 1 to validate, 1 to test)"
        )
    table["split"] = _split(table, complete, settings, samples)

    pairs_of = table.loc[complete, "split"].value_counts()
    found = ", ".join(f"{name} {pairs_of.get(name, 0)}" for name in SPLITS)
    if any(pairs_of.get(name, 0) < (2 if name == "train" else 1) for name in SPLITS):
        raise UserError(
            f"{samples}: too few samples to split: complete pairs by split are {found}; expected at least "
            "2 to train, 1 to validate, 1 to test; add pairs (or groups), or mend the column split"
        )
    for file in (saxs, sans):
        _refuse_one_curve(file, table[table["split"] == "train"], samples)
    covariates = [name for name in table if name not in PAIR_COLUMNS]
    with written_whole(pairs) as temporary:
        table[[*PAIR_COLUMNS, *covariates]].to_csv(temporary, index=False)
    print(f"pair: {len(table)} samples, complete pairs: {found}; unpaired {int((~complete).sum())}")


def _split(table: pd.DataFrame, complete: "pd.Series[bool]", settings: Pair, where: Path) -> "pd.Series[str]":
    """Split by group: as the user says, else drawn; groups with and without pairs are drawn apart.

    With folds, the groups are drawn in one order, cut into equal parts, and the part that is `fold` is the test:
    Stone, J. R. Stat. Soc. B 36 (1974) 111.
    """
    given = table.dropna(subset=["split"]).groupby("group")["split"].agg(lambda found: sorted(set(found)))
    torn = given[given.map(len) > 1]
    if len(torn):
        raise UserError(
            f"{where}: group {torn.index[0]} stands in the splits {', '.join(torn.iloc[0])}; expected one split "
            "per group: else the test would know what it is tested on"
        )
    if settings.folds and len(given):
        raise UserError(
            f"{where}: the column split says what group {given.index[0]} is for, and pair.folds is {settings.folds}, "
            "which makes every group the test once; empty the column or pair.folds"
        )
    of_group = {str(group): str(found[0]) for group, found in given.items()}
    rng = np.random.default_rng(settings.seed)
    with_pairs = set(table.loc[complete, "group"])
    for paired in (True, False):
        free = sorted({g for g in table["group"] if g not in of_group and (g in with_pairs) == paired})
        order = rng.permutation(len(free))
        val, test = (round(share * len(free)) for share in (settings.val_fraction, settings.test_fraction))
        if settings.folds:
            if paired and len(free) < settings.folds:
                raise UserError(
                    f"{where}: pair.folds is {settings.folds}, but only {len(free)} groups have complete pairs; "
                    "expected at least one in every fold; lower pair.folds"
                )
            start, end = ((settings.fold + i) * len(free) // settings.folds for i in (0, 1))
            order, test = np.roll(order, -start), end - start
            val = round(settings.val_fraction * (len(free) - test))
        if paired and len(free) >= 4:  # a small project still gets one group of each
            val, test = max(val, 1), max(test, 1)
        for position, index in enumerate(order):
            of_group[free[index]] = "test" if position < test else "val" if position < test + val else "train"
    return table["group"].map(of_group)


def _refuse_one_curve(file: Path, train: pd.DataFrame, where: Path) -> None:
    """Refuse a technique whose training curves are all one: nothing can be learned of it, nor any error judged."""
    technique = load_spectra(file, np.empty(0, np.int64)).technique
    rows = rows_of(train.dropna(subset=[f"row_{technique}"]), technique)
    gauge = load_spectra(file, rows[:1])
    for start in range(0, rows.size, ROWS):
        if not load_spectra(file, rows[start : start + ROWS]).is_one_curve(gauge):
            return
    raise UserError(
        f"{where}: the {rows.size} {technique.upper()} curves of the training samples are all the same curve, of "
        f"{', '.join(train['sample_id'][:3])}, …; expected one of each sample; check the files that the table names in "
        f"its column {technique}, and what they hold"
    )


def read_pairs(path: Path) -> pd.DataFrame:
    """The table that `pair` wrote; rows as Int64, empty where unpaired."""
    return pd.read_csv(
        path, dtype=TEXT | {"row_saxs": "Int64", "row_sans": "Int64"}, keep_default_na=False, na_values=""
    )


def complete_pairs(table: pd.DataFrame, split: Split) -> pd.DataFrame:
    """Samples of one split that both techniques measured."""
    both = table["row_saxs"].notna() & table["row_sans"].notna()
    return table[both & (table["split"] == split)].reset_index(drop=True)


def rows_of(table: pd.DataFrame, technique: str) -> npt.NDArray[np.int64]:
    """Rows of a technique's spectra file, in the order of the table."""
    return table[f"row_{technique}"].to_numpy(np.int64)
