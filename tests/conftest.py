"""Spheres of known radius, seen by X-rays and by neutrons: the true answer is known."""

import gc
import os
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from dataclasses import replace as replaced
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from filelock import FileLock

from pairvae.cli.app import OBJECTS
from pairvae.formats.write import write_text
from pairvae.prepare.normalize import normalize
from pairvae.prepare.pair import complete_pairs, pair, read_pairs
from pairvae.scattering.curves_file import CurvesWriter
from pairvae.scattering.spectrum import Source, Spectrum
from pairvae.settings import (
    Architecture,
    Baselines,
    Calibrate,
    Grid,
    JointTrain,
    Normalize,
    Pair,
    Pretrain,
)

# threads that wait for each other cost these small networks more time than they save
os.environ.setdefault("OMP_NUM_THREADS", "1")
# as the command line: what torch and lightning import stays, and need not be looked through for garbage again and again
gc.set_threshold(OBJECTS)

SAMPLES = 80
ONLY_SAXS, ONLY_SANS = range(60, 72), range(72, 80)  # the others were measured by both techniques
Q = {"saxs": np.geomspace(0.008, 0.5, 120), "sans": np.geomspace(0.004, 0.3, 90)}
BACKGROUND = {"saxs": 2e-3, "sans": 0.05}
CONTRAST = {"silica": 9.5, "latex": 3.0}  # to X-rays, 1e-6/Å²
SLD = {"silica": 3.5, "latex": 1.4}  # of neutrons, 1e-6/Å²


def pytest_xdist_auto_num_workers():
    """One more than cores: tests of jobs, clusters and browsers wait much of their time."""
    return (os.cpu_count() or 1) + 1


