"""Documentation -> pieces by heading: Markdown, reStructuredText and AsciiDoc, with the enclosing titles as scope.

Takes a text in `Lines`; every row is in exactly one piece. It finds headings and code blocks, and renders nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from whence_indexer.lines import Lines
from whence_indexer.pieces import Piece, fits, join_small
from whence_indexer.windows import windows

_MAX_TITLE = 100
_ATX = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*$")
_SETEXT = re.compile(r" {0,3}(=+|-+)[ \t]*$")
_HTML_HEADING = re.compile(r"[ \t]*<h([1-6])\b[^>]*>(.*?)</h\1>", re.IGNORECASE)
_NO_TITLE = re.compile(r"[ \t]*(?:[-*+>|#<]|\d+[.)]|$)|.*\|")  # a list, quotation or table is not underlined
_FENCE = re.compile(r"[ \t>*+-]*(`{3,}(?!.*`)|~{3,})")
_RST_LINE = re.compile(r"([!-/:-@\[-`{-~])\1{2,}[ \t]*$")
_ADOC_HEADING = re.compile(r"(={1,6})[ \t]+(\S.*?)(?:[ \t]+=+)?[ \t]*$")
_ADOC_FENCE = re.compile(r"(-{4,}|\.{4,}|\+{4,}|/{4,}|`{3,}|\|={3,})[ \t]*$")
_ADOC_UNDERLINE = re.compile(r"(={3,}|-{3,}|~{3,}|\^{3,}|\+{3,})[ \t]*$")
_MARKUP = re.compile(r"<[^>]*>|!\[[^\]]*\]\([^)]*\)|\[([^\]]*)\](?:\([^)]*\)|\[[^\]]*\])|[`*]|\\(?=\W)")


class _Heading(NamedTuple):
    row: int
    level: int
    title: str


class _Outline(NamedTuple):
    """The headings of a text, and the rows that are code or front matter, where a blank line is no paragraph's end."""

    headings: list[_Heading]
    verbatim: set[int]


class Section(NamedTuple):
    """A heading, those it stands under, outermost first, and the rows up to the next heading, its own included."""

    title: str
    scope: tuple[str, ...]
    first: int
    last: int


def sections(lines: Lines, markup: str) -> list[Section]:
    """The sections of a text, however small or large, in order; what stands before the first heading is in none."""
    headings = _OUTLINES[markup]([row.rstrip("\r\n") for row in lines.rows]).headings
    found: list[Section] = []
    path: list[_Heading] = []
    for heading, following in zip(headings, [*headings[1:], None], strict=False):
        path = [*(above for above in path if above.level < heading.level), heading]
        last = following.row - 1 if following else len(lines) - 1
        found.append(
            Section(heading.title, tuple(above.title for above in path[:-1] if above.title), heading.row, last)
        )
    return found


def prose_pieces(lines: Lines, markup: str) -> list[Piece]:
    """The pieces of a text written in `markup`: markdown, restructuredtext or asciidoc."""
    rows = [row.rstrip("\r\n") for row in lines.rows]
    outline = _OUTLINES[markup](rows)
    return join_small(_pieces(lines, outline), lines)


def _pieces(lines: Lines, outline: _Outline) -> Iterator[Piece]:
    headings = outline.headings
    first_row = headings[0].row if headings else len(lines)
    if first_row:
        yield from _parts(lines, Piece(0, first_row - 1), "", outline)
    path: list[_Heading] = []
    for heading, following in zip(headings, [*headings[1:], None], strict=False):
        path = [*(above for above in path if above.level < heading.level), heading]
        scope = tuple(above.title for above in path[:-1] if above.title)
        opens = following is not None and following.level > heading.level and heading.title
        last = following.row - 1 if following else len(lines) - 1
        piece = Piece(heading.row, last, scope=scope, inner=(*scope, heading.title) if opens else scope)
        yield from _parts(lines, piece, heading.title, outline)


def _parts(lines: Lines, section: Piece, title: str, outline: _Outline) -> Iterator[Piece]:
    """A section as it is, or cut at its paragraphs when it is too long; later parts are in its own scope."""
    if fits(lines, section.first, section.last):
        yield section
        return
    inner = (*section.scope, title) if title else section.scope
    paragraphs = {
        row: int(lines.rows[row][:1].isspace())  # the second paragraph of a list item is a worse place than a first
        for row in range(section.first + 1, section.last + 1)
        if lines.rows[row - 1].isspace() and row not in outline.verbatim
    }
    for first, last in windows(lines, section.first, section.last, paragraphs):
        yield Piece(first, last, scope=section.scope if first == section.first else inner, inner=inner)


