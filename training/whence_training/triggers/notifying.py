"""Who hears of runs: the editor and a file beside the index, and a webhook where one is configured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import httpx2

from whence_server.notices import give_notice

Notify = Callable[[str, str], None]  # (event, sentence)
_PATIENCE = 5.0  # seconds for the webhook


def notifier(index: Path, webhook: str | None, note: Callable[[str], None]) -> Notify:
    """Tell the editor that has the index at `index` open, and `webhook`; one that does not listen is only noted."""

    def notify(event: str, text: str) -> None:
        notice = give_notice(index, event, text)
        note(text)
        if webhook is None:
            return
        try:
            httpx2.post(webhook, json=asdict(notice), timeout=_PATIENCE).raise_for_status()
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            note(f"the webhook did not take it: {type(error).__name__}")  # its address is a secret

    return notify
