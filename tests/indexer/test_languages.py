"""Which language a file is in: by its name, else by its first line."""

from __future__ import annotations

import subprocess
import sys

import pytest

from whence_indexer.grammars import GRAMMARS, Grammar, call_roles, parser_of, roles
from whence_indexer.languages import language_of

CASES = [
    ("src/app.py", "python", "code"),
    ("a/b.pyi", "python", "code"),
    ("web/app.jsx", "javascript", "code"),
    ("web/app.MJS", "javascript", "code"),
    ("web/app.ts", "typescript", "code"),
    ("web/app.tsx", "tsx", "code"),
    ("main.go", "go", "code"),
    ("lib.rs", "rust", "code"),
    ("A.java", "java", "code"),
    ("a.c", "c", "code"),
    ("a.hpp", "cpp", "code"),
    ("A.cs", "csharp", "code"),
    ("Rakefile", "ruby", "code"),
    ("index.php", "php", "code"),
    ("build.gradle.kts", "kotlin", "code"),
    ("build.sbt", "scala", "code"),
    ("A.swift", "swift", "code"),
    ("init.lua", "lua", "code"),
    ("test/a.bats", "bash", "code"),
    ("mix.exs", "elixir", "code"),
    ("A.hs", "haskell", "code"),
    ("build.zig", "zig", "code"),
    ("docs/index.MD", "markdown", "doc"),
    ("docs/index.rst", "restructuredtext", "doc"),
    ("docs/index.adoc", "asciidoc", "doc"),
    ("a.ipynb", "jupyter", "doc"),
    ("notes.txt", "text", "doc"),
    ("LICENSE", "text", "doc"),
    ("LICENSE-MIT", "text", "doc"),
    ("README", "text", "doc"),
    ("CHANGES", "text", "doc"),
    ("Dockerfile", "docker", "code"),
    ("Makefile", "make", "code"),
    ("CMakeLists.txt", "cmake", "code"),
    ("a.yml", "yaml", "code"),
    ("pyproject.toml", "toml", "code"),
    ("a.sql", "sql", "code"),
    (".gitignore", "ignore", "code"),
    ("a.unheardof", "unheardof", "code"),
    ("unheard of", "text", "doc"),
]


@pytest.mark.parametrize(("path", "name", "kind"), CASES)
def test_the_name_of_a_file_tells_its_language(path: str, name: str, kind: str) -> None:
    language = language_of(path)
    assert (language.name, language.kind) == (name, kind)


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("#!/bin/sh\n", "bash"),
        ("#!/usr/bin/env python3\r\n", "python"),
        ("#!/usr/bin/env -S node --flag\n", "javascript"),
        ("#! /usr/bin/perl -w", "perl"),
        ("# no program", "text"),
    ],
)
def test_the_first_line_tells_the_language_of_a_file_without_a_suffix(line: str, name: str) -> None:
    assert language_of("bin/tool", line).name == name


def test_a_header_is_cpp_when_it_looks_like_it() -> None:
    assert language_of("a.h", "int f(void);\n").name == "c"
    assert language_of("a.h", "#include <x>\nnamespace a {\n").name == "cpp"


def node_types(grammar: Grammar) -> set[str | None]:
    language = parser_of(grammar).language
    assert language is not None
    return {language.node_kind_for_id(number) for number in range(language.node_kind_count)}


@pytest.mark.parametrize("grammar", GRAMMARS.values(), ids=GRAMMARS)
def test_the_grammar_knows_every_node_type_that_the_table_names(grammar: Grammar) -> None:
    family = [entry for entry in GRAMMARS.values() if entry.name is grammar.name]  # one entry serves TypeScript too
    known = {"ERROR", *(kind for entry in family for kind in node_types(entry))}
    named = {kind for kind, role in roles(grammar).items() if role != "call"}
    named |= set(grammar.functions.split()) | set(grammar.classes.split())
    assert named <= known, named - known


def test_a_call_has_the_role_of_what_it_calls() -> None:
    assert call_roles(Grammar("m", calls="container:describe,context definition:it")) == {
        "describe": "container",
        "context": "container",
        "it": "definition",
    }


def test_no_grammar_is_imported_before_it_is_used() -> None:
    script = "import sys, whence_indexer.chunker; print([m for m in sys.modules if m.startswith('tree_sitter')])"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "[]\n"
