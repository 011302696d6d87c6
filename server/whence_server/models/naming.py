"""Names of models, versions and blobs: checked text, which is never used as a path on this machine.

Takes what a person typed or a registry sent; returns it only if it is harmless in an address too.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Any

from whence_server.errors import ManifestError

_NAME = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*\Z")
_VERSION = re.compile(r"[0-9A-Za-z]+(?:[._+-][0-9A-Za-z]+)*\Z")
_DIGEST = re.compile(r"sha256-[0-9a-f]{64}\Z")
_LONGEST = 64


@dataclass(frozen=True)
class Reference:
    """A model as a person names it: `NAME`, `NAME@VERSION` or `NAME@ALIAS`; without a version the registry's choice."""

    name: str
    version: str | None = None

    def __str__(self) -> str:
        return f"{self.name}@{self.version}" if self.version else self.name


def reference(text: str) -> Reference:
    """The model that `text` names. Raises `ManifestError`."""
    name, at, version = text.partition("@")
    return Reference(checked_name(name), checked_version(version) if at else None)


def checked_name(value: Any) -> str:
    """`value` if it is a model's name: small letters and digits, with single dots, hyphens or underscores between."""
    if isinstance(value, str) and len(value) <= _LONGEST and _NAME.match(value):
        return value
    raise ManifestError(
        f"{shown(value)} is no name of a model: small letters and digits with single . - _ between, "
        f"{_LONGEST} characters at most"
    )


def checked_version(value: Any) -> str:
    """`value` if it is a version: letters and digits, with single dots, hyphens, underscores or plus signs between."""
    if isinstance(value, str) and len(value) <= _LONGEST and _VERSION.match(value):
        return value
    raise ManifestError(
        f"{shown(value)} is no version: letters and digits with single . - _ + between, {_LONGEST} characters at most"
    )


def checked_digest(value: Any) -> str:
    """`value` if it is `sha256-` and 64 small hexadecimal digits."""
    if isinstance(value, str) and _DIGEST.match(value):
        return value
    raise ManifestError(f"{shown(value)} is no digest: sha256- and 64 hexadecimal digits")


def digest_of(data: bytes) -> str:
    """The digest of `data`, as blobs are named."""
    return f"sha256-{hashlib.sha256(data).hexdigest()}"


def slug(text: str) -> str:
    """Any text as a name: what a name may not hold becomes hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:_LONGEST].strip("-") or "model"


def shown(value: Any) -> str:
    """A value from outside as part of a message: short, on one line, without control characters."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}…"
