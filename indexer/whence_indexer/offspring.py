"""How a process of ours begins another: it imports what this one does, and nothing from the working directory.

That may be a repository, whose files must not run because somebody opened it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

PYTHON = (sys.executable, "-P")


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
