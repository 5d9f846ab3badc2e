"""What the commands of all stages share: options, settings, the first lines of the log."""

from pathlib import Path
from typing import Annotated, Any

import typer

from pairvae.errors import UserError
from pairvae.settings import Fit
from pairvae.settings.parse import T, parse

In = Annotated[Path, typer.Option(help="Input file.", exists=True)]
InOrNone = Annotated[Path | None, typer.Option(help="Input file.", exists=True)]
Out = Annotated[Path, typer.Option(help="File to write.")]
OutOrNone = Annotated[Path | None, typer.Option(help="File to write.")]
SettingsFile = Annotated[Path, typer.Option(help="Settings of this stage, as JSON.", exists=True)]
Resume = Annotated[Path, typer.Option(help="Folder of the files from which an interrupted training resumes.")]
Threads = Annotated[int, typer.Option(help="Processor cores to use.", min=1)]
Gpus = Annotated[
    int, typer.Option(help="GPUs assigned to the job; if none of them is found, the job stops at once.", min=0)
]


# The groups of `pairvae --help`, in its order.
YOUR_DATA, USE, STAGES, HOUSEKEEPING = "Your data", "Use a model", "Training stages", "Housekeeping"


def entry(group: str, example: str) -> dict[str, Any]:
    """How a command stands in the help: in which group, and with which example.

    Parameters
    ----------
    group : str
        Group of `pairvae --help`.
    example : str
        A call that works in the folder of the repository after `make demo`.

    Returns
    -------
    dict
        Arguments of `typer.Typer.command`.
    """
    return {"rich_help_panel": group, "epilog": f"Example: {example}"}


def html(page: Path | None) -> Path | None:
    """A page to write, which its name says: a curve named by mistake is not overwritten."""
    if page is not None and page.suffix.lower() not in (".html", ".htm"):
        raise UserError(f"--plot: {page} is no HTML file; expected a name as curves.html")
    return page


def settings_of(kind: type[T], file: Path) -> T:
    """Settings of a stage, as `freeze` wrote them."""
    return parse(kind, file.read_text(encoding="utf-8"), str(file))


def begin(kind: type[T], file: Path, gpus: int = 0) -> T:
    """Settings of the stage that begins here; its log gets its first lines.

    Parameters
    ----------
    kind : type
        Settings class of the stage.
    file : Path
        Its settings as JSON.
    gpus : int
        GPUs that the job may use.
    """
    from pairvae.cli.log_head import log_head

    settings = settings_of(kind, file)
    print(log_head(file.stem, settings), flush=True)
    device = "cpu"
    if isinstance(settings, Fit):
        from pairvae.train.device import find_device, name_of

        device = name_of(find_device(settings.accelerator, gpus))
    print(f"{file.stem}: device {device}", flush=True)
    return settings
