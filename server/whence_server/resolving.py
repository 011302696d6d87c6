"""A name in a file -> where it is most likely defined, and whether that is certain.

Reads what is in memory: the text on screen, the names of the open index, and the file that is named by them. A wrong
definition is worse than none: where a name may mean anything, it means nothing here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from os.path import dirname
from typing import TYPE_CHECKING

from whence_indexer.parsed import Definition, Parsed, parse_at_once
from whence_indexer.ranking import is_test
from whence_indexer.repository import Repository
from whence_indexer.types import Span
from whence_server.cursor import Name, is_local, looks_like_code, name_at
from whence_server.imports import Import, imports, imports_of, is_module
from whence_server.opened import Wait, text_of

if TYPE_CHECKING:
    from whence_indexer.search import Searcher

FEW = 3  # definitions of a name asked of an unknown object, beyond which nothing is said
_LOOKED_INTO = 3  # files read for one name
# Where a name of another file is imported by name, or its module is, before it can be used.
_IMPORTING = {"python", "javascript", "typescript", "tsx", "rust", "go", "lua", "zig"}
_BARE_MEMBERS = {"java", "csharp", "kotlin", "scala", "swift", "ruby", "cpp", "php", "elixir"}  # used without `this.`
_PROPERTIES = {"python", "ruby", "kotlin", "scala", "swift", "csharp", "elixir"}  # where a method need not be called
_PACKAGES = {"go"}  # all files of a folder see each other's names
# What objects of every library are asked: that the repository defines one is no reason to think of it.
_COMMON = set(
    "add all any append apply bind call clear clone close concat contains copy count create data decode delete "
    "each empty encode end endswith entries equals error exists extend fetch filter find first flush format "
    "from get has hash id index insert into is_empty items iter join key keys last len length list load lock log lower "
    "map match max min name new next open parse path pop print push put read reduce remove replace reset reverse run "
    "save send set size slice sort split start startswith status stop str strip sub sum test text then title "
    "tostring trim type unwrap update upper url value values write post patch options header headers "
    "read_exact write_all read_to_end charat foreach cookies body clone_from string query".split()
)


@dataclass(frozen=True, slots=True)
class Found:
    """A definition: its file, and `text` of it; `certain` unless another may be meant; `more` have the same name."""

    path: str
    text: str
    definition: Definition
    certain: bool
    more: int = 0


Named = tuple[str, Span]  # a definition's whole name, and the lines of the chunk it is in


@dataclass(frozen=True, slots=True)
class _Scene:
    """Where a name stands: the file, its text and language, and what the project is called."""

    path: str
    text: str
    language: str
    project: str

    def imported(self, modules: Sequence[Import], named: Named, name: str) -> bool:
        """Whether one of the imports may have brought `name` from the file of `named`."""
        return any(each.means(named[1].path, name, self.path, self.project) for each in modules)


def find_definition(
    searcher: Searcher | None,
    repository: Repository,
    path: str,
    text: str,
    line: int,
    column: int,
    wait: Wait = lambda lines, contents: None,
) -> tuple[Name, Found] | None:
    """The name at a place of `path`, which is `text` on screen, and its definition; None where none is known.

    Without a searcher only the file itself is known. `wait` hears of a file too large to be read at once.
    """
    parsed, rows = parse_at_once(path, text), text.split("\n")
    if parsed is None:
        wait(Span(path, line, line), text)
        return None
    name = name_at(rows[line - 1], column, parsed.language) if line <= len(rows) else None
    if name is None:
        return None
    here = next((each for each in parsed.definitions if each.line == line and _last(each.name) == name.text), None)
    if here:
        return name, Found(path, text, here, certain=True)
    if is_module(rows[line - 1], name.end):
        return None
    place, is_type = parsed.place(line, name.start), parsed.is_type(line, name.start)
    code = place == "code" or is_type  # an annotation may be quoted
    if place == "keyword" or not (code or looks_like_code(name, rows[line - 1])):
        return None
    if code and not is_type and name.receiver is None and is_local(name, line, rows, parsed):
        return None
    found = _in_file(name, line, parsed)
    if found:
        return name, Found(path, text, found, certain=code)
    other = _elsewhere(searcher, repository, name, path, text, parsed, code, wait) if searcher else None
    return other or _inherited(name, path, text, parsed)


def _in_file(name: Name, line: int, parsed: Parsed) -> Definition | None:
    """What the name means in its own file, where that is plain."""
    same = [each for each in parsed.definitions if _last(each.name) == name.text]
    around = [each.name for each in parsed.around(line)]
    if name.receiver is None:
        visible = {"", *around} if parsed.language != "python" else {"", *_functions(around, parsed)}
        seen = [each for each in same if _scope(each.name) in visible]
        return max(seen, key=lambda each: len(_scope(each.name)), default=None)
    if name.own:
        types = [scope for scope in (_scope(each) for each in reversed(around)) if scope]
        return next((each for scope in types for each in same if _scope(each.name) == scope), None)
    if name.chained:  # a field may be called as a type is
        return None
    return next((each for each in same if name.receiver and _last(_scope(each.name)) == name.receiver), None)


def _inherited(name: Name, path: str, text: str, parsed: Parsed) -> tuple[Name, Found] | None:
    """What the name means where it is asked of the object itself, whose type has it from another one of this file."""
    same = [each for each in parsed.definitions if _last(each.name) == name.text and _scope(each.name)]
    if not name.own or not 1 <= len(same) <= FEW:
        return None
    return name, Found(path, text, same[0], certain=False, more=len(same) - 1)


def _functions(around: Sequence[str], parsed: Parsed) -> list[str]:
    """Those definitions whose names inside are seen from inside; in Python a class's are not."""
    types = {_scope(each.name) for each in parsed.definitions}
    return [each for each in around if each not in types]


