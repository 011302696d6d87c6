"""What learning has to say to who sits at the editor: lines in a file beside the index, shown as they come.

Written by `whence-train`, read by the language server; nothing is sent anywhere.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path

FILE = "notices.jsonl"
_LONGEST = 300  # characters shown


@dataclass(frozen=True, slots=True)
class Notice:
    """`event` is started, finished, blocked, failed or ready; `text` a sentence; `at` ISO 8601."""

    event: str
    text: str
    at: str = ""


def give_notice(folder: Path, event: str, text: str) -> Notice:
    """Add a notice to those in the index at `folder`."""
    notice = Notice(event, text[:_LONGEST], datetime.now(UTC).isoformat(timespec="seconds"))
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / FILE).open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(notice)) + "\n")
    return notice


def notices_from(folder: Path, offset: int | None) -> tuple[list[Notice], int]:
    """The notices behind byte `offset`, and where they end; None: none of those that are there. Of a half line none."""
    names = {each.name for each in fields(Notice)}
    try:
        with (folder / FILE).open("rb") as file:
            file.seek(0, 2)
            end = file.tell()
            if offset is None or end < offset:  # or somebody cleared it
                return [], end
            file.seek(offset)
            data = file.read()
    except OSError:
        return [], 0
    whole = data[: data.rfind(b"\n") + 1]
    found = []
    for line in whole.splitlines():
        with suppress(ValueError, TypeError, AttributeError):
            held = json.loads(line)
            found.append(Notice(**{key: str(value)[:_LONGEST] for key, value in held.items() if key in names}))
    return found, offset + len(whole)
