"""A job that was given a GPU and sees none says why, at once; every log says where it was written."""

import sys

import pytest
import torch

from pairvae.cli.app import main
from pairvae.errors import UserError
from pairvae.train.device import find_device, missing_gpu

no_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")


def pretrain(project, tmp_path, monkeypatch, *arguments, accelerator):
    """Exit code of a short pretraining by the command line."""
    settings = tmp_path / "pretrain.saxs.json"
    settings.write_text(project.pretrain.model_copy(update={"steps": 1, "accelerator": accelerator}).model_dump_json())
    files = {"spectra": project.path("spectra/saxs.h5"), "pairs": project.path("pairs.csv"), "settings": settings}
    files |= {"weights": tmp_path / "w.safetensors", "history": tmp_path / "h.csv", "resume": tmp_path / "resume"}
    options = [part for name, file in files.items() for part in (f"--{name}", str(file))]
    monkeypatch.setattr(sys, "argv", ["pairvae", "pretrain", *options, *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code


@no_gpu
def test_job_that_was_given_a_gpu_does_not_train_on_the_processor(gridded, tmp_path, monkeypatch, capsys):
    assert pretrain(gridded, tmp_path, monkeypatch, "--gpus", "1", accelerator="auto") == 2
    out, err = capsys.readouterr()
    assert err.startswith("pairvae: the job asked for 1 GPU but no GPU was found: ")
    assert err.count("\n") == 1
    assert out.startswith("pretrain.saxs: host ")  # the first thing to know: which node it was
    assert not (tmp_path / "resume").exists()


def test_settings_that_say_cpu_need_no_gpu(gridded, tmp_path, monkeypatch, capsys):
    assert pretrain(gridded, tmp_path, monkeypatch, "--gpus", "1", accelerator="cpu") == 0
    assert "pretrain.saxs: device cpu\n" in capsys.readouterr().out


@no_gpu
def test_auto_without_a_request_takes_the_processor():
    assert find_device("auto").type == "cpu"


@no_gpu
def test_accelerator_gpu_wants_one_without_a_request():
    with pytest.raises(UserError, match="accelerator is gpu but no GPU was found"):
        find_device("gpu")


@pytest.mark.parametrize(
    ("cuda", "driver", "visible", "reason"),
    [
        (None, True, "0", "is built for the processor only; install a CUDA build"),
        ("12.8", False, "0", "this node has no NVIDIA driver"),
        ("12.8", True, "", "CUDA_VISIBLE_DEVICES is '', which hides every GPU"),
        ("12.8", True, "-1", "CUDA_VISIBLE_DEVICES is '-1', which hides every GPU"),
        ("12.8", True, "1", "cannot use the driver that is installed (CUDA_VISIBLE_DEVICES is '1')"),
        ("12.8", True, None, "cannot use the driver that is installed (CUDA_VISIBLE_DEVICES is None)"),
    ],
)
def test_reason_for_a_missing_gpu_is_named(monkeypatch, tmp_path, cuda, driver, visible, reason):
    monkeypatch.setattr(torch.version, "cuda", cuda)
    monkeypatch.setattr(torch.version, "hip", None)
    if visible is None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    else:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    if driver:
        (tmp_path / "version").write_text("NVRM version")
    assert reason in missing_gpu(tmp_path / "version")


@pytest.mark.parametrize(
    "variables", [{"SLURM_NTASKS": "4", "SLURM_PROCID": "2"}, {"SLURM_NTASKS": "2", "SLURM_NNODES": "2"}]
)
def test_variables_of_a_batch_system_do_not_describe_the_training(gridded, tmp_path, monkeypatch, capsys, variables):
    for name, value in {"SLURM_JOB_ID": "4711", "SLURM_LOCALID": "1", "SLURM_NODEID": "1", **variables}.items():
        monkeypatch.setenv(name, value)
    assert pretrain(gridded, tmp_path, monkeypatch, accelerator="cpu") == 0
    out, err = capsys.readouterr()
    assert "job SLURM_JOB_ID=4711\n" in out
    assert "srun" not in out + err
    assert (tmp_path / "w.safetensors").exists()
