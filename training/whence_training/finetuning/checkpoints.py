"""What training leaves behind: its checkpoints, and a line for each few steps. Needs no torch."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import safe_open

LOG = "log.jsonl"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """An adapter after some steps, with the mean loss over each label since the one before, and of the validation."""

    folder: Path
    epoch: float
    step: int
    loss: float
    validation_loss: float


def checkpoints(folder: Path) -> list[Checkpoint]:
    """Those that are in a folder, oldest first."""
    found = [(file.parent, json.loads(file.read_text("utf-8"))) for file in folder.glob("checkpoint-*/checkpoint.json")]
    return sorted((Checkpoint(place, **about) for place, about in found), key=lambda checkpoint: checkpoint.step)


def trained_share(folder: Path, whole: int) -> dict[str, float]:
    """How many numbers a checkpoint's adapter has, and what share that is of the `whole` model's."""
    with safe_open(folder / "adapter_model.safetensors", "numpy") as file:
        count = sum(math.prod(file.get_slice(name).get_shape()) for name in file.keys())  # noqa: SIM118
    return {"trained": count, "share": count / whole}


class Log:
    """A line of JSON each so many steps; what a resumed run repeats is not there twice."""

    def __init__(self, file: Path, every: int, steps: int, note: Callable[[str], None], on: bool, done: int) -> None:
        self._file, self._every, self._steps, self._note, self._on = file, every, steps, note, on
        self._started = time.monotonic()
        if on and file.exists():
            kept = [line for line in file.read_text("utf-8").splitlines() if json.loads(line)["step"] <= done]
            file.write_text("".join(f"{line}\n" for line in kept), "utf-8")

    def add(self, step: int, epoch: float, loss: float, rate: float, norm: Any) -> None:
        """The loss of a step, its learning rate and the length of its gradient before it was clipped."""
        if not self._on or (step % self._every and step != self._steps):
            return
        row = {"step": step, "epoch": round(epoch, 4), "loss": round(loss, 6), "rate": rate, "gradient": float(norm)}
        row["seconds"] = round(time.monotonic() - self._started, 3)
        with self._file.open("a", encoding="utf-8") as opened:
            opened.write(json.dumps(row) + "\n")
        self._note(f"step {step} of {self._steps}: loss {loss:.4f}")
