"""The folders of runs -> what came of each: stages, data, measures, gates, model. Read only; docs/training.md has the
format. What is not there yet, or cannot be read, is left out: a run may be under way.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout

Status = Literal["preparing", "training", "evaluating", "completed", "failed", "blocked", "stopped"]
StageState = Literal["done", "running", "waiting"]
_ENDED: Mapping[str, Status] = {"completed": "completed", "failed": "failed", "blocked": "blocked"}
ELSEWHERE = "elsewhere.json"  # the folders of runs that a configuration keeps in another place
_MOST_BYTES = 64_000_000


@dataclass(frozen=True, slots=True)
class StageShown:
    """A stage of a run: its number and name, how far it is, and what it says of itself."""

    stage: str
    name: str
    title: str
    state: StageState
    said: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Data:
    """The dataset of a run: its version, and how many examples it has."""

    version: str
    examples: int
    train: int
    validation: int
    test: int
    quarantined: int


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure of the model before and of the one trained; `low` to `high` holds the change, 95 % sure."""

    name: str
    before: float | None
    after: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class GateShown:
    """A gate's verdict: `passed`, `warned` or `failed`, its value beside its limit, and what to do."""

    name: str
    state: str
    value: float | None
    limit: float | None
    advice: str


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """A run. `reasons` say why it failed or was held back; `model` is what it registered, `bundle` that as a ZIP."""

    name: str
    status: Status
    began: str | None
    ended: str | None
    reasons: tuple[str, ...]
    stages: tuple[StageShown, ...]
    data: Data | None
    measures: tuple[Measure, ...]
    gates: tuple[GateShown, ...]
    model: str | None
    registry: str | None
    bundle: Path | None

    @property
    def under_way(self) -> bool:
        """Whether a process works at it."""
        return self.status in {"preparing", "training", "evaluating"}


def training_folder(index: Path) -> Path:
    """Where the runs of a repository are kept, beside its index."""
    return index / "training"


def read_runs(folder: Path) -> list[TrainingRun]:
    """The runs in a repository's training folder, and those it knows of elsewhere; the latest first."""
    try:
        runs = {run.resolve() for run in (folder / "runs").iterdir() if run.is_dir()}
    except OSError:
        runs = set()
    runs |= {Path(run) for run in _list(_json(folder / ELSEWHERE)) if isinstance(run, str) and Path(run).is_dir()}
    return sorted((read_run(run) for run in runs), key=lambda run: (run.began or "", run.name), reverse=True)


def read_run(run: Path) -> TrainingRun:
    """One run, from its folder."""
    told, working = _object(run / "run.json"), is_held(run / ".lock")
    stages = tuple(_stages(run, told, working))
    registered = _object(run / "5-register" / "registration.json")
    bundle = run / "5-register" / Path(str(registered.get("bundle") or "")).name
    return TrainingRun(
        name=run.name,
        status=_status(told, stages, working, any(run.glob(".*.draft"))),
        began=_text(told.get("began")) or _changed(run),
        ended=_text(told.get("ended")),
        reasons=tuple(str(reason) for reason in _list(told.get("reasons"))),
        stages=stages,
        data=_data(run),
        measures=tuple(_measures(run)),
        gates=tuple(_gates(run)),
        model=_text(registered.get("model")),
        registry=_text(registered.get("url")),
        bundle=bundle if registered.get("bundle") and bundle.is_file() else None,
    )


def is_held(lock: Path) -> bool:
    """Whether a process holds this lock."""
    if not lock.exists():
        return False
    try:
        with FileLock(lock, timeout=0):
            return False
    except Timeout:
        return True
    except OSError:
        return False


def _status(told: Mapping[str, Any], stages: tuple[StageShown, ...], working: bool, drafted: bool) -> Status:
    """As it said, but where it was killed before it could say so; without a word, by what it left."""
    if working:
        return _phase(next((each.stage for each in stages if each.state != "done"), ""))
    if told:
        return _ENDED.get(str(told.get("state")), "stopped")
    return "stopped" if drafted else "completed"


def _phase(stage: str) -> Status:
    """What is done in the stage of this number."""
    if stage == "4b":
        return "training"
    return "evaluating" if stage >= "4" else "preparing"


def _stages(run: Path, told: Mapping[str, Any], working: bool) -> Iterator[StageShown]:
    """Those that were asked for, and others that are there, in order."""
    named = [each for each in map(_table, _list(told.get("stages"))) if each.get("stage") and each.get("name")]
    asked = {f"{each['stage']}-{each['name']}": each for each in named}
    there = {stage.name for stage in run.iterdir() if (stage / "stage.json").is_file()}
    for folder in sorted(there | asked.keys()):
        number, _, name = folder.partition("-")
        draft = working and (run / f".{folder}.draft").is_dir()
        state: StageState = "running" if draft else "done" if folder in there else "waiting"
        summary = _table(_object(run / folder / "stage.json").get("summary"))
        said = {key: _shown(value) for key, value in summary.items()}
        yield StageShown(number, name, str(asked.get(folder, {}).get("title") or name), state, said)


def _data(run: Path) -> Data | None:
    about = _object(run / "3-generate" / "dataset.json")
    if not about:
        return None
    splits = _table(about.get("splits"))
    train, validation, test = (_count(splits.get(name)) for name in ("train", "validation", "test"))
    version, quarantined = str(about.get("version") or ""), _count(about.get("quarantined"))
    return Data(version, _count(about.get("records")), train, validation, test, quarantined)


def _measures(run: Path) -> Iterator[Measure]:
    """Of the comparison where there is one, else of the reports that are there so far."""
    compared = _table(_object(run / "4d-evaluate" / "comparison.json").get("metrics"))
    for name, each in compared.items():
        yield Measure(name, *(_number(_table(each).get(key)) for key in ("before", "after", "low", "high")))
    if not compared:
        before = _report(run / "4a-baseline" / "eval_baseline.json")
        after = _report(run / "4d-evaluate" / "eval_finetuned.json")
        for name in before | after:
            yield Measure(name, before.get(name), after.get(name), None, None)


def _report(file: Path) -> dict[str, float]:
    report = _object(file)
    named = _table(report.get("metrics")) | {"combined": report.get("combined")}
    return {name: number for name, value in named.items() if (number := _number(value)) is not None}


def _gates(run: Path) -> Iterator[GateShown]:
    for file in sorted(run.glob("*/gates.json")):
        for each in map(_table, _list(_json(file))):
            numbers = _number(each.get("value")), _number(each.get("limit"))
            yield GateShown(str(each.get("name")), str(each.get("state")), *numbers, str(each.get("advice") or ""))


def _json(file: Path) -> Any:
    try:
        return json.loads(file.read_text("utf-8")) if file.stat().st_size <= _MOST_BYTES else None
    except (OSError, ValueError, RecursionError):
        return None


def _object(file: Path) -> dict[str, Any]:
    return _table(_json(file))


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def _count(value: Any) -> int:
    return int(_number(value) or 0)


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_shown(each)}" for key, each in value.items())
    if isinstance(value, list):
        return "; ".join(map(_shown, value))
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _changed(run: Path) -> str | None:
    """When its first stage was made, for runs that do not say when they began."""
    times = [file.stat().st_mtime for file in run.glob("*/stage.json")]
    return datetime.fromtimestamp(min(times), UTC).isoformat(timespec="seconds") if times else None
