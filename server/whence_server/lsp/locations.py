"""URIs as editors write them, and paths: percent-encoding, drive letters and shares of Windows.

Pure. What is no `file:` URI has no path.
"""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath
from urllib.parse import quote, unquote, urlsplit

_DRIVE = re.compile(r"/([A-Za-z])(?::|%3A)(?=/|$)", re.IGNORECASE)
_PLAIN = "/!$&'()*+,;=@-._~"  # what an URI's path may hold as it is, but for the colon, which drives have


def to_path(uri: str, windows: bool = os.name == "nt") -> PurePath | None:
    """The path of a `file:` URI; None for another one, or one that is none."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return None
    if parts.scheme.lower() != "file" or "\0" in (path := unquote(parts.path, errors="surrogateescape")):
        return None
    host = "" if parts.netloc.lower() == "localhost" else unquote(parts.netloc)
    if not windows:
        return PurePosixPath(path) if path.startswith("/") and not host else None
    if host:
        return PureWindowsPath(f"//{host}{path}")
    drive = _DRIVE.match(path)
    return PureWindowsPath(f"{drive[1].upper()}:{path[drive.end() :] or '/'}") if drive else PureWindowsPath(path)


def to_uri(path: PurePath) -> str:
    """The `file:` URI of an absolute path."""
    slashed = path.as_posix()
    if isinstance(path, PureWindowsPath) and slashed.startswith("//"):
        host, _, rest = slashed[2:].partition("/")
        return f"file://{host}/{_quoted(rest)}"
    if isinstance(path, PureWindowsPath) and path.drive:
        return f"file:///{path.drive}{_quoted(slashed[len(path.drive) :])}"
    return f"file://{_quoted(slashed)}"


def normal(uri: str) -> str:
    """One spelling for all URIs of a file: however it is encoded, and by whatever links its folder is reached."""
    path = to_path(uri)
    return uri if path is None else to_uri(_real(Path(path)))


def inside(root: Path, path: PurePath) -> str | None:
    """`path` relative to `root`, with '/'; None where it lies elsewhere. Links above it are followed."""
    for candidate in (Path(path), _real(Path(path))):
        if candidate.is_relative_to(root):
            relative = candidate.relative_to(root).as_posix()
            return relative if relative != "." and ".." not in candidate.parts else None
    return None


def _real(path: Path) -> Path:
    try:
        return path.parent.resolve() / path.name
    except (OSError, RuntimeError):
        return path


def _quoted(path: str) -> str:
    return quote(path.encode("utf-8", "surrogateescape"), safe=_PLAIN)
