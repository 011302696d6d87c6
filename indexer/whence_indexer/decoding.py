"""Bytes of a file -> its text, or None when it is not text; and the text of an editor -> the bytes it would save.

Pure. Lines end with a line feed only, as git counts them; nothing is normalised, so that line numbers stay true.
"""

from __future__ import annotations

import codecs

_SNIFFED = 8192  # git looks at as many bytes for a NUL when it decides what is binary
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16: its mark begins with the other's
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CONTROL = bytes(set(range(32)) - set(b"\t\n\v\f\r\x1b"))  # the escape character occurs in terminal recordings


def decode(data: bytes) -> str | None:
    """UTF-8, UTF-16 or UTF-32 (with or, for UTF-16, without a mark), else Latin-1; None for binary data."""
    for mark, encoding in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return _strict(data, encoding)
    head = data[:_SNIFFED]
    if b"\0" in head:
        return _strict(data, _unmarked_utf16(head))
    text = _strict(data, "utf-8")
    if text is None and len(head.translate(None, _CONTROL)) > 0.95 * len(head):
        text = data.decode("latin-1")
    return text


def encode(text: str, beginning: bytes) -> bytes:
    """`text` as it would stand in a file that has this `beginning` (its byte order mark): UTF-8 without one."""
    for mark, encoding in _BYTE_ORDER_MARKS:
        if beginning.startswith(mark):
            exact = {codecs.BOM_UTF16_BE: "utf-16-be", codecs.BOM_UTF32_BE: "utf-32-be"}.get(mark, encoding)
            data = text.removeprefix("\ufeff").encode(exact, "replace")
            return mark + data if exact != encoding else data
    return text.encode("utf-8", "replace")


def _strict(data: bytes, encoding: str | None) -> str | None:
    if encoding is None:
        return None
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return None


def _unmarked_utf16(head: bytes) -> str | None:
    """In UTF-16 text most characters are ASCII, so that every other byte is NUL."""
    even, odd = head[0::2].count(0), head[1::2].count(0)
    half = len(head) // 2
    if len(head) % 2 or not half or min(even, odd) > 0.05 * half:
        return None
    if odd > 0.6 * half:
        return "utf-16-le"
    return "utf-16-be" if even > 0.6 * half else None
