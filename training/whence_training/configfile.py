"""A file of YAML or TOML -> a `Config`, or a sentence for each key that is wrong, with the nearest right one."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from whence_training.config import Config
from whence_training.errors import ConfigError


def read_config(file: Path | None) -> Config:
    """The configuration of a file; the defaults where there is none. Raises `ConfigError`."""
    if file is None:
        return Config()
    try:
        text = file.read_text("utf-8")
        held = tomllib.loads(text) if file.suffix == ".toml" else yaml.safe_load(text)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} cannot be read: {error}") from error
    except (tomllib.TOMLDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{file} is not {'TOML' if file.suffix == '.toml' else 'YAML'}: {error}") from error
    return parse_config({} if held is None else held, file.name)


def parse_config(held: object, where: str) -> Config:
    """The configuration of what a file holds. Raises `ConfigError` naming each wrong key by its path."""
    if not isinstance(held, Mapping):
        raise ConfigError(f"{where} holds no sections")
    try:
        return Config.model_validate(held)
    except ValidationError as error:
        wrong = [_told(each["loc"], each["type"], each["msg"]) for each in error.errors()]
        raise ConfigError("; ".join([f"{where}: {wrong[0]}", *wrong[1:]])) from error


def _told(place: Sequence[int | str], kind: str, message: str) -> str:
    name = ".".join(map(str, place))
    if kind != "extra_forbidden":
        return f"{name}: {message.removeprefix('Value error, ')}" if name else message
    known = _keys(Config, place[:-1])
    nearest = difflib.get_close_matches(str(place[-1]), known, 1)
    hint = f"did you mean {nearest[0]}?" if nearest else f"there are {', '.join(known)}"
    return f"there is no key {name}; {hint}"


def _keys(model: type[BaseModel], place: Sequence[int | str]) -> list[str]:
    for part in place:
        inner: Any = model.model_fields[str(part)].annotation
        model = inner
    return list(model.model_fields)
