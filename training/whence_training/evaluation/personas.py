"""Who asks: the personas of `personas.toml`, each asking as they would."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Persona:
    """Somebody who asks in their own `ways`, with `{question}` in them, or `questions` that no repository answers."""

    name: str
    about: str
    ways: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()


@cache
def personas() -> tuple[Persona, ...]:
    """All of them."""
    held = tomllib.loads(Path(__file__).with_name("personas.toml").read_text("utf-8"))
    return tuple(
        Persona(name, told["about"], tuple(told.get("ways", ())), tuple(told.get("questions", ())))
        for name, told in held.items()
    )