def _markdown(rows: list[str]) -> _Outline:
    verbatim = _front_matter(rows)
    headings: list[_Heading] = []
    fence = ""
    for number, row in enumerate(rows):
        if number in verbatim:
            continue
        mark = _FENCE.match(row) if "```" in row or "~~~" in row else None
        if fence:
            verbatim.add(number)
            fence = "" if mark and mark[1].startswith(fence) and row.endswith(mark[1][0]) else fence
        elif mark:
            fence = mark[1]
        elif heading := _markdown_heading(rows, number, headings[-1].row if headings else -1, verbatim):
            headings.append(heading)
    return _Outline(headings, verbatim)


def _front_matter(rows: list[str]) -> set[int]:
    if not rows or rows[0].rstrip() not in ("---", "+++"):
        return set()
    end = next((number for number in range(1, len(rows)) if rows[number].rstrip() == rows[0].rstrip()), -1)
    return set(range(end + 1))


def _markdown_heading(rows: list[str], number: int, previous: int, verbatim: set[int]) -> _Heading | None:
    row = rows[number]
    if atx := _ATX.match(row):
        return _Heading(number, len(atx[1]), _title(atx[2] or ""))
    if html := _HTML_HEADING.match(row):
        return _Heading(number, int(html[1]), _title(html[2]))
    above = number - 1
    if above <= previous or above in verbatim or not _SETEXT.match(row) or _NO_TITLE.match(rows[above]):
        return None
    return _Heading(above, 1 if "=" in row else 2, _title(rows[above]))


def _restructuredtext(rows: list[str]) -> _Outline:
    """Titles are underlined, or lined on both sides; a style's level is the order in which the styles first appear."""
    styles: dict[tuple[str, bool], int] = {}
    headings: list[_Heading] = []
    for number in range(1, len(rows)):
        line, title = _RST_LINE.match(rows[number]), rows[number - 1].rstrip()
        if not line or not title.strip() or _RST_LINE.match(title) or len(line[0].rstrip()) < min(len(title), 4):
            continue
        above = rows[number - 2].rstrip() if number > 1 else ""
        overlined = above == line[0].rstrip()
        if overlined or not (above or title[0].isspace()):
            level = styles.setdefault((line[1], overlined), len(styles) + 1)
            headings.append(_Heading(number - 1 - overlined, level, _title(title)))
    return _Outline(headings, set())


def _asciidoc(rows: list[str]) -> _Outline:
    """`== Title`, or a title with an underline of its own length, as older pages have it."""
    verbatim: set[int] = set()
    headings: list[_Heading] = []
    fence = ""
    for number, row in enumerate(rows):
        if fence:
            verbatim.add(number)
            fence = "" if row.rstrip() == fence else fence
        elif heading := _ADOC_HEADING.match(row):
            headings.append(_Heading(number, len(heading[1]), _title(heading[2])))
        elif _is_underline(rows, number) and (not headings or headings[-1].row < number - 1):
            headings.append(_Heading(number - 1, "=-~^+".index(row[0]) + 1, _title(rows[number - 1])))
        elif _ADOC_FENCE.match(row):
            fence = row.rstrip()
    return _Outline(headings, verbatim)


def _is_underline(rows: list[str], number: int) -> bool:
    if not number or not _ADOC_UNDERLINE.match(rows[number]) or (number > 1 and rows[number - 2].strip()):
        return False
    title = rows[number - 1].rstrip()
    return title[:1].isalnum() and abs(len(title) - len(rows[number].rstrip())) <= 1


def _title(text: str) -> str:
    """A heading as a reader sees it: without links, code marks and tags."""
    beginning = text[: 10 * _MAX_TITLE]  # what is no heading at all may be as long as a file
    return " ".join(_MARKUP.sub(r"\1", beginning).split())[:_MAX_TITLE]


_OUTLINES = {"markdown": _markdown, "restructuredtext": _restructuredtext, "asciidoc": _asciidoc}
