"""Where the files of a registry are read from: a folder, a web server, S3, or a repository of Hugging Face.

Takes what the user typed; connects to nothing before a file is asked for, and to nothing else than that place, its
redirects and the proxies of the environment. Knows nothing of what the files mean.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from whence_indexer import __version__
from whence_server.errors import CutError, OfflineError, RegistryError

if TYPE_CHECKING:
    import httpx2

Chunks = Generator[bytes, None, None]

_CHUNK = 1 << 20
_TIMEOUT = 30  # seconds without a byte
_BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})
_YES = frozenset({"1", "true", "yes", "on"})


class Place(Protocol):
    """A tree of files. Paths in it are of checked names, with `/`."""

    @property
    def name(self) -> str:
        """The place as messages name it, without credentials."""
        ...

    def read(self, path: str, limit: int) -> bytes | None:
        """A small file, or None where there is none. Raises `RegistryError`, also when it is larger than `limit`."""
        ...

    def stream(self, path: str, offset: int) -> Chunks:
        """A file from byte `offset` on. Raises `RegistryError`; `CutError` where it is worth to go on later."""
        ...


def open_place(spec: str) -> Place:
    """The place that `spec` names: a folder, `https://…`, `s3://BUCKET/…` or `hf://OWNER/NAME[@REVISION]`.

    Raises `OfflineError` where WHENCE_OFFLINE, or for Hugging Face HF_HUB_OFFLINE, forbids to ask it, `RegistryError`
    where it is none of these.
    """
    scheme, separator, rest = spec.partition("://")
    if separator and host_of(spec) is None:
        raise RegistryError(f"{without_credentials(spec)} is no address")
    if not separator or scheme == "file":
        return Folder(_folder(unquote(urlsplit(spec).path) if separator else spec))
    openers: dict[str, Callable[[], Place]] = {
        "http": lambda: Web(spec),
        "https": lambda: Web(spec),
        "s3": lambda: Bucket(spec),
        "hf": lambda: hub_place(rest),
    }
    if scheme not in openers:
        raise RegistryError(f"{scheme}:// is no kind of registry: a folder, https://, s3:// or hf://")
    check_online("HF_HUB_OFFLINE" if scheme == "hf" else None)
    return openers[scheme]()


def check_online(*others: str | None) -> None:
    """Raise `OfflineError` if the environment forbids the network, by WHENCE_OFFLINE or one of `others`."""
    for name in ("WHENCE_OFFLINE", *others):
        if name and os.environ.get(name, "").strip().lower() in _YES:
            kept = "nothing but this machine" if name == "WHENCE_OFFLINE" else "nothing of Hugging Face"
            raise OfflineError(f"{name} is set: {kept} is asked")


def host_of(address: str) -> str | None:
    """The host in an address, "" where it names none; None where it is no address."""
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return None


def without_credentials(address: str) -> str:
    """`address` without user, password, query and fragment."""
    if host_of(address) is None:
        return address.rpartition("@")[2]
    parts = urlsplit(address)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


@dataclass(frozen=True)
class Folder:
    """A folder on this machine or a mounted share."""

    root: Path

    @property
    def name(self) -> str:
        """Its path."""
        return str(self.root)

    def read(self, path: str, limit: int) -> bytes | None:
        """A small file."""
        try:
            with (self.root / path).open("rb") as file:
                return _limited(file.read(limit + 1), limit, f"{self.name}/{path}")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise RegistryError(f"{self.name}/{path} cannot be read: {error.strerror}") from error

    def stream(self, path: str, offset: int) -> Chunks:
        """A file from byte `offset` on."""
        try:
            with (self.root / path).open("rb") as file:
                file.seek(offset)
                while chunk := file.read(_CHUNK):
                    yield chunk
        except OSError as error:
            raise RegistryError(f"{self.name}/{path} cannot be read: {error.strerror}") from error


@dataclass(frozen=True)
class Web:
    """Files below an address. `headers` go to its host alone."""

    base: str
    headers: Mapping[str, str] | None = None

    @property
    def name(self) -> str:
        """The address."""
        return without_credentials(self.base).rstrip("/")

    def read(self, path: str, limit: int) -> bytes | None:
        """A small file."""
        data = b""
        with self._asked(path, 0) as response:
            if response.status_code == 404:
                return None
            self._check(response, path)
            for chunk in response.iter_raw(_CHUNK):
                data = _limited(data + chunk, limit, f"{self.name}/{path}")
        return data

    def stream(self, path: str, offset: int) -> Chunks:
        """A file from byte `offset` on, also from a server that knows no ranges."""
        with self._asked(path, offset) as response:
            if response.status_code == 416 and offset:
                return  # nothing is left
            self._check(response, path)
            skip = offset - _first_byte(response)
            if skip < 0:
                raise RegistryError(f"{self.name} answered with another part of {path} than was asked for")
            for chunk in response.iter_raw():  # as it comes: what is waited for would be lost with a cut
                if skip < len(chunk):
                    yield chunk[skip:]
                skip = max(0, skip - len(chunk))

    @contextmanager
    def _asked(self, path: str, offset: int) -> Iterator[httpx2.Response]:
        import httpx2

        address = urlunsplit(urlsplit(self.base)._replace(path=f"{urlsplit(self.base).path.rstrip('/')}/{quote(path)}"))
        headers = {**(self.headers or {}), **({"Range": f"bytes={offset}-"} if offset else {})}
        try:
            with self._client() as client, client.stream("GET", address, headers=headers) as response:
                yield response
        except httpx2.TransportError as error:
            raise CutError(f"{self.name} cannot be reached: {error or type(error).__name__}") from error
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise RegistryError(f"{self.name} cannot be read: {error}") from error

    def _client(self) -> httpx2.Client:
        import httpx2

        about = {"User-Agent": f"whence/{__version__}", "Accept-Encoding": "identity"}
        hooks: Any = {"response": [_no_downgrade]}
        return httpx2.Client(headers=about, timeout=_TIMEOUT, follow_redirects=True, event_hooks=hooks)

    def _check(self, response: httpx2.Response, path: str) -> None:
        status = response.status_code
        if status in _BUSY:
            raise CutError(f"{self.name} is busy or broken: it answered {status} for {path}")
        if status == 404:
            raise RegistryError(f"{self.name} has no {path}")
        if status in (401, 403):
            raise RegistryError(f"{self.name} does not give {path} to you (it answered {status})")
        if status not in (200, 206):
            raise RegistryError(f"{self.name} answered {status} for {path}")
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise RegistryError(f"{self.name} sends {path} compressed, though asked not to")


@dataclass(frozen=True)
class Bucket:
    """Objects of S3 or of a server that speaks like it, by Arrow's client: keys, region, endpoint as AWS names them."""

    spec: str

    @property
    def name(self) -> str:
        """Its address, without options and keys, which may hold what an address may not."""
        return without_credentials(re.sub(r"://[^?]*:[^?]*@", "://", self.spec)).rstrip("/")

    def read(self, path: str, limit: int) -> bytes | None:
        """A small object."""
        with self._opened(path) as file:
            return None if file is None else _limited(file.read(limit + 1), limit, f"{self.name}/{path}")

    def stream(self, path: str, offset: int) -> Chunks:
        """An object from byte `offset` on."""
        with self._opened(path) as file:
            if file is None:
                raise RegistryError(f"{self.name} has no {path}")
            if offset > file.size():
                return
            file.seek(offset)
            try:
                while chunk := file.read(_CHUNK):
                    yield chunk
            except OSError as error:  # it was there: what is left can be asked for again
                raise CutError(f"{self.name} broke off: {self._reason(error)}") from error

    def _reason(self, error: Exception) -> str:
        """What Arrow says, without the keys that an address may hold."""
        return " ".join(str(error).replace(self.spec, self.name).split())[:300]

    @contextmanager
    def _opened(self, path: str) -> Iterator[Any]:
        try:
            system, root = self._system
            try:
                file = system.open_input_file(f"{root.rstrip('/')}/{path}")
            except FileNotFoundError:
                yield None
                return
            with file:
                yield file
        except (OSError, ValueError) as error:
            raise RegistryError(f"{self.name} cannot be read: {self._reason(error)}") from error

    @cached_property
    def _system(self) -> tuple[Any, str]:
        from pyarrow import fs

        system, root = fs.FileSystem.from_uri(self.spec)
        return system, root


