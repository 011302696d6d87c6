"""When something was, as a person says it: "3 months ago". Pure."""

from __future__ import annotations

from datetime import datetime

from whence_indexer.history import instant

_MINUTE, _HOUR, _DAY = 60.0, 3_600.0, 86_400.0
# From how many seconds on, in which unit; a month is a twelfth of a year.
_UNITS = (
    (365.25 * _DAY, "year"),
    (365.25 * _DAY / 12, "month"),
    (7 * _DAY, "week"),
    (_DAY, "day"),
    (_HOUR, "hour"),
    (_MINUTE, "minute"),
)


def age(date: str, now: datetime) -> str:
    """How long before `now` an ISO 8601 date was; "just now" for the last minute, and for what a wrong clock wrote."""
    seconds = (now - instant(date)).total_seconds()
    for length, unit in _UNITS:
        if seconds >= length:
            count = int(seconds / length)
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"
