"""The text of a file as it is on screen -> what it defines where, and whether a place in it is code or a remark.

Pure. Lines are 1-based, columns 0-based in characters. What was parsed is kept for a while: an editor asks of one text
many times.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Literal

from whence_indexer.languages import language_of
from whence_indexer.lines import lines_of
from whence_indexer.outline import Tree, Unit, root_of, tree_of, units_of

if TYPE_CHECKING:
    from tree_sitter import Node

_MOST_KEPT = 1_000_000  # characters of texts, whose trees take a hundred times as much memory
_VERSIONS = 2  # kept of one file: as it is on disk, and on screen
_AT_ONCE = 30_000  # characters of a text that is parsed while somebody waits: that takes 10 ms
_MAX_CHARACTERS = 1_000_000  # as large as a file that is indexed
_MAX_LINE = 400  # characters a line on average, beyond which no person wrote it: see `syntax`

_MOST_AROUND = 6  # nodes between a name and the annotation it is in
_TYPES = {"type_identifier", "type", "type_annotation", "named_type", "user_type"}

Place = Literal["code", "comment", "string", "keyword"]


@dataclass(frozen=True, slots=True)
class Definition:
    """A definition: its name qualified by its scope; its lines with its comments and decorators, `line` its name's."""

    name: str
    first: int
    line: int
    last: int
    variable: bool = False


@dataclass(frozen=True, slots=True)
class Stretch:
    """A run of characters in one line: columns `start` to `end`, the latter not included."""

    line: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Parsed:
    """One text: its language, its definitions in order, outer ones first, and its syntax tree."""

    language: str
    definitions: tuple[Definition, ...]
    tree: Tree | None = None
    root: Node | None = None

    def around(self, line: int) -> list[Definition]:
        """The definitions that hold a line, outermost first; no variables."""
        return [each for each in self.definitions if not each.variable and each.first <= line <= each.last]

    def place(self, line: int, column: int) -> Place | None:
        """What stands there; None where the language has no grammar."""
        node = leaf = self._leaf(line, column)
        if leaf is None:
            return None
        while node is not None:
            if "comment" in node.type or node.type == "haddock":
                return "comment"
            if "interpolation" in node.type or "substitution" in node.type:
                break
            if "string" in node.type or node.type in ("heredoc_body", "char_literal"):
                return "string"
            node = node.parent
        return "keyword" if not leaf.is_named and leaf.end_point.row == line - 1 else "code"

    def is_type(self, line: int, column: int) -> bool:
        """Whether what stands there is meant as a type, as an annotation is, and so as no variable."""
        node = self._leaf(line, column)
        for _ in range(_MOST_AROUND):
            if node is None or node.type in _TYPES:
                return node is not None
            parent = node.parent
            if parent is not None and any(parent.child_by_field_name(name) == node for name in ("type", "return_type")):
                return True
            node = parent
        return False

    def _leaf(self, line: int, column: int) -> Node | None:
        if self.root is None or self.tree is None or line > len(self.tree.lines):
            return None
        at = len(self.tree.lines.rows[line - 1][:column].encode("utf-8", "surrogatepass"))
        return self.root.descendant_for_point_range((line - 1, at), (line - 1, at + 1))

    def remarks(self) -> Iterator[Stretch]:
        """Comments and docstrings, line by line, their marks included."""
        if self.root is None or self.tree is None:
            return
        source = self.tree.source
        rows = source.split(b"\n")
        for node in _remarks(self.root):
            (first, start), (last, end) = node.start_point, node.end_point
            for row in range(first, min(last, len(rows) - 1) + 1):
                data = rows[row]
                left = len(data[: start if row == first else 0].decode("utf-8", "replace"))
                right = len(data[: end if row == last else len(data)].decode("utf-8", "replace"))
                if right > left:
                    yield Stretch(row + 1, left, right)


def parse(path: str, text: str) -> Parsed:
    """`text` parsed as the file at `path`; without definitions where its language has no grammar. Never fails."""
    with _changing:
        known = _kept.pop((path, text), None)
    known = known or _parse(path, text)
    with _changing:
        _kept[path, text] = known
        _drop(path)
    return known


def parse_at_once(path: str, text: str) -> Parsed | None:
    """The same for somebody who must not wait: None for a long text that was not parsed yet."""
    small = not _AT_ONCE < len(text) <= _MAX_CHARACTERS
    return parse(path, text) if small or (path, text) in _kept else None


def _drop(path: str) -> None:
    """Forget earlier versions of a file, then what was looked at longest ago; never what was just looked at."""
    old = [key for key in _kept if key[0] == path][:-_VERSIONS]
    held = sum(map(_weight, _kept))
    for key in [*old, *(key for key in list(_kept)[:-1] if key not in old)]:
        if key not in old and held <= _MOST_KEPT:
            break
        held -= _weight(key)
        del _kept[key]


def _weight(key: tuple[str, str]) -> int:
    return len(key[1]) if _kept[key].root is not None else len(key[1]) // 100


def _parse(path: str, text: str) -> Parsed:
    language = language_of(path, text)
    if language.grammar is None or not text or len(text) > min(_MAX_CHARACTERS, _MAX_LINE * (text.count("\n") + 1)):
        return Parsed(language.name, ())
    lines = lines_of(text)
    tree = tree_of(lines, language.grammar)
    root = root_of(tree)
    if root is None:
        return Parsed(language.name, ())
    found = _definitions(units_of(tree, root))
    ordered = sorted(dict.fromkeys(found), key=lambda each: (each.first, -each.last, each.line))
    return Parsed(language.name, tuple(ordered), tree, root)


def _definitions(units: list[Unit]) -> Iterator[Definition]:
    for unit in units:
        alone = len(unit.heads) == 1  # of several each has its own lines, and no comment is any one's
        for head in unit.heads:
            first, last = (unit.first, unit.last) if alone else (head.row, head.last)
            yield Definition(head.name, first + 1, head.row + 1, last + 1, head.variable)
        yield from _definitions(unit.members)


def _remarks(root: Node) -> Iterator[Node]:
    """The comments and docstrings below `root`, in order; what is inside a line of code but them is passed over."""
    cursor = root.walk()
    while True:
        node = cursor.node
        found = node is not None and ("comment" in node.type or node.type == "haddock" or _is_docstring(node))
        if found and node is not None:
            yield node
        if not found and cursor.goto_first_child():
            continue
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return


def _is_docstring(node: Node) -> bool:
    """Whether it is a string that stands alone as a statement, which no language but Python and its kin writes."""
    return node.type == "expression_statement" and [child.type for child in node.named_children] == ["string"]


_kept: dict[tuple[str, str], Parsed] = {}  # by path and text, those looked at last at the end
_changing = Lock()
