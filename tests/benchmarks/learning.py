"""`python -m tests.benchmarks.learning`: how long the whole loop takes on the bundled base, stage by stage.

Over the shop of `tests/training/corrected.py`, from its history to a model that a server of its own answers with. Exits
with 1 where that takes more than five minutes, or where a gate refuses the model.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from tests.benchmarks.markdown import measured, table, write_section
from tests.training.corrected import MODELS, config, correct, files

from whence_indexer.repository import open_repository
from whence_training.configfile import parse_config
from whence_training.demo import install_base
from whence_training.stages import STAGES, open_run, run_stages

_MOST = 300.0  # seconds


def measure(folder: Path) -> list[tuple[str, float]]:
    """Each stage and its seconds. Raises `SystemExit` where a gate refuses the model."""
    project = folder / "shop"
    project.mkdir()
    for path, text in files():
        (project / path).write_text(text)
    for command in ("init -q", "add -A", "-c user.name=Ada -c user.email=ada@example.com commit -q -m Open"):
        subprocess.run(["git", *command.split()], cwd=project, check=True)
    repository = open_repository(project)
    correct(repository.index_dir)
    os.environ["XDG_DATA_HOME"] = str(folder / "data")
    told = parse_config(config(install_base(MODELS), folder / "runs"), "the benchmark")
    taken, begun = [], time.perf_counter()
    run = open_run(repository, told)
    taken.append(("index", time.perf_counter() - begun))
    begun = time.perf_counter()
    for stage, made in run_stages(run, [each.number for each in STAGES]):
        taken.append((f"{stage.number} {stage.name}", time.perf_counter() - begun))
        begun = time.perf_counter()
        if blocked := made.summary.get("blocked"):
            sys.exit(f"stage {stage.number} is held back: {'; '.join(blocked)}")
    return taken


def main() -> None:
    """Run it from the command line."""
    parser = argparse.ArgumentParser(prog="tests.benchmarks.learning", description=__doc__.partition("\n")[0])
    parser.add_argument("--write", type=Path, help="a Markdown page that gets the table")
    told = parser.parse_args()
    load = os.getloadavg()[0]
    with TemporaryDirectory() as folder:
        taken = measure(Path(folder))
    total = sum(seconds for _, seconds in taken)
    rows = [[name, f"{seconds:.1f}"] for name, seconds in [*taken, ("whole loop", total)]]
    shown = table(["stage", "seconds"], rows)
    Console().print(shown)
    if told.write:
        write_section(told.write, "learning", f"{shown}\n\n{measured()} The load before it began was {load:.1f}.")
    if total > _MOST:
        sys.exit(f"the whole loop took {total:.0f} s, more than {_MOST:.0f}")


if __name__ == "__main__":
    main()
