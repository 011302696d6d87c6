"""The settings of the language server: their names, types and defaults, in this one place.

They come from the editor, and below those from the repository's `whence.toml` or `[tool.whence]` in `pyproject.toml`.
A key that cannot be used is reported by name, and its default is used.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

UNSUPPORTED = ("mark", "drop")
_KINDS: Mapping[type, str] = {bool: "true or false", int: "a whole number", str: "a name"}
_MAX_BYTES = 1_000_000
_NAME = re.compile(r"[\w.@+-]+(?<!\.gguf)\Z")


@dataclass(frozen=True, slots=True)
class Settings:
    """What can be set.

    `hover`, `codeLens` and `links` turn those on; `index` brings the index up to date in the background, `history`
    with the commits; `model` writes the answers: `auto` is the one that `whence models use` chose, `none` lets
    quotations answer. Sentences of a model that the evidence does not bear out are marked or dropped by `unsupported`.
    As many corrections as `minTrainingExamples` are enough to learn from, by what the file `trainingConfig` says.
    """

    hover: bool = True
    codeLens: bool = False  # noqa: N815 - as editors write it
    links: bool = True
    index: bool = True
    history: bool = True
    model: str = "auto"
    unsupported: str = "mark"
    minTrainingExamples: int = 20  # noqa: N815
    trainingConfig: str = ""  # noqa: N815


def parse_settings(given: object, where: str, *, trusted: bool = True) -> tuple[dict[str, Any], list[str]]:
    """The settings of `given` that can be used, and a sentence for each other key. `where` says whose they are.

    Those that are not `trusted`, a repository's own, cannot name files or addresses.
    """
    if given is None:
        return {}, []
    if not isinstance(given, Mapping):
        return {}, [f"{where}: the settings are not a table; the defaults are used"]
    used: dict[str, Any] = {}
    problems = []
    for key, value in given.items():
        if problem := _problem(key, value, trusted):
            problems.append(f"{where}: {problem}")
        else:
            used[key] = value
    return used, problems


def read_settings(root: Path) -> tuple[dict[str, Any], list[str]]:
    """The same of the repository at `root`: of `whence.toml`, else of `pyproject.toml`."""
    for name in ("whence.toml", "pyproject.toml"):
        try:
            with (root / name).open("rb") as file:
                table = tomllib.loads(file.read(_MAX_BYTES).decode())
        except FileNotFoundError:
            continue
        except (OSError, ValueError, RecursionError) as error:
            if name == "pyproject.toml":  # that it is broken is for others to say
                continue
            return {}, [f"{name}: cannot be read as TOML ({type(error).__name__}); the defaults are used"]
        if name == "whence.toml":
            return parse_settings(table, name, trusted=False)
        tool = table.get("tool")
        return parse_settings(
            tool.get("whence") if isinstance(tool, dict) else None, f"{name} [tool.whence]", trusted=False
        )
    return {}, []


def combine(*layers: Mapping[str, Any]) -> Settings:
    """Settings from the layers, later ones first to count."""
    merged: dict[str, Any] = {}
    for layer in layers:
        merged |= layer
    return Settings(**merged)


def _problem(key: object, value: object, trusted: bool) -> str:
    known = {field.name: field for field in fields(Settings)}
    if key not in known:
        return f"there is no setting {str(key)[:60]!r}; there are {', '.join(known)}"
    default = known[str(key)].default
    if type(value) is not type(default):
        kind = _KINDS[type(default)]
        return f"the setting {key!r} is {kind}; its default {_shown(default)} is used"
    if key == "model" and not trusted and not _NAME.match(str(value)):
        return f"the setting 'model' of a repository is a model's name; {_shown(default)} is used"
    if key == "trainingConfig" and not trusted:
        return "the setting 'trainingConfig' is the editor's alone; none is used"
    if key == "minTrainingExamples" and isinstance(value, int) and value < 1:
        return f"the setting 'minTrainingExamples' is 1 or more; its default {_shown(default)} is used"
    if key == "unsupported" and value not in UNSUPPORTED:
        return f"the setting 'unsupported' is one of {', '.join(UNSUPPORTED)}; its default {_shown(default)} is used"
    return ""


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value!r}"
