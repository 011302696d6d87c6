"""Which language a file is in, by its name or its first line, and how files of that language are cut into chunks.

A table of frozen values. Nothing here parses a text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from whence_indexer.grammars import GRAMMARS, Grammar

Layout = Literal["syntax", "prose", "notebook", "windows"]


@dataclass(frozen=True, slots=True)
class Language:
    """A language: its name, whether its files are code or documentation, and how they are cut into chunks."""

    name: str
    kind: Literal["code", "doc"] = "code"
    layout: Layout = "windows"
    grammar: Grammar | None = None


def language_of(path: str, text: str = "") -> Language:
    """The language of the file at `path`; `text` is looked at only where the name leaves it open."""
    name = path.rpartition("/")[2].lower()
    stem, _, suffix = name.rpartition(".")
    known = _BY_FILE_NAME.get(name) or (_BY_SUFFIX.get(suffix) if stem else None)
    if known == "c" and suffix == "h" and _CPP_HEADER.search(text):
        known = "cpp"
    if known:
        return named_language(known)
    if _DOC_NAME.match(name):
        return named_language("text")
    return named_language(_program(text) or (suffix if stem and _SUFFIX.match(suffix) else "text"))


def named_language(name: str) -> Language:
    """The language called `name`, as kernels and code fences call it; an unknown one is code in line windows."""
    return _BY_NAME.get(name) or _BY_NAME.get(_BY_SUFFIX.get(name, name)) or Language(name)


def _program(text: str) -> str:
    """The interpreter in the first line, without its version: `#!/usr/bin/env python3` -> python; "" if none."""
    match = _SHEBANG.match(text)
    return _PROGRAMS.get(match[1], match[1]) if match else ""


_CPP_HEADER = re.compile(r"^\s*(?:class\s+\w+|namespace\b|template\s*<|using\s+\w+|public:|private:)", re.MULTILINE)
_SUFFIX = re.compile(r"[a-z][\w+-]{0,14}$")
_SHEBANG = re.compile(r"#![ \t]*(?:\S*/)?(?:env[ \t]+(?:-\S+[ \t]+)*)?(?:\S*/)?([A-Za-z]+)")
_PROGRAMS = {
    "sh": "bash", "zsh": "bash", "ksh": "bash", "dash": "bash", "ash": "bash", "bats": "bash", "node": "javascript",
    "nodejs": "javascript", "deno": "typescript", "bun": "typescript", "luajit": "lua", "pypy": "python",
    "Rscript": "r", "runghc": "haskell", "runhaskell": "haskell", "kotlinc": "kotlin", "tclsh": "tcl",
}  # fmt: skip
_DOC_NAME = re.compile(
    r"(?:readme|licen[sc]e|copying|notice|authors|contributors|contributing|credits|changelog|changes|history|news"
    r"|release|releases|todo|install|thanks|maintainers|security|code_of_conduct|unlicense|copyright|patents|bugs|faq"
    r"|hacking|upgrading|backers|roadmap)(?:[-_.][\w-]+)?$"
)

_SUFFIXES = {
    "python": "py pyi pyw pyx bzl star wsgi",
    "javascript": "js jsx mjs cjs es6",
    "typescript": "ts mts cts",
    "tsx": "tsx",
    "go": "go",
    "rust": "rs",
    "java": "java",
    "c": "c h",
    "cpp": "cpp cc cxx c++ hpp hh hxx h++ ipp inl tpp cu cuh ino",
    "csharp": "cs csx",
    "ruby": "rb rake gemspec ru jbuilder podspec",
    "php": "php phtml php5 php7 inc",
    "kotlin": "kt kts",
    "scala": "scala sc sbt",
    "swift": "swift",
    "lua": "lua rockspec",
    "bash": "sh bash zsh bats ksh ebuild",
    "elixir": "ex exs",
    "haskell": "hs",
    "zig": "zig",
    "markdown": "md mdx markdown mkd mdown rmd qmd",
    "restructuredtext": "rst rest",
    "asciidoc": "adoc asciidoc asc",
    "jupyter": "ipynb",
    "text": "txt text",
    "org": "org",
    "latex": "tex sty cls bib",
    "textile": "textile",
    "rdoc": "rdoc",
    "pod": "pod",
    "typst": "typ",
    "yaml": "yaml yml",
    "json": "json jsonc json5 geojson webmanifest",
    "ini": "ini cfg conf properties editorconfig",
    "batch": "bat cmd",
    "powershell": "ps1 psm1 psd1",
    "perl": "pl pm t",
    "make": "mk mak",
    "cmake": "cmake",
    "protobuf": "proto",
    "terraform": "tf tfvars hcl",
    "jinja": "j2 jinja jinja2",
    "groovy": "groovy gradle",
    "erlang": "erl hrl",
    "ocaml": "ml mli",
    "clojure": "clj cljs cljc edn",
    "fsharp": "fs fsi fsx",
    "visualbasic": "vb",
    "objective-c": "m mm",
    "julia": "jl",
    "nim": "nim",
    "assembly": "s asm",
    "fish": "fish",
    "html": "html htm xhtml",
    "sass": "scss sass",
    "haskell-literate": "lhs",
    "emacs-lisp": "el",
    "common-lisp": "lisp cl",
    "template": "erb eex heex leex haml slim mustache hbs handlebars ejs pug tmpl gohtml tpl",
    "diff": "diff patch",
    "msbuild": "csproj fsproj vbproj props targets sln",
}
_FILE_NAMES = {
    "make": "makefile gnumakefile",
    "docker": "dockerfile containerfile",
    "cmake": "cmakelists.txt",
    "ruby": "rakefile gemfile guardfile vagrantfile podfile fastfile brewfile capfile",
    "python": "sconstruct sconscript build.bazel workspace.bazel",
    "bash": ".bashrc .bash_profile .profile .zshrc .envrc pkgbuild",
    "groovy": "jenkinsfile",
    "ini": ".gitconfig .gitmodules .editorconfig .flake8 .pylintrc .coveragerc .npmrc",
    "ignore": ".gitignore .dockerignore .npmignore .ignore .prettierignore .eslintignore .helmignore",
    "json": ".babelrc .eslintrc .prettierrc .jshintrc",
    "toml": "pipfile poetry.lock cargo.lock",
}
_BY_SUFFIX = {suffix: name for name, suffixes in _SUFFIXES.items() for suffix in suffixes.split()}
_BY_FILE_NAME = {file: name for name, files in _FILE_NAMES.items() for file in files.split()}
_BY_NAME = {
    language.name: language
    for language in (
        *(Language(name, layout="syntax", grammar=grammar) for name, grammar in GRAMMARS.items()),
        *(Language(name, "doc", "prose") for name in ("markdown", "restructuredtext", "asciidoc")),
        Language("jupyter", "doc", "notebook"),
        *(Language(name, "doc") for name in ("text", "org", "latex", "textile", "rdoc", "pod", "typst")),
    )
}
