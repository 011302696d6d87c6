"""The command line for tests: as a process, as scripts run it, or called, which saves a second of starting each."""

from __future__ import annotations

import io
import subprocess
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from unittest import mock

import pytest

from whence_server.cli import main

Done = subprocess.CompletedProcess[str]


def process(*arguments: object, cwd: Path | None = None) -> Done:
    """`whence ARGUMENTS` in a process of its own."""
    command = [sys.executable, "-m", "whence_server", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=120, check=False)


def called(*arguments: object, cwd: Path | str = ".") -> Done:
    """The same in this one."""
    out, err, argv = io.StringIO(), io.StringIO(), ["whence", *map(str, arguments)]
    asked = mock.patch.object(sys, "argv", argv)
    with chdir(cwd), asked, redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
        main()
    return subprocess.CompletedProcess(argv, int(ended.value.code or 0), out.getvalue(), err.getvalue())
