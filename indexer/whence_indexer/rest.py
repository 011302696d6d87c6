"""Asking a tracker that speaks like GitHub: one address in, one list out, with patience.

Waits for rate limits, asks again after a gateway's error or a cut connection, sends the token to no other host, and
raises `TrackerError` in words a user can act on. Knows no thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Protocol
from urllib.parse import urlsplit

from whence_indexer import extras
from whence_indexer.errors import GoneError, MissingError, TrackerError
from whence_indexer.records import plain, utc

# GitHub's limits are by the hour; a limit that lasts longer is not waited for.
MAX_WAIT = timedelta(minutes=65)
# Seconds before asking again, one for each attempt, after an error that passes.
BACKOFF = (1, 4, 15, 60)
_TIMEOUT = 60


@dataclass(frozen=True)
class Answer:
    """A page of a list: its items, the address of the next page, the server's tag for it and its clock (ISO, UTC)."""

    items: list[Any]
    next: str | None = None
    etag: str | None = None
    date: str | None = None


@dataclass(frozen=True)
class RestProject:
    """A project whose API is like GitHub's: `api` is its address without a slash at its end, `project` `owner/name`."""

    api: str
    project: str
    token: str | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """The project's address in the API."""
        return f"{self.api}/repos/{self.project}"


class Client(Protocol):
    """Asks one tracker."""

    def get(self, address: str, etag: str | None = None) -> Answer | None:
        """The list at `address`; None when it still has that `etag`. Raises `TrackerError`."""
        ...


@contextmanager
def rest_client(base: str, token: str | None, advice: str, say: Callable[[str], None]) -> Iterator[Client]:
    """A client for addresses under `base`. `advice` tells what to do about a missing right; `say` hears of waiting."""
    try:
        from githubkit.core import GitHubCore
    except ImportError as error:
        raise missing_extra() from error
    patience = _Patience(urlsplit(base).netloc, say)
    kit = GitHubCore(token or None, base_url=base, http_cache=False, timeout=_TIMEOUT, auto_retry=patience.decide)
    with kit:
        yield _RestClient(kit, base, advice)


def missing_extra() -> TrackerError:
    """The error for a tracker's client that is not installed."""
    return TrackerError(f"asking a tracker needs some more packages: {extras.command('trackers')}")


def require_same_origin(address: str, base: str) -> None:
    """Raises `TrackerError` unless both are the same scheme, host and port: a token for one may go to no other."""
    try:
        one, other = urlsplit(address), urlsplit(base)
        same = (one.scheme, one.netloc) == (other.scheme, other.netloc)
    except ValueError:
        same = False
    if not same:
        raise TrackerError(f"{urlsplit(base).netloc} names a next page on another host")


def list_of(host: str, read: Callable[[], Any]) -> list[Any]:
    """What `read` makes of an answer of `host`. Raises `TrackerError` when that is no JSON or no list."""
    try:
        items = read()
    except (ValueError, RecursionError) as error:
        raise TrackerError(f"{host} answered nonsense: no JSON") from error
    if not isinstance(items, list):
        raise TrackerError(f"{host} answered nonsense: no list")
    return items


@dataclass(frozen=True)
class _Patience:
    """What to do about a failed request: the decision that githubkit asks for."""

    host: str
    say: Callable[[str], None]

    def decide(self, error: Exception, attempts: int) -> Any:
        from githubkit.exception import RateLimitExceeded, RequestError, RequestFailed
        from githubkit.typing import RetryOption

        if isinstance(error, RateLimitExceeded):
            if attempts >= len(BACKOFF) or error.retry_after > MAX_WAIT:
                return RetryOption(False)
            wait = error.retry_after + timedelta(seconds=1)
            self.say(f"{self.host} limits requests: waiting {wait.total_seconds():.0f} s")
            return RetryOption(True, wait)
        passes = error.response.status_code in {500, 502, 503, 504} if isinstance(error, RequestFailed) else True
        if not isinstance(error, RequestError) or not passes or attempts >= len(BACKOFF):
            return RetryOption(False)
        self.say(f"{self.host} failed: asking again in {BACKOFF[attempts]} s")
        return RetryOption(True, timedelta(seconds=BACKOFF[attempts]))


@dataclass(frozen=True)
class _RestClient:
    kit: Any
    base: str
    advice: str

    def get(self, address: str, etag: str | None = None) -> Answer | None:
        require_same_origin(address, self.base)
        response = self._response(address, {"If-None-Match": etag} if etag else {})
        if response.status_code == 304:
            return None
        following = response.raw_response.links.get("next", {}).get("url")
        return Answer(
            items=list_of(self._host, response.json),
            next=_whole(following, response.raw_response.url) if following else None,
            etag=response.headers.get("etag"),
            date=_clock(response.headers.get("date")),
        )

    @property
    def _host(self) -> str:
        return urlsplit(self.base).netloc

    def _response(self, address: str, headers: dict[str, str]) -> Any:
        from githubkit.exception import GitHubException, RateLimitExceeded, RequestFailed

        try:
            return self.kit.request("GET", address, headers=headers)
        except RateLimitExceeded as error:
            minutes = error.retry_after.total_seconds() / 60
            raise TrackerError(f"{self._host} allows no more requests for {minutes:.0f} minutes") from error
        except RequestFailed as error:
            raise self._refusal(error.response) from error
        except GitHubException as error:
            raise TrackerError(f"{self._host} cannot be reached: {getattr(error, 'exc', error)}") from error
        except (ValueError, OverflowError) as error:  # githubkit reads the times of a rate limit as they come
            raise TrackerError(f"{self._host} answered nonsense: {error}") from error

    def _refusal(self, response: Any) -> TrackerError:
        status, said = response.status_code, _message(response)
        if status == 401:
            return TrackerError(f"{self._host} does not accept the token ({said})")
        if status == 403:
            return TrackerError(f"{self._host} forbids it ({said}): {self.advice}")
        if status == 404:
            return MissingError(f"{self._host} knows no such project, or hides it ({said}): {self.advice}")
        if status == 410:
            return GoneError(f"{self._host} has it turned off ({said})")
        return TrackerError(f"{self._host} answered {status} ({said})")


def _whole(address: str, page: Any) -> str:
    """The address that `page` names, as a whole one; what is none stays, for `require_same_origin` to refuse."""
    from httpx import InvalidURL

    try:
        return str(page.join(address))
    except (InvalidURL, ValueError):
        return address


def _message(response: Any) -> str:
    """The server's own words, short and plain."""
    try:
        said = response.json()["message"]
    except (ValueError, KeyError, TypeError, RecursionError):
        said = "without a word"
    return " ".join(plain(str(said)).split())[:200]


def _clock(date: str | None) -> str | None:
    try:
        return utc(parsedate_to_datetime(date).isoformat()) if date else None
    except ValueError:
        return None
