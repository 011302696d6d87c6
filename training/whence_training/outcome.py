"""What becomes of a run, kept as `run.json` in its folder for those who show it; docs/training.md has the format."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from whence_training.errors import BlockedError
from whence_training.qa.record import canonical
from whence_training.runfolder import write_durably

FILE = "run.json"


@contextmanager
def recorded(run: Path, stages: Sequence[Mapping[str, str]]) -> Iterator[list[str]]:
    """Write how it goes with these stages of a run, from beginning to end; the list takes what holds the run back.

    Raises what is raised within. One that is killed is left as running, and the lock of its folder says that it is not.
    """
    told: dict[str, object] = {"began": _now(), "ended": None, "stages": [dict(each) for each in stages]}
    blocked: list[str] = []
    state, reasons = "stopped", blocked
    write_durably(run / FILE, canonical(told | {"state": "running", "reasons": []}))
    try:
        yield blocked
        state = "blocked" if blocked else "completed"
    except BlockedError as error:
        state, reasons = "blocked", [str(error)]
        raise
    except Exception as error:
        state, reasons = "failed", [str(error) or type(error).__name__]
        raise
    finally:
        write_durably(run / FILE, canonical(told | {"ended": _now(), "state": state, "reasons": reasons}))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
