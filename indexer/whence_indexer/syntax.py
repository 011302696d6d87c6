"""Source code -> pieces along its syntax: whole definitions, members of large ones, and the lines in between.

Takes a text in `Lines` and its grammar; every row is in exactly one piece. Broken syntax is only less precise.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from whence_indexer.grammars import Grammar
from whence_indexer.lines import Lines
from whence_indexer.outline import Scope, Tree, Unit, rows_of, tree_of, units_of
from whence_indexer.pieces import TARGET_CHARACTERS, Piece, fits, join_small
from whence_indexer.windows import window_pieces, windows

if TYPE_CHECKING:
    from tree_sitter import Node

_MAX_LEVELS = 60  # how deep a large definition is searched for places to cut it
_ATTACHED = 500  # the cost of cutting a definition from its comment: more than any depth, less than at no boundary
_LONG_LINES = 400  # characters a line on average: such a text was written by a program, and its syntax explains nothing


def syntax_pieces(lines: Lines, grammar: Grammar) -> list[Piece]:
    """The pieces of a source text, in order."""
    bottom = len(lines) - 1
    if bottom < 0 or lines.size(0, bottom) > _LONG_LINES * len(lines):
        return window_pieces(lines)
    tree = tree_of(lines, grammar)
    units = units_of(tree)
    if not units:
        return window_pieces(lines)
    units[0].first = 0
    return join_small(_pieces(tree, units, bottom, ()), lines)


def _pieces(tree: Tree, units: list[Unit], end: int, scope: Scope) -> Iterator[Piece]:
    """Units as pieces that together cover all rows from the first unit to `end`."""
    lasts = [following.first - 1 for following in units[1:]] + [end]
    for unit, last in zip(units, lasts, strict=True):
        size = tree.lines.size(unit.first, last)
        if fits(tree.lines, unit.first, last) and (not unit.members or size <= TARGET_CHARACTERS):
            yield Piece(unit.first, last, tuple(unit.all_symbols()), tuple(unit.all_variables()), scope, scope)
        elif unit.members:
            yield from _parts(tree, unit, unit.members[0].first - 1, scope)
            yield from _pieces(tree, unit.members, last, unit.inner)
        else:
            yield from _parts(tree, unit, last, scope)


def _parts(tree: Tree, unit: Unit, last: int, scope: Scope) -> Iterator[Piece]:
    """A unit's rows up to `last`, in as many parts as its size asks for; the first carries its symbols."""
    inner = unit.inner
    if fits(tree.lines, unit.first, last):
        yield Piece(unit.first, last, tuple(unit.symbols), tuple(unit.variables), scope, inner)
        return
    boundaries, nested = _boundaries(tree, unit.nodes, inner)
    placed = {symbol for symbols in nested.values() for symbol in symbols}
    for first, part_last in windows(tree.lines, unit.first, last, boundaries):
        own = [symbol for symbol in unit.symbols if symbol not in placed] if first == unit.first else []
        found = [symbol for row in range(first, part_last + 1) for symbol in nested.get(row, ())]
        variables = tuple(unit.variables) if first == unit.first else ()
        yield Piece(first, part_last, (*own, *found), variables, scope if first == unit.first else inner, inner)


def _boundaries(tree: Tree, nodes: list[Node], scope: Scope) -> tuple[dict[int, int], dict[int, list[str]]]:
    """Rows at which statements start, with their depth, and the nested definitions, by row."""
    boundaries = {rows_of(tree, node)[0]: _ATTACHED for node in nodes[1:]}
    nested: dict[int, list[str]] = {}
    frontier = [(node, scope) for node in nodes]
    for depth in range(_MAX_LEVELS):
        deeper: list[tuple[Node, Scope]] = []
        for node, enclosing in frontier:
            attached = -1  # the row after a comment: cutting there would tear it from what it explains
            for child in node.named_children:
                first, last = rows_of(tree, child)
                role = tree.roles.get(child.type)
                if first != attached and _starts_line(tree.source, child):
                    boundaries.setdefault(first, depth)
                attached = last + 1 if role == "prefix" else -1
                name = tree.grammar.name(child, tree.source) if role == "definition" else ""
                name = "" if (name,) == enclosing[-1:] else name  # equal: the definition itself, inside its wrapper
                if name:
                    nested.setdefault(first, []).append(".".join((*enclosing, name)))
                if tree.lines.size(first, last) > TARGET_CHARACTERS and last > first:
                    deeper.append((child, (*enclosing, name) if name else enclosing))
        frontier = deeper
    return boundaries, nested


def _starts_line(source: bytes, node: Node) -> bool:
    column = node.start_point.column
    return not column or source[node.start_byte - column : node.start_byte].isspace()
