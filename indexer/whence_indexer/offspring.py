"""How a process of ours begins another: it imports what this one does, and nothing from the working directory.

That may be a repository, whose files must not run because somebody opened it. The two speak over its standard input and
output, which nothing else in it may read or write.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from subprocess import DEVNULL, PIPE
from typing import IO, Any

PYTHON = (sys.executable, "-P")


def options(module: str) -> dict[str, Any]:
    """The arguments of `subprocess.Popen` for a process that runs `module` and that we speak to."""
    return {
        "args": [*PYTHON, "-m", module],
        "env": environment(),
        "stdin": PIPE,
        "stdout": PIPE,
        "stderr": DEVNULL,
        "start_new_session": os.name != "nt",  # Ctrl-C reaches the parent alone, which stops it
    }


def pipes() -> tuple[IO[bytes], IO[bytes]]:
    """In the process begun: what its parent says and what it hears, from now on open to nobody else."""
    inbox, outbox = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    with open(os.devnull, "r+b") as nothing:
        os.dup2(nothing.fileno(), 0)
        os.dup2(nothing.fileno(), 1)
    return inbox, outbox


def environment() -> dict[str, str]:
    """This process's, with its import path, but for the working directory where this program is not from there."""
    here, own = Path.cwd().resolve(), [Path(package).parents[1] for package in _packages()]
    paths = [
        *map(str, own),
        *(part for part in sys.path if part and Path(part).is_dir() and Path(part).resolve() != here),
    ]
    return os.environ | {"PYTHONPATH": os.pathsep.join(dict.fromkeys(paths))}


def _packages() -> list[str]:
    """The files of our packages that this process has imported."""
    names = ("whence_indexer", "whence_server", "whence_training")
    return [str(module.__file__) for name in names if (module := sys.modules.get(name)) and module.__file__]
