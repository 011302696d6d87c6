"""The process that stays with a training job: starts it, ends it when asked to, and writes down how it went.

    python -m whence_server.training.supervisor FOLDER COMMAND…        the files in FOLDER are those of `job`

The job is none of the editor's processes, which come and go; it is the one that holds the folder's lock.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from whence_server.training.job import LOCK, LOG, STATE, STOP, last_line

_TURN = 2.0  # seconds for those who only look whether the lock is held
_EVERY = 0.1  # seconds between two looks
_GRACE = 5.0  # seconds to end in
_NICENESS = 10


def main() -> None:
    """Run the command as the job of the folder. Does nothing where another job holds it."""
    folder, command = Path(sys.argv[1]), sys.argv[2:]
    with suppress(Timeout), FileLock(folder / LOCK, timeout=_TURN):
        (folder / STOP).unlink(missing_ok=True)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: (folder / STOP).touch())
        if hasattr(os, "nice"):
            with suppress(OSError):
                os.nice(_NICENESS)
        began = _now()
        _write(folder, {"state": "running", "began": began, "ended": None})
        state = _run(folder, command)
        _write(folder, {"state": state, "began": began, "ended": _now()})


def _run(folder: Path, command: list[str]) -> str:
    with (folder / LOG).open("wb") as log:
        try:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log,
                start_new_session=os.name != "nt",
            )  # fmt: skip
        except OSError as error:
            log.write(f"{error.strerror}\n".encode())
            return "failed"
        while process.poll() is None:
            if (folder / STOP).exists():
                _end(process)
                return "stopped"
            time.sleep(_EVERY)
    if process.returncode == 0:
        return "completed"
    return "blocked" if last_line(folder / LOG).startswith("blocked:") else "failed"


def _end(process: subprocess.Popen[bytes]) -> None:
    """With all that it began: gently first."""
    for name in ("SIGTERM", "SIGKILL"):
        with suppress(ProcessLookupError):
            if os.name == "nt":
                process.terminate()
            else:
                os.killpg(process.pid, getattr(signal, name))
        with suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE)
            return


def _write(folder: Path, told: dict[str, str | None]) -> None:
    draft = folder / f"{STATE}.new"
    draft.write_text(json.dumps(told), "utf-8")
    draft.replace(folder / STATE)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


if __name__ == "__main__":
    main()
