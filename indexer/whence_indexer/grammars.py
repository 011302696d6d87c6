"""How each language's tree-sitter syntax tree is to be read: which nodes define something, and which hold members.

A table of frozen values; to add a language is to add an entry. Grammars are imported when first used.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, cast

from whence_indexer import names

if TYPE_CHECKING:
    import tree_sitter

Role = Literal["definition", "container", "block", "wrapper", "body", "prefix", "variable", "call"]


@dataclass(frozen=True, slots=True)
class Grammar:
    """A tree-sitter grammar and the roles of its node types, as words in a string; types not named are statements.

    Definitions have a name; containers have members besides, and blocks have members but no name (`if`, `#ifdef`).
    Wrappers are looked through to the definition inside (`export`, decorators), bodies to the members. Prefixes belong
    to what follows (comments, attributes). Variables are named at top level only, and are definitions when their value
    is one of `functions`, containers when it is one of `classes`. A call has the role that `calls` gives its function.
    """

    module: str
    function: str = "language"
    definitions: str = ""
    containers: str = ""
    blocks: str = ""
    wrappers: str = ""
    bodies: str = ""
    prefixes: str = "comment"
    variables: str = ""
    functions: str = ""
    classes: str = ""
    calls: str = ""
    name: Callable[[tree_sitter.Node, bytes], str] = names.field_name
    prepare: Callable[[bytes], bytes] | None = None


@cache
def roles(grammar: Grammar) -> dict[str, Role]:
    """Node type -> role. A type in two roles has the later one of this order."""
    table: dict[str, Role] = {"ERROR": "block"}
    table |= dict.fromkeys(grammar.definitions.split(), "definition")
    table |= dict.fromkeys(grammar.containers.split(), "container")
    table |= dict.fromkeys(grammar.blocks.split(), "block")
    table |= dict.fromkeys(grammar.wrappers.split(), "wrapper")
    table |= dict.fromkeys(grammar.bodies.split(), "body")
    table |= dict.fromkeys(grammar.variables.split(), "variable")
    table |= dict.fromkeys(_CALL_TYPES if grammar.calls else (), "call")
    return table | dict.fromkeys(grammar.prefixes.split(), "prefix")


@cache
def types(names: str) -> frozenset[str]:
    """The node types that one of a grammar's strings lists."""
    return frozenset(names.split())


@cache
def call_roles(grammar: Grammar) -> dict[str, Role]:
    """Called function -> role; `calls` reads `container:describe,context definition:it wrapper:private`."""
    groups = (group.split(":") for group in grammar.calls.split())
    return {function: cast("Role", role) for role, functions in groups for function in functions.split(",")}


def parser_of(grammar: Grammar) -> tree_sitter.Parser:
    """A parser for the grammar, the same one for every call of this thread: no two threads may use one."""
    made: dict[Grammar, Any] = _parsers.__dict__.setdefault("made", {})
    if grammar not in made:
        import tree_sitter

        made[grammar] = tree_sitter.Parser(_language(grammar))
    return cast("tree_sitter.Parser", made[grammar])


@cache
def _language(grammar: Grammar) -> tree_sitter.Language:
    import tree_sitter

    return tree_sitter.Language(getattr(import_module(grammar.module), grammar.function)())


_parsers = threading.local()
_CALL_TYPES = ("call", "call_expression")
_C_BLOCKS = "preproc_ifdef preproc_if preproc_else preproc_elif linkage_specification"
_JAVASCRIPT = Grammar(
    "tree_sitter_javascript",
    definitions="function_declaration generator_function_declaration method_definition function_signature "
    "type_alias_declaration enum_declaration abstract_method_signature method_signature",
    containers="class_declaration abstract_class_declaration interface_declaration internal_module module",
    wrappers="export_statement lexical_declaration variable_declaration expression_statement ambient_declaration "
    "class arguments arrow_function function_expression",
    bodies="class_body statement_block interface_body object_type",
    prefixes="comment decorator",
    variables="variable_declarator assignment_expression field_definition public_field_definition",
    functions="arrow_function function_expression generator_function function",
    classes="class",
    calls="container:describe,context,suite definition:it,test,specify",
    name=names.javascript_name,
)