def _elsewhere(
    searcher: Searcher,
    repository: Repository,
    name: Name,
    path: str,
    text: str,
    parsed: Parsed,
    in_code: bool,
    wait: Wait,
) -> tuple[Name, Found] | None:
    known = searcher.defined(name.text)
    scene = _Scene(path, text, parsed.language, (repository.project or repository.root.name).rpartition("/")[2])
    found, certain = _meant(name, known, scene, in_code)
    names = {(span.path, whole) for whole, span in found}
    likely = sorted(found, key=lambda each: _unlikeliness(each[1].path, path, parsed.language))
    for whole, span in likely[:_LOOKED_INTO]:
        other = text_of(repository, span.path) if span.path != path else text
        if other is None:
            wait(span, None)
            continue
        parsed_other = parse_at_once(span.path, other)
        if parsed_other is None:
            wait(span, other if span.path == path else None)
            continue
        defined = [each for each in parsed_other.definitions if each.name == whole]
        if defined:
            nearest = min(defined, key=lambda each: (not span.start_line <= each.line <= span.end_line, each.line))
            return name, Found(span.path, other, nearest, certain and len(names) == 1, len(names) - 1)
    return None


def _meant(name: Name, known: list[Named], scene: _Scene, in_code: bool) -> tuple[list[Named], bool]:
    """Those definitions that a name may mean here, and whether one of them must be it."""
    others = [(whole, span) for whole, span in known if _family(span.path) == _family(scene.path)]
    if not in_code:
        return _few([each for each in others if name.receiver or name.called or "." not in each[0]]), False
    if name.receiver is None:
        return _bare(name, others, scene)
    if name.own:
        return _few([each for each in others if "." in each[0]]), False
    asked = [each for each in others if name.receiver and _last(_scope(each[0])) == name.receiver]
    modules = imports_of(scene.text, name.receiver) if name.receiver else []
    if asked:
        told = [each for each in asked if scene.imported(modules, each, name.receiver or "")]
        return _few(told or asked), bool(told) and not name.chained and (name.receiver or "")[:1].isupper()
    if modules and not name.chained:  # a module's own name, or one of a module that is not here
        top = [each for each in others if "." not in each[0]]
        return _few([each for each in top if scene.imported(modules, each, name.text)]), True
    if name.text.lower() in _COMMON or not (name.called or scene.language in _PROPERTIES):
        return [], False
    return _few([each for each in others if "." in each[0]]), False


def _bare(name: Name, others: list[Named], scene: _Scene) -> tuple[list[Named], bool]:
    importing = scene.language in _IMPORTING
    top = [each for each in others if "." not in each[0] or not importing]
    named = imports_of(scene.text, name.text)
    if named:
        return _few([each for each in top if scene.imported(named, each, name.text)]), True
    if scene.language in _PACKAGES:
        return _few([each for each in top if dirname(each[1].path) == dirname(scene.path)]), True
    if importing:
        wild = [each for each in imports(scene.text) if each.everything]
        return _few([each for each in top if scene.imported(wild, each, name.text)]), False
    seen = [each for each in top if name.text[:1].isupper() or "." not in each[0]]
    if not seen and scene.language in _BARE_MEMBERS and name.text.lower() not in _COMMON:
        seen = top
    return _few(seen), False


def _few(found: list[Named]) -> list[Named]:
    """They, unless they are so many that none of them is likely."""
    return found if len({(span.path, whole) for whole, span in found}) <= FEW else []


def _family(path: str) -> str:
    suffix = path.rpartition(".")[2].lower()
    return next((family for family in _FAMILIES if suffix in family.split()), suffix)


_FAMILIES = (
    "py pyi pyx",
    "js jsx mjs cjs ts tsx mts cts",
    "c h cc cpp cxx hpp hh hxx",
    "java kt kts scala",
    "rb rake",
    "ex exs",
    "md rst txt adoc",
)


def _unlikeliness(path: str, asked_in: str, language: str) -> tuple[bool, bool, int, int]:
    stub = path.endswith((".pyi", ".d.ts"))
    shared = sum(
        1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(path.split("/"), asked_in.split("/"), strict=False))
    )
    return is_test(path) and not is_test(asked_in), stub, -shared, len(path)


def _last(name: str) -> str:
    return name.rpartition(".")[2]


def _scope(name: str) -> str:
    return name.rpartition(".")[0]
