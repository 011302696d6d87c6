"""A syntax tree's node -> the name it defines, for each language as its grammar spells it; "" when it has none.

Pure. Names come back without quotes, generics and line breaks, their parts joined by `.` in every language.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Node

_MAX_NAME = 100
_MAX_TEXT = 400  # bytes looked at: a longer one is an expression, not a name
_GENERICS = re.compile(r"<[^<>]*>|\[[^\[\]]*\]")
_SEPARATORS = re.compile(r"::|\\|->|(?<=\w):(?=\w)")
_GO_RECEIVER = re.compile(r"(\w+)(?:\[[^\]]*\])?\s*\)$")
_KOTLIN_FUNCTION = re.compile(r"\bfun\b\s*(.*?)\s*$", re.DOTALL)
_BATS_TEST = re.compile(rb"^([ \t]*)@test[ \t]+(.+?)[ \t]*\{[ \t]*(?=\r?$)", re.MULTILINE)
_OPERATOR = re.compile(r"\boperator\b.*?(?=\()")


def field_name(node: Node, source: bytes) -> str:
    """The text of the field `name`, as most grammars have it."""
    return _qualified(_field(node, "name", source))


def python_name(node: Node, source: bytes) -> str:
    """Of assignments only those to one plain name: `app.debug = True` defines nothing."""
    if node.type == "assignment":
        target = node.child_by_field_name("left")
        return _text(target, source) if target is not None and target.type == "identifier" else ""
    return _qualified(_field(node, "name", source) or _field(node, "left", source))


def javascript_name(node: Node, source: bytes) -> str:
    """`exports.a = …` and `A.prototype.b = …` define `a` and `A.b`; a test is called by its title."""
    if node.type == "call_expression":
        return _title(node, "arguments", source)
    name = _qualified(_field(node, "name", source) or _field(node, "property", source) or _field(node, "left", source))
    name = name.removeprefix("module.").removeprefix("exports.").replace(".prototype", "")
    return "" if name.startswith(("{", "[", "exports", "window.onload")) or "(" in name else name


def go_name(node: Node, source: bytes) -> str:
    """A method with its receiver's type: `func (s *Session[T]) Send()` -> `Session.Send`."""
    receiver = _GO_RECEIVER.search(_field(node, "receiver", source))
    name = ", ".join(_text(child, source) for child in node.children_by_field_name("name"))
    return f"{receiver[1]}.{name}" if receiver else name if name != "_" else ""


def rust_name(node: Node, source: bytes) -> str:
    """An `impl` block is called by its type: its methods belong to that."""
    return _qualified(_field(node, "name" if node.type != "impl_item" else "type", source).lstrip("&"))


def c_name(node: Node, source: bytes) -> str:
    """The innermost declarator; a declaration counts when it declares a function, a struct when it has a body."""
    if node.type in _C_NAMED:
        has_value = node.type != "preproc_def" or node.child_by_field_name("value") is not None
        return _qualified(_field(node, "name", source)) if has_value else ""
    if node.type.endswith("_specifier"):
        return _qualified(_field(node, "name", source)) if node.child_by_field_name("body") is not None else ""
    function, name = _declared(node)
    if name is None or not (function or node.type in ("function_definition", "type_definition")):
        return _c_inner_type(node, source)
    text = _text(name, source)
    operator = _OPERATOR.search(text)
    return _qualified(text[: operator.end()] if operator else text)


_C_NAMED = ("preproc_def", "preproc_function_def", "alias_declaration", "concept_definition", "namespace_definition")


def _c_inner_type(node: Node, source: bytes) -> str:
    inner = node.child_by_field_name("type")
    return c_name(inner, source) if inner is not None and inner.type.endswith("_specifier") else ""


def _declared(node: Node) -> tuple[bool, Node | None]:
    """Whether a function is declared (not a pointer to one), and the node of the declared name."""
    function, found = False, node.child_by_field_name("declarator")
    while found is not None and found.type.endswith(("_declarator", "_definition", "operator_cast")):
        if found.type == "operator_cast":
            return True, found
        function = function or found.type == "function_declarator"
        inner = found.child_by_field_name("declarator")
        if inner is None:
            inner = next((child for child in found.named_children if child.type not in ("type_qualifier",)), None)
        found = inner
    return function, found


def csharp_name(node: Node, source: bytes) -> str:
    """Operators and indexers have no name of their own."""
    if node.type == "operator_declaration":
        return f"operator {_field(node, 'operator', source)}".strip()
    if node.type == "indexer_declaration":
        return "this"
    return ("~" if node.type == "destructor_declaration" else "") + _qualified(_field(node, "name", source))


def ruby_name(node: Node, source: bytes) -> str:
    """Constants, and the titles of test groups and tasks; other assignments define nothing that lasts."""
    if node.type == "call":
        return _title(node, "arguments", source)
    if node.type == "assignment":
        target = node.child_by_field_name("left")
        return _text(target, source) if target is not None and target.type == "constant" else ""
    return _qualified(_field(node, "name", source))


def php_name(node: Node, source: bytes) -> str:
    """A constant's name is its first child; a namespace counts when it has a body."""
    if node.type == "const_element":
        return _text(node.named_children[0], source)
    if node.type == "namespace_definition" and node.child_by_field_name("body") is None:
        return ""  # it encloses nothing: the rest of the file follows it
    return _qualified(_field(node, "name", source))


