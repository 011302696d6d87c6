"""The folder of one run: what each stage made, with the hashes of what it was made from and of what it is.

A stage appears in one rename, complete; a process killed before leaves a draft that the next one removes.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from whence_server.models.publishing import replace_file
from whence_training.errors import InputError
from whence_training.qa.record import canonical

_ABOUT = "stage.json"
_CLOCK = re.compile(rb'"seconds\w*": ?[-+.\de]+')
_PAGE = ".html"  # made of the other files


@dataclass(frozen=True, slots=True)
class Made:
    """A finished stage: where it is, the hash of what is in its files but for how long it took, and what it says of
    itself."""

    folder: Path
    hash: str
    summary: Mapping[str, Any]


def finished(run: Path, name: str, inputs: str) -> Made | None:
    """The stage `name` of a run if it was made from these inputs and none of its files was changed since."""
    folder = run / name
    try:
        about = json.loads((folder / _ABOUT).read_text("utf-8"))
        files = {file: digest_of(folder / file) for file in about["files"]}
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if about.get("inputs") != inputs or files != about["files"]:
        return None
    return Made(folder, about["hash"], about["summary"])


def required(run: Path, name: str, wanted_by: str) -> Made:
    """A stage that another needs, made from whatever. Raises `InputError` naming both."""
    try:
        about = json.loads((run / name / _ABOUT).read_text("utf-8"))
    except (OSError, ValueError):
        raise InputError(f"stage {wanted_by} needs what stage {name} makes, and {run / name} has none of it") from None
    made = finished(run, name, about.get("inputs", ""))
    if made is None:
        raise InputError(f"stage {wanted_by} needs what stage {name} made, and a file of that was changed since")
    return made


def make(run: Path, name: str, inputs: str, work: Callable[[Path], Mapping[str, Any]]) -> Made:
    """What `work` writes into an empty folder, as the stage `name`; what it returns is said of it.

    Nothing is done where it is finished already. Raises what `work` raises, and then nothing has changed.
    """
    if made := finished(run, name, inputs):
        return made
    draft = run / f".{name}.draft"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    summary = dict(work(draft))
    files = {file.relative_to(draft).as_posix(): digest_of(file) for file in sorted(draft.rglob("*")) if file.is_file()}
    content = _hash_of(draft, files)
    write_durably(draft / _ABOUT, canonical({"inputs": inputs, "files": files, "hash": content, "summary": summary}))
    shutil.rmtree(run / name, ignore_errors=True)  # another input: what was there is of no use
    draft.replace(run / name)
    return Made(run / name, content, summary)


def write_durably(file: Path, text: str) -> None:
    """Write a file as a whole: one killed meanwhile leaves what was there before, and of several the last wins."""
    replace_file(file, text.encode())


def digest_of(file: Path) -> str:
    """SHA-256 of a file."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _hash_of(folder: Path, files: Mapping[str, str]) -> str:
    """The same for the same content, however long it took: no clock is in it, nor a page that shows one."""
    timeless = {
        name: hashlib.sha256(_CLOCK.sub(b"", (folder / name).read_bytes())).hexdigest()
        if name.endswith((".json", ".jsonl"))
        else digest
        for name, digest in files.items()
        if not name.endswith(_PAGE)
    }
    return hashlib.sha256(canonical(timeless).encode()).hexdigest()
