"""Measured numbers -> a section of a Markdown page, between its markers, under a line that says where they come from.

Replaces what is between two markers and nothing else. Names the machine, never a folder on it.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

_REPOSITORY = Path(__file__).resolve().parents[2]


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; the first column is text, the others are numbers."""
    rule = ["---", *("--:" for _ in header[1:])]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (header, rule, *rows))


def number(value: float | None, digits: int = 3) -> str:
    """`value` as a cell; a dash where nothing was measured."""
    return "–" if value is None else f"{value:,.{digits}f}"


def with_section(page: str, name: str, body: str) -> str:
    """`page` with `body` between the markers `name`:begin and `name`:end; they are added at its end if it has none."""
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    section = f"{begin}\n{body.strip()}\n{end}"
    if begin not in page or end not in page:
        return f"{page.rstrip()}\n\n{section}\n".lstrip()
    before, rest = page.split(begin, 1)
    return before + section + rest.split(end, 1)[1]


def write_section(file: Path, name: str, body: str) -> None:
    """Replace the section `name` of the page `file`, which is made if there is none."""
    page = file.read_text("utf-8") if file.is_file() else ""
    file.write_text(with_section(page, name, body), "utf-8")


def measured() -> str:
    """One sentence: date, machine, Python version and the commit of Whence that was measured."""
    cores, memory = len(_affinity()), _memory_bytes() / 2**30
    return (
        f"Measured {datetime.now(UTC):%Y-%m-%d} on {cores} cores of {_processor()} with {memory:.0f} GiB of memory, "
        f"{platform.system()}, Python {platform.python_version()}, Whence {_revision()}."
    )


def _affinity() -> Sequence[int]:
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)


def _memory_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    text = cpuinfo.read_text("utf-8", "replace") if cpuinfo.is_file() else ""
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return found[1] if found else platform.processor() or platform.machine()


def _revision() -> str:
    commit, changes = _git("rev-parse", "--short", "HEAD"), _git("status", "--porcelain", "--", "indexer", "server")
    return (commit or "outside git") + (" with uncommitted changes" if changes else "")


def _git(*arguments: str) -> str:
    finished = subprocess.run(["git", *arguments], cwd=_REPOSITORY, capture_output=True, text=True, check=False)
    return finished.stdout.strip()
