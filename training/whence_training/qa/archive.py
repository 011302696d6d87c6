"""What was collected, and the material made of it, as JSON lines: one object a line, in a fixed order."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from whence_indexer.records import record_of, thread_of
from whence_indexer.types import Span
from whence_training.errors import InputError
from whence_training.qa.collecting import Change, Collected, File
from whence_training.qa.material import Material, Section, Unit
from whence_training.qa.record import canonical

_Value = TypeVar("_Value")


def write_collected(folder: Path, collected: Collected) -> None:
    """Into `files.jsonl`, `changes.jsonl`, `threads.jsonl` and `about.json`."""
    _write(folder / "files.jsonl", map(asdict, collected.files))
    _write(folder / "changes.jsonl", map(asdict, collected.changes))
    _write(folder / "threads.jsonl", map(record_of, collected.threads))
    about = {"commit": collected.commit, "boundary": collected.boundary}
    (folder / "about.json").write_text(canonical(about), "utf-8")


def read_collected(folder: Path) -> Collected:
    """The way back. Raises `InputError`."""
    about = json.loads((folder / "about.json").read_text("utf-8"))
    return Collected(
        commit=about["commit"],
        files=tuple(_read(folder / "files.jsonl", lambda held: File(**held))),
        changes=tuple(_read(folder / "changes.jsonl", _change)),
        threads=tuple(_read(folder / "threads.jsonl", lambda held: thread_of(held, lambda what: None))),
        boundary=tuple(about["boundary"]),
    )


def write_material(folder: Path, material: Material) -> None:
    """Into `units.jsonl` and `sections.jsonl`, and by their ids into `material.json`."""
    _write(folder / "units.jsonl", map(asdict, material.units))
    _write(folder / "sections.jsonl", map(asdict, material.sections))
    kept = {"changes": [change.sha for change in material.changes], "left_out": material.left_out}
    (folder / "material.json").write_text(canonical(kept), "utf-8")


def read_material(folder: Path, collected: Collected) -> Material:
    """The way back, with the changes and threads of what it was made from. Raises `InputError`."""
    kept = json.loads((folder / "material.json").read_text("utf-8"))
    by_sha = {change.sha: change for change in collected.changes}
    return Material(
        units=tuple(_read(folder / "units.jsonl", lambda held: Unit(**_placed(held)))),
        sections=tuple(_read(folder / "sections.jsonl", lambda held: Section(**_placed(held)))),
        changes=tuple(by_sha[sha] for sha in kept["changes"]),
        threads=collected.threads,
        left_out=kept["left_out"],
    )


def _change(held: dict[str, Any]) -> Change:
    listed = {name: tuple(held[name]) for name in ("parents", "paths", "threads", "closes")}
    return Change(**held | listed | {"places": tuple((path, symbol) for path, symbol in held["places"])})


def _placed(held: dict[str, Any]) -> dict[str, Any]:
    listed = {"scope": tuple(held["scope"])} if "scope" in held else {}
    return held | listed | {"place": Span(**held["place"])}


def _write(file: Path, values: Iterable[dict[str, Any]]) -> None:
    with file.open("w", encoding="utf-8") as opened:
        opened.writelines(f"{canonical(value)}\n" for value in values)


def _read(file: Path, parse: Callable[[dict[str, Any]], _Value]) -> list[_Value]:
    try:
        with file.open(encoding="utf-8") as opened:
            return [parse(json.loads(line)) for line in opened]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{file} cannot be read: {error}") from error
