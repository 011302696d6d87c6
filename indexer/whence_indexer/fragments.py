"""Secrets of which a text holds a part: the changed lines of a key that was rotated, without the lines around them.

Pure: text in, findings out. For hunks alone: in a whole file an image in base64 looks the same, and there the lines
that say what it is are not missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from whence_indexer.credentials import is_secret
from whence_indexer.findings import Finding

# Base64 that is no name and no digest: capitals, small letters and digits. PEM has 64 characters a line, OpenSSH 70.
_MIXED = r"(?=[a-z0-9+/]*[A-Z])(?=[A-Z0-9+/]*[a-z])(?=[A-Za-z+/]*\d)"
_FULL = rf"{_MIXED}[A-Za-z0-9+/]{{60,76}}"
# What stands around a line of a key in a string, in YAML or in a comment.
_BEFORE = r"[ \t\"'`,;*#>|.()-]{0,80}"
_BEHIND = r"(?:\\{1,2}[nrt\"']|[ \t\r\"'`,;+*#|.()-]){0,80}\\?"
_LINE = re.compile(rf"{_BEFORE}(?P<run>{_FULL}={{0,2}}){_BEHIND}", re.ASCII)
_TAIL = re.compile(rf"{_BEFORE}(?P<run>(?:[A-Za-z0-9+/]{{4}})*[A-Za-z0-9+/]{{2,4}}={{0,2}}){_BEHIND}", re.ASCII)
# The one private key that is a single line: PKCS #8 of Ed25519 and X25519.
_ALONE = re.compile(r"MC4CAQAwBQYDK2V[uw]")
# Between these two no line is missing.
_PUBLIC = r"(?:CERTIFICATE(?: REQUEST)?|[A-Z ]{0,20}PUBLIC KEY|CERTIFICATE SIGNING REQUEST)-----"
_PUBLIC_BEGIN, _PUBLIC_END = re.compile(f"-----BEGIN {_PUBLIC}"), re.compile(f"-----END {_PUBLIC}")
_LONG = re.compile(r"[A-Za-z0-9+/]{60}")
_SECTION = re.compile(rf"(?P<run>(?:{_FULL}|{_MIXED}[A-Za-z0-9+/]{{16,}})={{0,2}})", re.ASCII)
# A line of .netrc without the machine. A short word is the type of a field of that name: `password string`.
_NETRC = re.compile(
    r"^[ \t]*(?:login[ \t]+\S+[ \t]+)?password[ \t]+(?P<value>(?![A-Za-z]{1,9}\r?$)[^\s\"'`\\]{6,})[ \t\r]*$",
    re.MULTILINE,
)


def find_fragments(text: str) -> Iterator[Finding]:
    """What is left of private keys and of .netrc where a hunk begins or ends within them."""
    if _LONG.search(text):
        yield from _key_lines(text)
    for match in _NETRC.finditer(text):
        if is_secret(match["value"]):
            yield Finding("netrc-password", *match.span("value"))


def is_key_line(text: str) -> bool:
    """Whether the line that git names above a hunk is one of a key."""
    return _SECTION.fullmatch(text) is not None


def _key_lines(text: str) -> Iterator[Finding]:
    """Two full lines or more, or one and the shorter one that ends a key."""
    found: list[Finding] = []
    before, ended, at = "", False, 0
    for line in f"{text}\n".split("\n"):
        full = _LINE.fullmatch(line)
        match = full or (_TAIL.fullmatch(line) if found and not ended else None)
        if ended or not match:
            if not (_PUBLIC_BEGIN.search(before) and _PUBLIC_END.search(line)):
                yield from _whole(found, text)
            found, before = [], "" if match else line
        if match:
            found.append(Finding("private-key", at + match.start("run"), at + match.end("run"), bool(found)))
        ended = match is not None and not full
        at += len(line) + 1


def _whole(found: list[Finding], text: str) -> list[Finding]:
    return found if len(found) > 1 or (found and _ALONE.match(text, found[0].start)) else []