def hub_place(rest: str) -> Web:
    """A repository of Hugging Face, or of the mirror in HF_ENDPOINT: `OWNER/NAME[@REVISION]`, with the user's token."""
    match = re.fullmatch(r"([\w.-]+/[\w.-]+)(?:@([\w./-]+))?/?", rest)
    if not match or ".." in rest:
        raise RegistryError(f"hf://{rest} is not hf://OWNER/NAME or hf://OWNER/NAME@REVISION")
    address = f"{hub_endpoint()}/{match[1]}/resolve/{quote(match[2] or 'main', safe='')}"
    return Web(address, hub_headers())


def hub_endpoint() -> str:
    """The address of Hugging Face or its mirror."""
    return os.environ.get("HF_ENDPOINT", "").strip().rstrip("/") or "https://huggingface.co"


def hub_headers() -> dict[str, str]:
    """What tells Hugging Face who asks: the token of HF_TOKEN or of `hf auth login`; nothing without one."""
    from huggingface_hub import get_token

    token = get_token()
    return {"Authorization": f"Bearer {token}"} if token else {}


def _folder(path: str) -> Path:
    folder = Path(path).expanduser()
    if not folder.is_dir():
        raise RegistryError(f"{path} is no folder")
    return folder.resolve()


def _limited(data: bytes, limit: int, what: str) -> bytes:
    if len(data) > limit:
        raise RegistryError(f"{what} is larger than {limit:,} bytes")
    return data


def _first_byte(response: httpx2.Response) -> int:
    if response.status_code != 206:
        return 0
    match = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    if not match:
        raise RegistryError(f"{response.url.host} sends a part of a file and does not say which")
    return int(match[1])


def _no_downgrade(response: httpx2.Response) -> None:
    """A redirect from https to http would let anyone on the way answer."""
    following = response.next_request
    if following and response.request.url.scheme == "https" and following.url.scheme != "https":
        raise RegistryError(f"{response.request.url.host} redirects to an address without encryption")
