"""A syntax tree -> units: definitions with their comments and members, and the statements between them, by rows.

Takes a source text and its grammar. Reads only as much of the tree as it needs, and measures nothing: see `syntax.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from time import thread_time
from typing import TYPE_CHECKING

from whence_indexer.grammars import Grammar, Role, call_roles, parser_of, roles, types
from whence_indexer.lines import Lines
from whence_indexer.pieces import SMALL_CHARACTERS

if TYPE_CHECKING:
    from tree_sitter import Node

_MAX_DEPTH = 40  # containers in containers; what is deeper, no person wrote
_MAX_WRAPPERS = 5  # `export` `const` `declarator` `class` are four
_LINE_FEED = 10
_MIN_SECONDS = 0.2
_SECONDS_PER_BYTE = 1e-6  # of processor time; source code takes a sixth of it, and garbage up to ten times as long
_BLOCK = 1 << 16
_CALLEES = ("function", "method", "target")

Scope = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Head:
    """A defined name, qualified by its scope; the row on which it stands, the last of its definition, and whether that
    is a variable's."""

    name: str
    row: int
    last: int
    variable: bool = False


@dataclass(slots=True)
class Unit:
    """Rows that belong together: a definition with its comments, or a statement; and the members of a container."""

    first: int
    last: int
    nodes: list[Node] = field(default_factory=list)
    symbols: list[str] = field(default_factory=list)
    variables: list[str] = field(default_factory=list)
    heads: list[Head] = field(default_factory=list)  # the same as `symbols` and `variables`, with where they stand
    inner: Scope = ()
    members: list[Unit] = field(default_factory=list)
    plain: bool = False  # nothing but statements that define nothing

    def all_symbols(self) -> list[str]:
        """Its own, then those of its members."""
        return self.symbols + [symbol for member in self.members for symbol in member.all_symbols()]

    def all_variables(self) -> list[str]:
        """The same for variables."""
        return self.variables + [name for member in self.members for name in member.all_variables()]

    def all_heads(self) -> list[Head]:
        """The same for heads."""
        return self.heads + [head for member in self.members for head in member.all_heads()]


@dataclass(frozen=True, slots=True)
class Tree:
    """A text with its grammar: what all functions here look things up in.

    `source` has the same rows as `lines`, of which `bottom` is the last.
    """

    lines: Lines
    source: bytes
    grammar: Grammar
    roles: dict[str, Role]
    bottom: int


def units_of(tree: Tree, root: Node | None = None) -> list[Unit]:
    """The units of the whole text, in order; [] when nothing can be made of it. `root` saves parsing it again."""
    root = root or root_of(tree)
    return _outline(tree, _members(tree, root, inside=True), (), 0) if root else []


def root_of(tree: Tree) -> Node | None:
    """The root of the syntax tree; None for what is so far from the language that recovering from errors takes long."""
    return _parse(tree.grammar, tree.source)


def tree_of(lines: Lines, grammar: Grammar) -> Tree:
    """What a text's units are read with."""
    source = "".join(lines.rows).encode("utf-8", "surrogatepass")
    return Tree(lines, grammar.prepare(source) if grammar.prepare else source, grammar, roles(grammar), len(lines) - 1)


def rows_of(tree: Tree, node: Node) -> tuple[int, int]:
    """First and last row; white space at a node's end (a line feed, an indentation that ends it) is not counted."""
    first, last = node.start_point.row, node.end_point.row
    if last > first:
        end, source = node.end_byte, tree.source
        while last > first and source[end - 1] in b" \t\r\n":
            end -= 1
            last -= source[end] == _LINE_FEED
    if last > tree.bottom:  # an empty node may stand after the last line feed
        return min(first, tree.bottom), tree.bottom
    return first, last


def _parse(grammar: Grammar, source: bytes) -> Node | None:
    parser = parser_of(grammar)
    end = thread_time() + _MIN_SECONDS + _SECONDS_PER_BYTE * len(source)
    try:
        return parser.parse(
            lambda offset, _: source[offset : offset + _BLOCK], progress_callback=lambda *_: thread_time() > end
        ).root_node
    except ValueError:  # cancelled
        parser.reset()
        return None


def _outline(tree: Tree, nodes: Iterable[Node], scope: Scope, depth: int) -> list[Unit]:
    """Siblings as units: what shares a line is one, and comments directly above belong to what follows."""
    units: list[Unit] = []
    lead: Unit | None = None  # comments and attributes that may belong to the next node
    for node in nodes:
        first, last = rows_of(tree, node)
        role = _role(tree, node)
        current = lead or (units[-1] if units else None)
        plain = role is None and current is not None and current.plain and _is_small(tree, current, last)
        if current is None or first > current.last + (lead is not None or plain):
            if lead:
                units.append(lead)
            current, lead = Unit(first, last, inner=scope, plain=role is None), None
            if role == "prefix":
                lead = current
            else:
                units.append(current)
        elif lead and role != "prefix":
            units.append(lead)
            lead = None
        current.last = max(current.last, last)
        current.nodes.append(node)
        if role:
            current.plain = False
            _describe(tree, current, node, role, scope, depth)
    return [*units, lead] if lead else units


