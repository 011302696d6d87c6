"""The recipe of the bundled reader: a small decoder that answers with sentences of the evidence.

    python -m whence_training.reader collect --projects FOLDER --out RECORDS
    python -m whence_training.reader train --records RECORDS --out RUN [--minutes 100] [--layers 8 ...]
    python -m whence_training.reader export --run RUN --records RECORDS --out FOLDER

Needs the `[training]` extra, and `[model]` for the last. FOLDER holds one clone for each of `sources.SOURCES`, named
`owner+name`; the projects of `sources.HELD_OUT` are never learned from: `tests/benchmarks/reader.py` asks about them.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path

from whence_training.reader.steps import collect, export, learn
from whence_training.reader.training import Recipe


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one step of the recipe from the command line."""
    parser = argparse.ArgumentParser(prog="whence_training.reader", description=__doc__.partition("\n")[0])
    steps = parser.add_subparsers(dest="step", required=True)
    options: dict[str, tuple[str, ...]] = {
        "collect": ("projects", "out"), "train": ("records", "out"), "export": ("run", "records", "out"),
    }  # fmt: skip
    for step, names in options.items():
        command = steps.add_parser(step)
        for name in names:
            command.add_argument(f"--{name}", type=Path, required=True)
        if step == "train":
            for field in fields(Recipe):
                kind: Callable[[str], object] = type(field.default)
                command.add_argument(f"--{field.name.replace('_', '-')}", type=kind, default=field.default)
    chosen = parser.parse_args(arguments)
    if chosen.step == "collect":
        collect(chosen.projects, chosen.out, Recipe.seed)
    elif chosen.step == "train":
        recipe = Recipe(**{field.name: getattr(chosen, field.name) for field in fields(Recipe)})
        learn(chosen.records, chosen.out, recipe)
    else:
        export(chosen.run, chosen.records, chosen.out)


if __name__ == "__main__":
    main()