GRAMMARS = {
    "python": Grammar(
        "tree_sitter_python",
        definitions="function_definition type_alias_statement",
        containers="class_definition",
        blocks="if_statement else_clause elif_clause try_statement except_clause finally_clause with_statement",
        wrappers="decorated_definition expression_statement",
        bodies="block",
        variables="assignment",
        name=names.python_name,
    ),
    "javascript": _JAVASCRIPT,
    "typescript": replace(_JAVASCRIPT, module="tree_sitter_typescript", function="language_typescript"),
    "tsx": replace(_JAVASCRIPT, module="tree_sitter_typescript", function="language_tsx"),
    "go": Grammar(
        "tree_sitter_go",
        definitions="function_declaration method_declaration type_spec type_alias",
        wrappers="type_declaration var_declaration const_declaration var_spec_list",
        variables="var_spec const_spec",
        name=names.go_name,
    ),
    "rust": Grammar(
        "tree_sitter_rust",
        definitions="function_item function_signature_item struct_item enum_item union_item macro_definition type_item "
        "associated_type",
        containers="impl_item trait_item mod_item",
        blocks="foreign_mod_item",
        bodies="declaration_list",
        prefixes="line_comment block_comment attribute_item",
        variables="const_item static_item",
        name=names.rust_name,
    ),
    "java": Grammar(
        "tree_sitter_java",
        definitions="method_declaration constructor_declaration compact_constructor_declaration "
        "annotation_type_element_declaration",
        containers="class_declaration interface_declaration enum_declaration record_declaration "
        "annotation_type_declaration",
        bodies="class_body interface_body enum_body enum_body_declarations annotation_type_body",
        prefixes="line_comment block_comment",
    ),
    "c": Grammar(
        "tree_sitter_c",
        definitions="function_definition declaration type_definition struct_specifier union_specifier enum_specifier "
        "preproc_function_def",
        blocks=_C_BLOCKS,
        bodies="declaration_list",
        variables="preproc_def",
        name=names.c_name,
    ),
    "cpp": Grammar(
        "tree_sitter_cpp",
        definitions="function_definition declaration field_declaration type_definition enum_specifier "
        "alias_declaration preproc_function_def concept_definition",
        containers="namespace_definition class_specifier struct_specifier union_specifier",
        blocks=_C_BLOCKS,
        wrappers="template_declaration",
        bodies="declaration_list field_declaration_list",
        variables="preproc_def",
        name=names.c_name,
    ),
    "csharp": Grammar(
        "tree_sitter_c_sharp",
        definitions="method_declaration constructor_declaration destructor_declaration operator_declaration "
        "property_declaration indexer_declaration delegate_declaration event_declaration enum_declaration "
        "conversion_operator_declaration",
        containers="namespace_declaration class_declaration struct_declaration interface_declaration "
        "record_declaration",
        blocks="preproc_if preproc_else",
        bodies="declaration_list",
        name=names.csharp_name,
    ),
    "ruby": Grammar(
        "tree_sitter_ruby",
        definitions="method singleton_method alias",
        containers="class module",
        blocks="singleton_class if unless begin",
        wrappers="argument_list do_block block",
        bodies="body_statement then block_body",
        variables="assignment",
        calls="container:describe,context,feature,namespace,shared_examples "
        "definition:it,specify,scenario,task,test,define_method wrapper:private,protected,public,module_function,"
        "private_class_method",
        name=names.ruby_name,
    ),
    "php": Grammar(
        "tree_sitter_php",
        "language_php",
        definitions="function_definition method_declaration",
        containers="class_declaration interface_declaration trait_declaration enum_declaration namespace_definition",
        blocks="if_statement",
        wrappers="const_declaration",
        bodies="declaration_list enum_declaration_list compound_statement",
        prefixes="comment attribute_list",
        variables="const_element",
        name=names.php_name,
    ),
    "kotlin": Grammar(
        "tree_sitter_kotlin",
        definitions="function_declaration type_alias secondary_constructor",
        containers="class_declaration object_declaration companion_object",
        bodies="class_body enum_class_body",
        prefixes="line_comment block_comment annotated_expression",
        variables="property_declaration",
        name=names.kotlin_name,
    ),
    "scala": Grammar(
        "tree_sitter_scala",
        definitions="function_definition function_declaration type_definition given_definition",
        containers="class_definition object_definition trait_definition enum_definition package_object",
        blocks="extension_definition",
        bodies="template_body enum_body with_template_body",
        prefixes="comment block_comment",
        variables="val_definition var_definition",
        name=names.scala_name,
    ),
    "swift": Grammar(
        "tree_sitter_swift",
        definitions="function_declaration init_declaration deinit_declaration subscript_declaration "
        "typealias_declaration protocol_function_declaration macro_declaration",
        containers="class_declaration protocol_declaration",
        bodies="class_body protocol_body enum_class_body",
        prefixes="comment multiline_comment",
        variables="property_declaration",
        functions="computed_property",
        name=names.swift_name,
    ),
    "lua": Grammar(
        "tree_sitter_lua",
        definitions="function_declaration",
        wrappers="variable_declaration",
        variables="assignment_statement",
        functions="function_definition",
        name=names.lua_name,
    ),
    "bash": Grammar(
        "tree_sitter_bash",
        definitions="function_definition",
        blocks="if_statement",
        variables="variable_assignment",
        prepare=names.bats_as_bash,
    ),
    "elixir": Grammar(
        "tree_sitter_elixir",
        bodies="do_block",
        prefixes="comment unary_operator",
        calls="container:defmodule,defprotocol,defimpl,describe definition:def,defp,defmacro,defmacrop,defguard,"
        "defguardp,defdelegate,test,property",
        name=names.elixir_name,
    ),
    "haskell": Grammar(
        "tree_sitter_haskell",
        definitions="function bind signature data_type newtype type_synonym type_family data_family "
        "type_instance deriving_instance pattern_synonym foreign_import",
        containers="class instance",
        bodies="declarations imports class_declarations instance_declarations",
        prefixes="comment haddock signature pragma",
        name=names.haskell_name,
    ),
    "zig": Grammar(
        "tree_sitter_zig",
        definitions="function_declaration test_declaration",
        bodies="struct_declaration enum_declaration union_declaration opaque_declaration",
        variables="variable_declaration",
        classes="struct_declaration enum_declaration union_declaration opaque_declaration",
        name=names.zig_name,
    ),
}