def _is_small(tree: Tree, unit: Unit, last: int) -> bool:
    """Whether statements up to `last` may join a run of them at once; joining later would be slower."""
    return tree.lines.size(unit.first, last) < SMALL_CHARACTERS


def _describe(tree: Tree, unit: Unit, node: Node, role: Role, scope: Scope, depth: int) -> None:
    """Add to `unit` what `node` defines, and its members."""
    if role == "block" and depth < _MAX_DEPTH:
        _add_members(unit, _outline(tree, _members(tree, node, inside=True), scope, depth + 1), scope)
        return
    for found, inner_role in _definitions(tree, node, role):
        name = tree.grammar.name(found, tree.source)
        if inner_role == "variable":
            if name and not scope:
                unit.variables.append(name)
                unit.heads.append(_head(name, found, variable=True))
            continue
        if name:
            unit.symbols.append(".".join((*scope, name)))
            unit.heads.append(_head(unit.symbols[-1], found))
        inner = (*scope, name) if name else scope
        if inner_role == "container" and depth < _MAX_DEPTH:
            _add_members(unit, _outline(tree, _members(tree, found), inner, depth + 1), inner)
        elif not unit.members:
            unit.inner = inner if len(unit.symbols) == 1 else scope  # what goes on belongs to the only one


def _head(name: str, node: Node, variable: bool = False) -> Head:
    """Its name stands below its annotations; where it begins in grammars that do not tell."""
    named = node.child_by_field_name("name") or node
    return Head(name, named.start_point.row, node.end_point.row, variable)


def _add_members(unit: Unit, members: list[Unit], inner: Scope) -> None:
    if unit.members:  # a second container on the same line: the first one's last member takes it in
        unit.members[-1].symbols += [symbol for member in members for symbol in member.all_symbols()]
        unit.members[-1].heads += [head for member in members for head in member.all_heads()]
    else:
        unit.members, unit.inner = members, inner


def _definitions(tree: Tree, node: Node, role: Role | None) -> Iterator[tuple[Node, Role]]:
    """The definitions in a statement, looking through its wrappers."""
    level = [(node, role)]
    for _ in range(_MAX_WRAPPERS):
        wrapped: list[Node] = []
        for candidate, kind in level:
            if kind == "wrapper":
                wrapped += candidate.named_children
            elif kind in ("definition", "container", "variable") or (kind == "prefix" and _is_named(tree, candidate)):
                yield candidate, kind if kind != "prefix" else "definition"
        if not wrapped:
            return
        level = [(child, _role(tree, child)) for child in wrapped]


def _is_named(tree: Tree, node: Node) -> bool:
    return node.type in types(tree.grammar.definitions)


def _role(tree: Tree, node: Node) -> Role | None:
    role = tree.roles.get(node.type)
    if role == "call":
        callee = next(filter(None, map(node.child_by_field_name, _CALLEES)), None)
        called = tree.source[callee.start_byte : callee.end_byte].decode("utf-8", "replace") if callee else ""
        return call_roles(tree.grammar).get(called)
    if role == "variable" and (tree.grammar.functions or tree.grammar.classes):
        return _variable_role(tree, node)
    return role


def _variable_role(tree: Tree, node: Node) -> Role:
    value = node.child_by_field_name("value") or node.child_by_field_name("right")
    if value is None and node.named_child_count > 1:
        value = node.named_children[-1]
        value = value.named_children[0] if value.type == "expression_list" and value.named_child_count else value
    kind = value.type if value is not None else ""
    if kind in types(tree.grammar.classes):
        return "container"
    return "definition" if kind in types(tree.grammar.functions) else "variable"


def _members(tree: Tree, node: Node, inside: bool = False, depth: int = 0) -> list[Node]:
    """The statements in a container's bodies; with `inside`, all children but the bodies, which are entered."""
    if depth > _MAX_DEPTH:
        return []
    members: list[Node] = []
    for child in node.named_children:
        role = tree.roles.get(child.type)
        if role == "body":
            members += _members(tree, child, inside=True, depth=depth + 1)
        elif inside or role in ("prefix", "block"):
            members.append(child)
        elif role == "wrapper":
            members += _members(tree, child, depth=depth + 1)
    return members