def pytest_collection_modifyitems(items):
    """Files with slow tests come first, so that none of them is left when all others have ended."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


def sphere(q, radius):
    """Form factor P(q) of a sphere, 1 at q = 0, smeared over 10 % of radius (Rayleigh, Proc. R. Soc. A 84, 25)."""
    radii = radius * (1 + 0.1 * np.linspace(-2, 2, 9))
    share = np.exp(-0.5 * np.linspace(-2, 2, 9) ** 2) * radii**6
    x = q[:, None] * radii
    return (9 * (np.sin(x) - x * np.cos(x)) ** 2 / x**6) @ share / share.sum()


@dataclass(frozen=True)
class Sphere:
    """One sample: spheres in water."""

    name: str
    radius: float  # Å
    volume_fraction: float
    material: str
    d2o_fraction: float

    def intensity(self, technique, q):
        """Cross section in 1/cm, without noise."""
        solvent = -0.56 + 6.91 * self.d2o_fraction
        contrast = CONTRAST[self.material] if technique == "saxs" else SLD[self.material] - solvent
        # 1e-12/Å⁴ · Å³ = 1e-4/cm
        scale = 1e-4 * self.volume_fraction * 4 / 3 * np.pi * self.radius**3 * contrast**2
        return scale * sphere(q, self.radius) + BACKGROUND[technique]

    def curve(self, technique, **changed):
        """Measured with 3 % noise on a range that holds nearly all of the grid."""
        q = np.geomspace(0.01, 0.4, 90)
        exact = self.intensity(technique, q)
        sigma = 0.03 * exact
        intensity = exact + sigma * np.random.default_rng(7).normal(size=q.size)
        facts = {"q": q, "intensity": intensity, "sigma": sigma, "technique": technique, "sample": self.name}
        return Spectrum(**facts | changed)

    @property
    def covariates(self):
        """Its covariates, as the networks see them."""
        return {"d2o_fraction": self.d2o_fraction, "material": self.material}


@dataclass(frozen=True)
class Project:
    """Files and settings of a small run, as far as it has come."""

    folder: Path
    samples: tuple[Sphere, ...]
    gridding: dict[str, Normalize]
    pretrain: Pretrain
    joint_train: JointTrain
    baselines: Baselines

    def path(self, name):
        """Input or output of a stage: `curves/saxs.h5`."""
        return self.folder / name


def draw_spheres(seed=0, count=SAMPLES):
    """Samples with radius, concentration, material and solvent drawn at random."""
    rng = np.random.default_rng(seed)
    return tuple(
        Sphere(
            name=f"sphere_{i:02d}",
            radius=float(np.exp(rng.uniform(np.log(25), np.log(90)))),
            volume_fraction=float(np.exp(rng.uniform(np.log(0.005), np.log(0.02)))),
            material=("silica", "latex")[i % 2],
            d2o_fraction=float(rng.choice([0.0, 1.0])),
        )
        for i in range(count)
    )


def measure(sample, technique, rng, noise=0.03):
    """A noisy curve, each end cut by chance."""
    q = Q[technique][rng.integers(0, 8) : Q[technique].size - rng.integers(0, 8)]
    exact = sample.intensity(technique, q)
    sigma = noise * exact + 1e-3 * BACKGROUND[technique]
    source = Source(f"{sample.name}.{technique}")
    return Spectrum(
        q, exact + sigma * rng.normal(size=q.size), sigma, technique=technique, sample=sample.name, source=source
    )


def write_curves(path, technique, curves):
    """A curves file of these curves."""
    with CurvesWriter(path, technique) as file:
        for curve in curves:
            file.append(curve)
    return path


def write_project(folder, samples):
    """Curves, their noise-free truth and samples.csv."""
    rng = np.random.default_rng(1)
    for technique, others in (("saxs", ONLY_SANS), ("sans", ONLY_SAXS)):
        curves = [measure(one, technique, rng) for i, one in enumerate(samples) if i not in others]
        write_curves(folder / f"curves/{technique}.h5", technique, curves)
        exact = {one.name: one.intensity(technique, Q[technique]) for one in samples}
        truth = [replaced(curve, q=Q[technique], intensity=exact[curve.sample], sigma=None) for curve in curves]
        write_curves(folder / f"truth/{technique}.h5", technique, truth)
    table = pd.DataFrame([vars(one) for one in samples]).rename(columns={"name": "sample_id"})
    table.loc[3, "d2o_fraction"] = np.nan  # not every sample's solvent was written down
    table[["sample_id", "material", "d2o_fraction"]].to_csv(folder / "samples.csv", index=False)


@contextmanager
def made_once(folder, name):
    """Whether a part of a folder that all workers share is still to be made; the others wait meanwhile."""
    with FileLock(folder / f"{name}.lock"):
        done = folder / f"{name}.done"
        yield not done.exists()
        done.touch()


@pytest.fixture(scope="session")
def measured(tmp_path_factory):
    """Curves of spheres, measured by one or both techniques; nothing done with them yet.

    The folder and what the fixtures below add to it are made once, by whichever worker needs it first.
    """
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "spheres"
    folder.mkdir(exist_ok=True)
    samples = draw_spheres()
    with made_once(folder, "measured") as to_do:
        if to_do:
            write_project(folder, samples)
    small = {
        "batch_size": 16,
        "learning_rate": 4e-3,
        "accelerator": "cpu",
        "seed": 3,
        "average_decay": 0.98,
    }
    architecture = Architecture(channels=(4, 8), hidden=16, dropout=0.0)
    return Project(
        folder=folder,
        samples=samples,
        gridding={t: Normalize(grid=Grid(points=points)) for t, points in (("saxs", 50), ("sans", 41))},
        pretrain=Pretrain(
            **small, steps=200, latent_dim=4, covariates=("d2o_fraction", "material"), architecture=architecture
        ),
        joint_train=JointTrain(**small, steps=300),
        baselines=Baselines(**small, steps=50, neighbours=3),
    )


@pytest.fixture(scope="session")
def gridded(measured):
    """The same, normalized and paired."""
    with made_once(measured.folder, "gridded") as to_do:
        if to_do:
            for technique, settings in measured.gridding.items():
                normalize(measured.path(f"curves/{technique}.h5"), settings, measured.path(f"spectra/{technique}.h5"))
            pair(
                measured.path("spectra/saxs.h5"),
                measured.path("spectra/sans.h5"),
                measured.path("samples.csv"),
                Pair(val_fraction=0.25, test_fraction=0.2, seed=3),
                measured.path("pairs.csv"),
            )
    return measured


@pytest.fixture(scope="session")
def pretrained(gridded):
    """The same, with a pretrained network per technique."""
    with made_once(gridded.folder, "pretrained") as to_do:
        if to_do:
            pretrain_both(gridded)
    return gridded


@pytest.fixture(scope="session")
def trained(pretrained):
    """The same, trained on pairs, with a model folder."""
    with made_once(pretrained.folder, "trained") as to_do:
        if to_do:
            train_and_calibrate(pretrained)
    return pretrained


@pytest.fixture(scope="session")
def evaluated(trained):
    """The same, with baselines, metrics.json and predictions.h5, with and without truth."""
    with made_once(trained.folder, "evaluated") as to_do:
        if to_do:
            evaluate_twice(trained)
    return trained


def pretrain_both(project):
    """Write the weights of both techniques."""
    from pairvae.train.pretrain import pretrain

    for technique in ("saxs", "sans"):
        pretrain(
            project.path(f"spectra/{technique}.h5"),
            project.path("pairs.csv"),
            project.pretrain,
            project.path(f"pretrain/{technique}.safetensors"),
            project.path(f"pretrain/{technique}.csv"),
            project.path(f"resume/{technique}"),
            threads=1,
        )


def train_and_calibrate(project):
    """Write the weights of two members, and the model folder of both."""
    from pairvae.train.joint_train import joint_train
    from pairvae.trust.calibrate import calibrate

    files = [project.path(name) for name in ("spectra/saxs.h5", "spectra/sans.h5", "pairs.csv")]
    weights = [project.path("joint.safetensors"), project.path("second.safetensors")]
    for member, path in enumerate(weights, start=1):
        joint_train(
            *files,
            project.path("pretrain/saxs.safetensors"),
            project.path("pretrain/sans.safetensors"),
            project.joint_train,
            path,
            path.with_suffix(".csv"),
            project.path(f"resume/joint/{member}"),
            threads=1,
            member=member,
        )
    calibrate(*files, weights, project.gridding, Calibrate(), project.path("model"))


def evaluate_twice(project):
    """Write metrics.json and predictions.h5, with and without truth."""
    from pairvae.evaluation.baselines import baselines
    from pairvae.evaluation.evaluate import evaluate

    files = [project.path(name) for name in ("spectra/saxs.h5", "spectra/sans.h5", "pairs.csv")]
    networks = dict.fromkeys(("saxs", "sans"), project.pretrain)
    guesses = project.path("baselines.h5")
    curves = {t: project.path(f"curves/{t}.h5") for t in ("saxs", "sans")}
    baselines(*files, curves, networks, project.baselines, guesses, project.path("resume/baselines"), threads=1)
    truth = {t: project.path(f"truth/{t}.h5") for t in ("saxs", "sans")}
    for name, known in (("evaluated", truth), ("without_truth", None)):
        evaluate(
            project.path("model"),
            *files,
            guesses,
            known,
            project.path(f"{name}/metrics.json"),
            project.path(f"{name}/predictions.h5"),
            threads=1,
        )


@pytest.fixture(scope="session")
def model(trained):
    """The trained model, loaded."""
    from pairvae import load_model

    return load_model(trained.path("model"))


@pytest.fixture(scope="session")
def spheres(trained):
    """The samples of the test split."""
    names = complete_pairs(read_pairs(trained.path("pairs.csv")), "test")["sample_id"].tolist()
    return [sample for sample in trained.samples if sample.name in names]


@pytest.fixture
def raw(spheres, tmp_path):
    """A folder as a user has it: curves of six spheres in raw/, and the samples.csv that names them."""
    rows = []
    for one in spheres[:6]:
        for technique in ("saxs", "sans"):
            write_text(tmp_path / f"raw/{technique}/{one.name}.csv", one.curve(technique))
        names = [f"raw/{technique}/{one.name}.csv" for technique in ("saxs", "sans")]
        rows.append([one.name, *names, one.d2o_fraction, one.material])
    columns = ["sample_id", "saxs", "sans", "d2o_fraction", "material"]
    pd.DataFrame(rows, columns=columns).to_csv(tmp_path / "samples.csv", index=False)
    return tmp_path


@pytest.fixture
def pairvae(monkeypatch, capsys):
    """Call the command line; exit code, stdout and stderr."""
    from pairvae.cli.app import main

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["pairvae", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code, *capsys.readouterr()

    return call


@pytest.fixture
def text_file(tmp_path):
    """Write a file as a test says it, text or bytes; its path."""

    def write(content, name="curve.dat"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write
