"""Reading a tracker's long lists page by page while others change them, from where the last reading ended.

Takes a client, an address and a small JSON state that is changed in place; yields the items of each page, by when the
state says that they have been read. Nothing that is there at the beginning and at the end is missed, whatever moves.
A tracker has several such lists, its parts; `read_parts` reads one after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from whence_indexer.errors import GoneError, TrackerError
from whence_indexer.records import utc
from whence_indexer.rest import Client
from whence_indexer.threads import Cursor, Page
from whence_indexer.types import Problem

State = dict[str, Any]
Part = Callable[[Client, str, State], Iterator[Page]]

# Two items can change in the same second, and a server's lists can lag behind its clock.
_OVERLAP = timedelta(seconds=10)
_LAG = timedelta(minutes=2)


def read_parts(
    client: Client, name: str, parts: Mapping[str, Part], cursor: Cursor | None, say: Callable[[str], None]
) -> Iterator[Page]:
    """The pages of every part in turn, each with the cursor to go on from; `name` is the address they lie under.

    A part that is turned off is a page that says so. Raises `GoneError` where all are.
    """
    state, gone = _begun(name, cursor), 0
    for part, read in parts.items():
        count = 0
        try:
            for page in read(client, name, state["parts"].setdefault(part, {})):
                count += len(page.threads) + len(page.comments)
                say(f"{part}: {count}")
                yield replace(page, cursor=deepcopy(state))
        except GoneError as error:
            gone += 1
            if gone == len(parts):
                raise
            yield Page(deepcopy(state), problems=(Problem(f"{name} {part}", str(error)),), off=True)


def _begun(name: str, cursor: Cursor | None) -> State:
    """The state to go on from.

    A comment made after the last look at the threads may belong to one that is not known yet: comments are read again
    from that look on.
    """
    if not cursor or cursor.get("source") != name:
        return {"source": name, "parts": {}}
    state = deepcopy(cursor)
    looks = [_reached(state["parts"].get(part, {})) for part in ("issues", "pulls")]
    look = min(filter(None, looks), default="")
    for part in ("comments", "review_comments"):
        reached = state["parts"].get(part, {})
        if look and _reached(reached) > look:
            reached |= {("since" if "since" in reached else "floor"): look, "seen": [], "next": None}
    return state


def _reached(part: State) -> str:
    return str(part.get("since") or part.get("floor") or "")


def oldest_change_first(client: Client, address: str, since: str, state: State) -> Iterator[list[Any]]:
    """The items of a list sorted by change, oldest first, where the parameter `since` leaves out older ones.

    An item that changes moves to the end, so that the others move up, over the border of a page that was counted. So
    pages are not counted: each request asks for what changed since the last item seen. Only where more than a page
    changed at one moment is the next page followed.
    """
    before: set[str] = set()
    while True:
        asked = _once(state.get("next") or with_parameter(address, since, state.get("since")), before)
        answer = client.get(asked, state.get("etag") if state.get("asked") == asked else None)
        if answer is None:
            return
        seen = set(state.get("seen", ()))
        fresh = [item for item in answer.items if _stamp(item) not in seen]
        floor = _before(max(map(changed, answer.items), default=""), _OVERLAP)
        further = floor > state.get("since", "")
        if further:
            state["since"] = floor
        stamps = seen.union(map(_stamp, fresh))
        state["seen"] = sorted(stamp for stamp in stamps if stamp >= state.get("since", ""))
        state["next"] = None if further else answer.next
        state["asked"], state["etag"] = asked, answer.etag
        yield fresh
        if answer.next is None:
            return


def newest_change_first(client: Client, address: str, state: State) -> Iterator[list[Any]]:
    """The items of a list sorted by change, newest first, that changed since the last time it was read to its end.

    An item that changes moves to the front and pushes the others down: some come twice, none is missed but those, and
    they come the next time, because that goes back to when this reading began, by the server's own clock.
    """
    floor = state.get("floor", "")
    before: set[str] = set()
    asked: str | None = state.get("next") or address
    while asked:
        answer = client.get(_once(asked, before), state.get("etag") if asked == address else None)
        if answer is None:
            return
        if asked == address:
            state["begun"] = [_before(answer.date or "", _LAG) or floor, answer.etag]
        recent = [item for item in answer.items if (changed(item) or floor) >= floor]
        asked = answer.next if len(recent) == len(answer.items) else None
        state["next"] = asked
        if asked is None:
            state["floor"], state["etag"] = state.pop("begun", [floor, None])
        yield recent


def all_items(client: Client, address: str) -> Iterator[Any]:
    """The items of a short list, from its beginning to its end."""
    before: set[str] = set()
    following: str | None = address
    while following and (answer := client.get(_once(following, before))):
        yield from answer.items
        following = answer.next


def changed(item: Any) -> str:
    """When an item changed last, ISO 8601 in UTC; empty when it does not say."""
    try:
        return utc(item["updated_at"])
    except (TypeError, KeyError, ValueError):
        return ""


def with_parameter(address: str, name: str, value: str | None) -> str:
    """`address` with one more parameter in its query; as it is without a value."""
    parts = urlsplit(address)
    query = [*parse_qsl(parts.query), (name, value)] if value else None
    return parts._replace(query=urlencode(query)).geturl() if query else address


def _stamp(item: Any) -> str:
    """An item in one of its versions; sorted as the changes are."""
    return f"{changed(item)} {item.get('id') if isinstance(item, dict) else item!r}"


def _once(address: str, before: set[str]) -> str:
    """`address`, noted in `before`. Raises `TrackerError` when it was asked before: its pages go round in a circle."""
    if address in before:
        raise TrackerError(f"{urlsplit(address).netloc} answered nonsense: a page that is followed by itself")
    before.add(address)
    return address


def _before(date: str, span: timedelta) -> str:
    """`date` less `span`; empty where there is no date, or none so early."""
    try:
        return utc((datetime.fromisoformat(date) - span).isoformat()) if date else ""
    except OverflowError:
        return ""
