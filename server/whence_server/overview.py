"""Questions of the project as a whole -> what it is, as its README says, and how its tests are run, as its recipes say.

Takes a question; the index gives the pieces of the few files in which projects tell such things. The words of these
questions are everywhere, so that search finds anything but them.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from itertools import islice

from whence_indexer.finder import Finder
from whence_indexer.query import Query
from whence_indexer.repository import Repository
from whence_indexer.terms import identifiers_of
from whence_indexer.types import Hit
from whence_server.inquiry import Evidence
from whence_server.markup import code
from whence_server.passages import SENTENCE_END, trimmed
from whence_server.reasons import Reason

PROJECT = r"(?:(?:this|our)\s+(?:\w+\s+)?|the\s+)(?:project|repository|repo|code\s?base|library|package)"
_WHAT = re.compile(
    rf"\W*(?:what(?:'s|\s+is|\s+does)\s+{PROJECT}(?:\s+(?:do|about|for|good\s+for|used\s+for))?"
    rf"|(?:describe|explain|summari[sz]e)\s+{PROJECT})\W*\Z",
    re.IGNORECASE,
)
_RUN = r"(?:run|executed?|start(?:ed)?)"
_TESTS = r"(?:(?:the|all|its|our|unit|of)\s+)*(?:tests?|test\s+suite)"
_HOW = re.compile(
    rf"\W*how\s+(?:(?:are|is|do|does|can|could|should|to|i|we|you|one)\s+)*(?:{_RUN}\s+{_TESTS}"
    rf"|{_TESTS}\s+(?:be\s+)?{_RUN})(?:\s+(?:here|in\s+{PROJECT}))?\W*\Z",
    re.IGNORECASE,
)

_PIECES = 30  # of a file: what is told of the whole stands at its beginning
_README = re.compile(r"readme(?:\.(?:md|markdown|rst|adoc|txt))?\Z", re.IGNORECASE)
_MARKUP = re.compile(
    r"<!--.*?-->|<[a-z/!][^<>]*>|!\[[^\]]*\](?:\([^)]*\)|\[[^\]]*\])?|\|[\w -]+\|"  # comments, tags, pictures
    r"|\[([^\[\]]*)\](?:\([^)]*\)|\[[^\]]*\])?"  # links
    r"|`+([^`<>]+?)\s*(?:<[^>]*>)?`+_{0,2}|(?<!\w)[*_]{1,3}(?=\w)|(?<=[\w.])[*_]{1,3}(?!\w)",
    re.DOTALL | re.IGNORECASE,
)
_NO_PROSE = re.compile(r"#|[-*+|>:]\s|>|\d+[.)]\s|\.\.(?:\s|$)|:\w+:|\[[^\]]*\]:|\s{3,}:|\s{4,}\w|\t|\s*(?:```|~~~)")
_UNDERLINE = re.compile(r"([=~^\"'#*+-])\1{2,}\s*$")
_TAG = re.compile(r"\s*</?(?:p|h\d|div|hr|table|tr|td|ul|li|br)\b", re.IGNORECASE)
_FEWEST_WORDS, _LONGEST = 4, 400  # of a sentence; characters of one
_IS = re.compile(
    r"(?:the\s+)?(\w[\w.-]*)(?:\s+[\w()]+){0,3}?\s+(?:(?:is|are)\s+(?:an?|the|one)\b|provides?|helps?|lets?|allows?|makes?"
    r"|gives?|answers?)\b",
    re.IGNORECASE,
)
_MANIFESTS = ("package.json", "pyproject.toml", "Cargo.toml", "composer.json", "setup.cfg", "setup.py", "mix.exs")
_DESCRIPTION = re.compile(
    r"(?:^|[\s.{,])[\"']?description[\"']?\s*[:=]\s*(?:\"([^\"]{15,})\"|'([^']{15,})'|(\w[^\"'{}=]{15,})$)"
)

_PROGRAM = (
    r"(?:pytest|py\.test|tox|nox|unittest|go test|cargo (?:nextest|test|xtest)|(?:npm|pnpm|yarn|bun)(?: run)? test"
    r"|make (?:test|check)|just test|mvnw? (?:clean )?(?:test|verify)|gradlew? (?:clean )?(?:test|check|build)"
    r"|dotnet test|rake|rspec|mix test|phpunit|composer(?: run)? test|ctest|bazel test|swift test|(?:dart|flutter) test"
    r"|sbt test|stack test|cabal test|zig build test|lein test|busted|bats|jest|vitest|mocha|hatch (?:run )?test)"
)
_BEFORE = r"(?:\w+=\S+|bundle|uvx?|poetry|pdm|hatch|pipenv|npx|sudo|env|exec|run|python3?|-m|--?\w[\w=-]*)\s+"
_COMMAND = re.compile(
    rf"(?:^\s*(?:[-$>]\s+)?(?:run:\s*|script:\s*)?|`|&&\s*)[\"']?"
    rf"(?P<said>(?:{_BEFORE})*(?:\./|bin/)*(?:{_PROGRAM}|scripts?/test\w*)(?![\w.:-])(?!\s(?:is|are|for|and|will|has)\b)"
    rf"(?![^`]*\b(?:docs|lint|pre-commit|compile)\b)[^`\"'#$]*)"
)
_GUIDE = re.compile(r"(?:contributing|development|developing|hacking)\b[^/]*\Z", re.IGNORECASE)
_RUNNER = re.compile(r"(?:\S*test\S*|ci|main|build|\.gitlab-ci|\.travis)\.ya?ml\Z", re.IGNORECASE)
# Recipes by the file they are in, the line that begins the one for tests, and the command that follows it.
_RECIPES = tuple(
    (re.compile(rf"{name}\Z", re.IGNORECASE), re.compile(line), command)
    for name, line, command in (
        ("(?:gnu)?makefile", r"^(tests?|check)\s*:(?!=)", "make {}"),
        (r"\.?justfile", r"^(tests?)\b[^:=]*:(?!=)", "just {}"),
        (r"package\.json", r"^\s*\"(test)\"\s*:\s*\"(?!echo)", "npm {}"),
        (r"composer\.json", r"\s*\"(test|phpunit)\"\s*:\s*[\"\[]", "composer {}"),
        ("rakefile", r".*\b(?:Rake|RSpec|Minitest)\b\S*Task\b|task\W+(?:default|test)\b", "rake"),
        (r"noxfile\.py", r"^def tests?\b", "nox"),
        (r"tox\.ini", r"^\[testenv\]", "tox"),
        (r"pyproject\.toml", r"^\[tool\.tox\.env_run_base\]", "tox"),
    )
)
_FOLDERS = ("", ".github/", "docs/", "test/", "tests/", ".github/workflows/")
_ABOVE, _BELOW = 3, 6  # lines shown around the one that tells it


def find_overview(query: Query, searcher: Finder, repository: Repository) -> Evidence | None:
    """What the project is, or how its tests are run; None for another question, or where nothing tells it."""
    if _WHAT.match(query.text):
        told = dict(islice(_descriptions(searcher, repository), 1))
    elif _HOW.match(query.text):
        told = dict(_instructions(searcher, repository))
    else:
        return None
    return Evidence(list(told), told, sure=True) if told else None


def _descriptions(searcher: Finder, repository: Repository) -> Iterator[tuple[Hit, Reason]]:
    """Sentences that say what the project is, best first: of its README what begins with its name, what its package is
    described by, how the README begins."""
    files = _files(repository)
    readme = next((path for path in files if _README.match(path.rpartition("/")[2])), "")
    pieces = list(_pieces(readme, searcher))
    names = {name.lower() for name in (repository.name, *identifiers_of(_title(pieces)))}
    prose = [(hit, said) for hit in pieces for said in _prose(hit)]
    yield from ((hit, said) for hit, said in prose if (match := _IS.match(said.sentence)) and match[1].lower() in names)
    for path in sorted(set(files).intersection(_MANIFESTS), key=_MANIFESTS.index):
        for hit in _pieces(path, searcher):
            for row in hit.text.split("\n"):
                if match := _DESCRIPTION.search(row):
                    yield hit, Reason(str(match[match.lastindex or 0]).strip(), row, 0)
    yield from prose


def _title(pieces: Sequence[Hit]) -> str:
    rows = "\n".join(hit.text for hit in pieces[:2]).split("\n")
    for row, following in zip(rows, [*rows[1:], ""], strict=True):
        if row.startswith("#") or (row.strip() and _UNDERLINE.match(following)):
            return _MARKUP.sub(r"\1\2", row)
    return ""


def _prose(hit: Hit) -> Iterator[Reason]:
    """The first sentence of each paragraph, and the paragraph; no headings, lists, tables, pictures and code."""
    block: list[str] = []
    fenced = False
    for row in [*hit.text.rstrip("\n").split("\n"), ""]:
        fence = row.lstrip().startswith(("```", "~~~"))
        underlined = bool(block) and _UNDERLINE.match(row) is not None
        if row.strip() and not (fenced or fence or underlined or _NO_PROSE.match(row) or _TAG.match(row)):
            block.append(row)
            continue
        unlinked = _MARKUP.sub(r"\1\2", _MARKUP.sub(r"\1\2", "\n".join(block)))  # pictures may stand in links
        text = " ".join(html.unescape(unlinked).split())
        sentence = SENTENCE_END.split(text)[0]
        if not underlined and len(re.findall(r"[^\W\d]{2,}", sentence)) >= _FEWEST_WORDS and len(sentence) <= _LONGEST:
            yield Reason(sentence, "\n".join(block), 0)
        fenced ^= fence
        block = [row] if _TAG.match(row) else []


def _instructions(searcher: Finder, repository: Repository) -> Iterator[tuple[Hit, Reason]]:
    """What says how tests are run, of each file one: guides for who works on the project, recipes, what runs them."""
    files = _files(repository)
    named = [(path, path.rpartition("/")[2]) for path in files]
    ways = [(path, _COMMAND, "{}") for path, name in named if _GUIDE.match(name)]
    ways += [(path, line, command) for known, line, command in _RECIPES for path in files if known.match(path)]
    ways += [(path, _COMMAND, "{}") for path, name in named if _README.match(name) or _RUNNER.match(name)]
    for path, line, command in ways:
        rows = ((hit, row, text) for hit in _pieces(path, searcher) for row, text in enumerate(hit.text.split("\n")))
        found = next(((hit, row, match) for hit, row, text in rows if (match := line.search(text))), None)
        if found:
            hit, row, match = found
            yield hit, _instruction(hit, row, command.format(*match.groups()).strip())


def _instruction(hit: Hit, row: int, command: str) -> Reason:
    rows = hit.text.rstrip("\n").split("\n")
    first, last = trimmed(rows, max(row - _ABOVE, 0), min(row + _BELOW, len(rows)))
    return Reason(f"With {code(command)}, as {code(str(hit.path))} says.", "\n".join(rows[first:last]), 0)


def _files(repository: Repository) -> list[str]:
    """The files in the few folders where what concerns the whole stands, those of the root first."""
    folders = [(folder, repository.root / folder) for folder in _FOLDERS]
    return [f"{name}{each.name}" for name, folder in folders if folder.is_dir() for each in sorted(folder.iterdir())]


def _pieces(path: str, searcher: Finder) -> Iterator[Hit]:
    """The pieces of a file in order, none where it is not indexed."""
    line = 1
    for _ in range(_PIECES):
        if (hit := searcher.at(path, line)) is None:
            return
        yield hit
        line = (hit.end_line or line) + 1
