"""A folder with settings and examples -> checkpoints in it: what each of several processes runs.

accelerate launch --config_file PROFILE --module whence_training.finetuning.job FOLDER
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from threading import Thread

from whence_indexer.errors import WhenceError
from whence_training.config import Finetuning
from whence_training.finetuning.base import load_model
from whence_training.finetuning.examples import Example
from whence_training.finetuning.processes import joined
from whence_training.finetuning.profiles import FOLLOWING
from whence_training.finetuning.tuning import fine_tune
from whence_training.runfolder import write_durably

_JOB = "job.json"
CHECKPOINTS = "checkpoints"


def write_job(
    folder: Path, weights: Path, told: Finetuning, train: Sequence[Example], validation: Sequence[Example]
) -> None:
    """Put all that the processes need into `folder`; `weights` are what transformers loads."""
    folder.mkdir(parents=True, exist_ok=True)
    examples = {
        name: [[each.ids, each.labels, list(each.allowed.items())] for each in listed]
        for name, listed in (("train", train), ("val", validation))
    }
    held = {"weights": str(weights), "told": told.model_dump(mode="json"), **examples}
    write_durably(folder / _JOB, json.dumps(held))


def main(folder: Path) -> None:
    """Train, or go on training."""
    held = json.loads((folder / _JOB).read_text("utf-8"))
    train, validation = (
        [Example(tuple(ids), tuple(labels), dict(allowed)) for ids, labels, allowed in held[name]]
        for name in ("train", "val")
    )
    told = Finetuning.model_validate(held["told"])
    with joined() as processes:
        model = load_model(Path(held["weights"]), told)
        fine_tune(model, train, validation, told, folder / CHECKPOINTS, _note, processes)


def _note(message: str) -> None:
    print(json.dumps({"note": message}), flush=True)


def _follow() -> None:
    """End with who started this, even where that was killed: what goes on then would write beside this one."""
    sys.stdin.buffer.read()
    os._exit(1)


if __name__ == "__main__":
    if FOLLOWING in os.environ:
        Thread(target=_follow, daemon=True).start()
    try:
        main(Path(sys.argv[1]))
    except WhenceError as error:
        print(json.dumps({"failed": str(error)}), flush=True)
        sys.exit(1)