def kotlin_name(node: Node, source: bytes) -> str:
    """An extension function with its receiver, as in `String.indent`; companions and constructors by their keyword."""
    if node.type == "companion_object":
        return _field(node, "name", source) or "Companion"
    if node.type == "secondary_constructor":
        return "constructor"
    if node.type == "type_alias":
        return _field(node, "type", source)
    if node.type == "property_declaration":
        return _named_child(node, "variable_declaration", source).partition(":")[0].strip()
    if node.type == "function_declaration":
        return _kotlin_function(node, source)
    return _qualified(_field(node, "name", source))


def _kotlin_function(node: Node, source: bytes) -> str:
    parameters = next((child for child in node.named_children if child.type == "function_value_parameters"), node)
    signature = source[node.start_byte : parameters.start_byte].decode("utf-8", "replace")
    match = _KOTLIN_FUNCTION.search(signature.rpartition("\n")[2] if "\n" in signature else signature)
    return _qualified(match[1]) if match else _qualified(_field(node, "name", source))


def scala_name(node: Node, source: bytes) -> str:
    """A `val` is named by its pattern when that is one plain name."""
    name = _qualified(_field(node, "name", source) or _field(node, "pattern", source))
    return "" if "(" in name else name


def swift_name(node: Node, source: bytes) -> str:
    """Initializers and subscripts by their keyword; a property by its pattern."""
    keyword = {"init_declaration": "init", "deinit_declaration": "deinit", "subscript_declaration": "subscript"}
    return keyword.get(node.type) or _qualified(_field(node, "name", source))


def lua_name(node: Node, source: bytes) -> str:
    """The first target of an assignment; `M:send` becomes `M.send`."""
    if node.type == "assignment_statement":
        targets = _named_child(node, "variable_list", source)
        return "" if "," in targets or "[" in targets else _qualified(targets)
    return _qualified(_field(node, "name", source))


def elixir_name(node: Node, source: bytes) -> str:
    """What `def`, `defmodule`, `test` and their like are called with, without guard and arguments."""
    arguments = next((child for child in node.named_children if child.type == "arguments"), None)
    head = arguments.named_children[0] if arguments is not None and arguments.named_children else None
    while head is not None and head.type in ("binary_operator", "call"):
        head = head.child_by_field_name("left" if head.type == "binary_operator" else "target")
    return _plain(_text(head, source)) if head is not None else ""


def haskell_name(node: Node, source: bytes) -> str:
    """An instance by its head (`Show Color`), an operator by its symbol."""
    if node.type in ("instance", "deriving_instance"):
        head = _text(node, source).partition("\n")[0].partition(" where")[0].partition("=>")
        return _plain(head[2] or head[0]).removeprefix("deriving ").removeprefix("instance ")
    name = _field(node, "name", source)
    infix = next((child for child in node.named_children if child.type == "infix"), None) if not name else None
    return name or (_field(infix, "operator", source) if infix is not None else "")


def zig_name(node: Node, source: bytes) -> str:
    """A declaration's first identifier, a test's title."""
    if node.type == "test_declaration":
        return _plain(_named_child(node, "string", source)) or _named_child(node, "identifier", source)
    return _field(node, "name", source) or _named_child(node, "identifier", source)


def bats_as_bash(source: bytes) -> bytes:
    """Bats tests as the functions that bats itself makes of them, on the same rows, so that the grammar reads them."""
    if b"@test" not in source:
        return source
    return _BATS_TEST.sub(_bats_function, source)


def _bats_function(match: re.Match[bytes]) -> bytes:
    return match[1] + b"test_" + re.sub(rb"\W+", b"_", match[2]).strip(b"_") + b"() {"


def _title(call: Node, field: str, source: bytes) -> str:
    """The first argument of a call such as `describe("sending", …)`."""
    arguments = call.child_by_field_name(field)
    first = arguments.named_children[0] if arguments is not None and arguments.named_children else None
    if first is None or first.type not in _TITLES:
        return ""
    text = _text(first, source)
    return _plain(text) if "string" in first.type else _qualified(text.lstrip(":"))


_TITLES = ("string", "template_string", "simple_symbol", "constant", "scope_resolution", "identifier")


def _named_child(node: Node, kind: str, source: bytes) -> str:
    return next((_text(child, source) for child in node.named_children if child.type == kind), "")


def _field(node: Node, field: str, source: bytes) -> str:
    child = node.child_by_field_name(field)
    return _text(child, source) if child is not None else ""


def _text(node: Node, source: bytes) -> str:
    return source[node.start_byte : min(node.end_byte, node.start_byte + _MAX_TEXT)].decode("utf-8", "replace")


def _plain(name: str) -> str:
    """In one line, without quotes, not too long."""
    return " ".join(name.strip("\"'`").split())[:_MAX_NAME]


def _qualified(name: str) -> str:
    if name.isidentifier():
        return name
    while name != (bare := _GENERICS.sub("", name)):
        name = bare
    return _plain(_SEPARATORS.sub(".", name)).lstrip(". ")
