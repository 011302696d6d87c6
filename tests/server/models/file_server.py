"""A real web server on this machine for a folder of files, which behaves as badly as it is told.

It knows ranges, and enough of S3 (path style) and Hugging Face (`resolve`) for their clients. Asked as a proxy, it
serves the path of whatever host is named.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Site:
    """What is served, how badly, and what was asked."""

    root: Path
    cut_after: int | None = None  # bytes of a blob before the connection breaks
    cuts: int = 0  # how many times it does
    ranges: bool = True
    statuses: list[int] = field(default_factory=list)  # answered first, one for each request
    redirect: str | None = None
    asked: list[tuple[str, str, str]] = field(default_factory=list)  # method, address, range
    headers: list[dict[str, str]] = field(default_factory=list)
    url: str = ""


@contextmanager
def serving(root: Path) -> Iterator[Site]:
    """A site for `root` at `Site.url`."""
    site = Site(root)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            _answer(self, site)

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    site.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _answer(handler: BaseHTTPRequestHandler, site: Site) -> None:
    asked_range = handler.headers.get("Range", "")
    site.asked.append((handler.command, handler.path, asked_range))
    site.headers.append(dict(handler.headers))
    path = unquote(urlsplit(handler.path).path).lstrip("/")
    if site.statuses:
        return _send(handler, site.statuses.pop(0), b"")
    if site.redirect:
        handler.send_response(302)
        handler.send_header("Location", site.redirect + "/" + path)
        handler.send_header("Content-Length", "0")
        handler.end_headers()
        return None
    file = site.root / path.replace(f"/resolve/{COMMIT}", "").replace("/resolve/main", "")
    if not file.is_file():
        return _send(handler, 404, b"")
    data = file.read_bytes()
    begin, end = 0, len(data)
    if asked_range and site.ranges:
        first, _, last = asked_range.removeprefix("bytes=").partition("-")
        begin, end = int(first), min(int(last) + 1, end) if last else end
        if begin >= len(data):
            return _send(handler, 416, b"")
    body = data[begin:end]
    status = 206 if asked_range and site.ranges else 200
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(body)))
    handler.send_header("Last-Modified", "Tue, 07 May 2024 07:08:09 GMT")
    digest = hashlib.sha256(data).hexdigest()
    handler.send_header("ETag", f'"{digest}"')
    handler.send_header("X-Linked-ETag", f'"{digest}"')
    handler.send_header("X-Linked-Size", str(len(data)))
    handler.send_header("X-Repo-Commit", COMMIT)
    if status == 206:
        handler.send_header("Content-Range", f"bytes {begin}-{end - 1}/{len(data)}")
    handler.end_headers()
    if handler.command == "HEAD":
        return None
    if site.cuts and site.cut_after is not None and len(body) > site.cut_after:
        site.cuts -= 1
        handler.wfile.write(body[: site.cut_after])
        handler.wfile.flush()
        handler.connection.close()
        handler.close_connection = True
        return None
    handler.wfile.write(body)
    return None


def _send(handler: BaseHTTPRequestHandler, status: int, body: bytes) -> None:
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)
