"""Calls to git, through GitPython: bytes in, bytes out.

Takes a folder and arguments, returns or streams what git printed. Knows no Whence type and decides nothing.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from queue import Empty, Queue
from threading import Thread, Timer
from typing import Any, BinaryIO

from whence_indexer.errors import RepositoryError, SlowError

# A repository's own configuration can name programs to run; none of the calls here may start one.
_SAFE = ("-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}", "-c", "core.quotePath=false")
# Reading must neither take git's index lock nor ask for a password, nor fetch what a partial clone left out.
_ENVIRONMENT = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "GIT_NO_LAZY_FETCH": "1", "LC_ALL": "C"}
_ENVIRONMENT["GIT_ALLOW_PROTOCOL"] = "none"  # the same for a git too old to know of lazy fetching
_EMPTY = "WHENCE_EMPTY"
_ENVIRONMENT[_EMPTY] = ""
# Set by a git hook, these would turn every call to the hook's repository; the last one overrides options of ours.
_FOREIGN = (
    "GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_PREFIX GIT_COMMON_DIR GIT_OBJECT_DIRECTORY "
    "GIT_ALTERNATE_OBJECT_DIRECTORIES GIT_DIFF_OPTS"
).split()
_BLOCK = 1 << 20
_BLOCKS_AHEAD = 32


def run(
    folder: Path,
    *arguments: str,
    stdin: bytes | None = None,
    options: tuple[str, ...] = (),
    complain: Callable[[str], None] = lambda line: None,
    seconds: float | None = None,
    environment: Mapping[str, str] = {},
) -> bytes:
    """What `git OPTIONS ARGUMENTS` prints, run in `folder`; `complain` hears each line of warning.

    Raises `RepositoryError` with git's own first line, and `SlowError` when it takes longer than `seconds`.
    """
    piped = subprocess.PIPE if stdin is not None else None
    process = _start(folder, (*options, *arguments), piped, environment)
    try:
        stdout, stderr = process.communicate(stdin, timeout=seconds)
    except subprocess.TimeoutExpired:
        process.proc.kill()
        process.communicate()
        raise SlowError(f"git {arguments[0]} took longer than {seconds:.1f} s") from None
    if process.returncode:
        raise RepositoryError(_reason(arguments, stderr))
    for line in stderr.decode("utf-8", "backslashreplace").splitlines():
        complain(line)
    return bytes(stdout)


def without_filters(folder: Path) -> tuple[str, ...]:
    """Options under which git compares files as they are: content filters are programs of the repository's choice."""
    try:
        names = run(folder, "config", "-z", "--name-only", "--get-regexp", r"^filter\.")
    except RepositoryError:  # there are none
        return ()
    return tuple(f"--config-env={os.fsdecode(name)}={_EMPTY}" for name in dict.fromkeys(names.split(b"\0")[:-1]))


def stream(folder: Path, *arguments: str, seconds: float | None = None) -> Iterator[bytes]:
    """The same in blocks as git prints them, for output that need not fit in memory.

    Raises `SlowError` after what git printed in `seconds`.
    """
    wrapper = _start(folder, arguments)
    process = wrapper.proc  # the wrapper's own wait() raises in GitPython's words
    alarm = Timer(max(seconds, 0.0), process.kill) if seconds is not None else None
    if alarm:
        alarm.start()
    complaints: list[bytes] = []  # read at the same time: git waits for a reader once it has printed enough of them
    listener = Thread(target=lambda: complaints.append(process.stderr.read()), daemon=True)
    listener.start()
    ahead: Queue[bytes] = Queue(_BLOCKS_AHEAD)  # git works on while its reader does something else
    reader = Thread(target=_read_blocks, args=(process.stdout, ahead), daemon=True)
    reader.start()
    try:
        while block := ahead.get():
            yield block
        listener.join()
        status = process.wait()
        if alarm and status < 0:  # killed
            raise SlowError(f"git {arguments[0]} took longer than {seconds:.1f} s")
        if status:
            raise RepositoryError(_reason(arguments, complaints[0]))
    finally:
        if alarm:
            alarm.cancel()
        if process.poll() is None:
            process.kill()
            process.wait()
        listener.join()
        while reader.is_alive():  # it may wait for room
            with suppress(Empty):
                ahead.get(timeout=0.01)
        process.stdout.close()
        process.stderr.close()


def _read_blocks(stdout: BinaryIO, ahead: Queue[bytes]) -> None:
    """All of `stdout` in blocks; the last one is empty."""
    while True:
        block = stdout.read(_BLOCK)
        ahead.put(block)
        if not block:
            return


def _start(
    folder: Path, arguments: tuple[str, ...], stdin: int | None = None, environment: Mapping[str, str] = {}
) -> Any:
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")  # a missing git is reported below, in our words
    import git

    for name in _FOREIGN:
        os.environ.pop(name, None)
    command = git.Git(os.fspath(folder))
    command.update_environment(**_ENVIRONMENT, **environment)
    try:
        return command.execute(["git", *_SAFE, *arguments], as_process=True, istream=stdin)
    except git.GitCommandNotFound as error:
        raise RepositoryError("git is not installed or not on PATH") from error


def _reason(arguments: tuple[str, ...], stderr: bytes) -> str:
    lines = stderr.decode("utf-8", "replace").strip().splitlines()
    return f"git {arguments[0]}: {lines[0].removeprefix('fatal: ') if lines else 'failed without a word'}"
