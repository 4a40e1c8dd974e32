"""The resume point of a training on disk: whole after every epoch, the one before kept, checked before use."""

from __future__ import annotations

import os
import warnings
import zipfile
from pathlib import Path

from lightning.pytorch import Callback, LightningModule, Trainer

RESUME_FILE = "last.ckpt"
PREVIOUS_FILE = "previous.ckpt"  # of the epoch before, should the last one be damaged


class ResumePoint(Callback):
    """Writes the whole state of the training into `folder` after every epoch."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def on_train_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        last = self.folder / RESUME_FILE
        temporary = last.with_name(f".{last.name}")  # one name on all devices: only the first one writes
        trainer.save_checkpoint(temporary)
        if trainer.is_global_zero:
            if last.is_file():
                os.replace(last, self.folder / PREVIOUS_FILE)
            os.replace(temporary, last)


def find_resume_point(folder: Path) -> Path | None:
    """The newest whole resume point in `folder`; None for a training that has not begun.

    In place of a damaged last one that of the epoch before serves, with a warning: the training ends with the same
    weights. Raises ValueError where no whole one is left.
    """
    damaged: list[str] = []
    for path in (folder / RESUME_FILE, folder / PREVIOUS_FILE):
        if not path.is_file():
            continue
        problem = _damage(path)
        if problem is None:
            for text in damaged:
                warnings.warn(f"{text}; going on from {path.name}, an epoch earlier", stacklevel=2)
            return path
        damaged.append(f"{path}: damaged resume point ({problem})")
    if damaged:
        raise ValueError(
            f"{'; '.join(damaged)}; wanted a whole file: remove it to train from the start again "
            "(finished *.safetensors stay until then)"
        )
    return None


def _damage(path: Path) -> str | None:
    """What is wrong with a file of torch.save: a zip archive, each of whose members has a CRC-32."""
    try:
        with zipfile.ZipFile(path) as archive:
            member = archive.testzip()
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        return str(error) or type(error).__name__
    return None if member is None else f"wrong checksum of {member}"
