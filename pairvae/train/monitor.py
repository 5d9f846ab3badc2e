"""What shows a training while it runs, beside history.csv; it changes none of the training's numbers."""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import lightning
from lightning.pytorch import callbacks
from lightning.pytorch.loggers import Logger

from pairvae.errors import UserError
from pairvae.models.pairvae import PairVAE
from pairvae.models.tensors import Batches
from pairvae.settings import Fit

# The modules of each tracker, and what brings them: the extra `monitor` of pyproject.toml.
NEEDED = {
    "tensorboard": (("tensorboard",), "tensorboard"),
    "mlflow": (("mlflow", "sqlalchemy", "alembic"), "mlflow-skinny sqlalchemy alembic"),
}
SHOW_ONLY = {"monitor", "figures_every"}  # settings that change no number
EpochRows = Callable[[], Sequence[Mapping[str, float]]]
# Draws (networks, validation curves by technique, title, file to write).
Draw = Callable[[PairVAE, Batches, str, Path], None]


class Tracking(callbacks.Callback):
    """Hands every row of the history to TensorBoard or MLflow, through Lightning's loggers.

    Parameters
    ----------
    name : str
        Of the stage.
    settings : Fit
        Which trackers; each records all settings.
    history : callable
        Gives the rows of the history so far: this callback stands behind the one that fills it.
    folder : Path
        Of TensorBoard's events, and of MLflow's database unless MLFLOW_TRACKING_URI names another.

    Raises
    ------
    UserError
        A tracker is not installed.
    """

    def __init__(self, name: str, settings: Fit, history: EpochRows, folder: Path) -> None:
        self.name, self.settings, self.history, self.folder = name, settings, history, folder
        self.loggers: list[Logger] = []
        self.run_id: str | None = None  # of MLflow: a training that goes on does so in its run
        for tracker in settings.monitor:
            modules, packages = NEEDED[tracker]
            if missing := [module for module in modules if find_spec(module) is None]:
                raise UserError(
                    f"{name}: monitor names {tracker}, but {sys.executable} has no {', '.join(missing)}; install it "
                    f"with `pip install {packages}`, or leave {tracker} out"
                )

    def on_train_start(self, trainer: lightning.Trainer, _: lightning.LightningModule) -> None:  # noqa: ARG002
        """Begin behind the resume file, which knows MLflow's run."""
        self.loggers = [self._logger(tracker) for tracker in self.settings.monitor]
        for logger in self.loggers:
            logger.log_hyperparams(self.settings.model_dump(mode="json", exclude=SHOW_ONLY))

    def on_train_epoch_end(self, trainer: lightning.Trainer, _: lightning.LightningModule) -> None:  # noqa: ARG002
        """Tell the row of this epoch."""
        row = dict(self.history()[-1])
        step = int(row.pop("step"))
        for logger in self.loggers:
            logger.log_metrics(row, step)
            logger.save()

    def on_train_end(self, trainer: lightning.Trainer, _: lightning.LightningModule) -> None:  # noqa: ARG002
        """Close what was opened."""
        self._close("success")

    def on_exception(self, trainer: lightning.Trainer, _: lightning.LightningModule, fault: BaseException) -> None:  # noqa: ARG002
        """The same, for a training that failed or was stopped."""
        self._close("failed")

    def state_dict(self) -> dict[str, Any]:
        """For the resume file."""
        return {"run_id": self.run_id}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """From the resume file."""
        self.run_id = state["run_id"]

    def _logger(self, tracker: str) -> Logger:
        self.folder.mkdir(parents=True, exist_ok=True)
        if tracker == "tensorboard":
            from lightning.pytorch.loggers import TensorBoardLogger

            return TensorBoardLogger(self.folder, name="", version="", default_hp_metric=False)
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # no word to its makers about what is trained here
        from lightning.pytorch.loggers import MLFlowLogger

        own = f"sqlite:///{self.folder.absolute() / 'mlflow.db'}"
        logger = MLFlowLogger(
            "pairvae",
            run_name=self.name,
            tracking_uri=os.environ.get("MLFLOW_TRACKING_URI") or own,
            tags={"folder": str(self.folder)},
            artifact_location=self.folder.absolute().as_uri(),
            run_id=self.run_id,
        )
        self.run_id = logger.run_id
        return logger

    def _close(self, status: str) -> None:
        for logger in self.loggers:
            logger.finalize(status)
        self.loggers = []


class Figures(callbacks.Callback):
    """Draws validation curves and what the latent space holds, every so many epochs.

    Stands before the average of the weights, which then is in the network.

    Parameters
    ----------
    name : str
        Of the stage.
    network : PairVAE
        In training; where one technique is trained alone, its network twice.
    val : mapping
        Validation curves of the techniques that are trained.
    every : int
        Epochs between two drawings; 0: none.
    draw : callable, optional
        What draws; None: nothing is drawn.
    folder : Path
        Of the pages, `epoch_0010.html`.
    """

    def __init__(self, name: str, network: PairVAE, val: Batches, every: int, draw: Draw | None, folder: Path) -> None:
        self.name, self.network, self.val = name, network, val
        self.every, self.draw, self.folder = every, draw, folder

    def on_validation_epoch_end(self, trainer: lightning.Trainer, _: lightning.LightningModule) -> None:
        """Draw behind every `every`th epoch."""
        epoch = trainer.current_epoch + 1
        if self.draw is not None and self.every and epoch % self.every == 0:
            self.draw(self.network, self.val, f"{self.name}, epoch {epoch}", self.folder / f"epoch_{epoch:04d}.html")
