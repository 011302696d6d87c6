"""Commits that changed how the text stands, not what it says: white space, style, sorted imports, licence headers.

Pure: a `Commit` with its hunks in, a word for what kind it is out. Reads no repository and asks no parser, so that
one rule serves every language.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import groupby

from whence_indexer.history import MAX_HUNK_BYTES
from whence_indexer.types import Commit, Hunk

# A formatter changes quotes, trailing commas, brackets and semicolons besides white space, and wraps comments anew. So
# few lines of that may mend a bug: "format" must be said by a commit of some lines, and meant by one of many.
_SAID_LINES, _SWEEP_LINES = 10, 40
_MOSTLY = 0.9  # share of changed lines of a commit that says it formats: its formatter's settings are the rest

_FORMATTER = re.compile(
    r"\b(black|blacken(ed)?|prettier|rustfmt|cargo fmt|gofmt|clang-format|yapf|autopep8|isort|ruff format|rubocop"
    r"|standardrb|php-cs-fixer|spotless|scalafmt|ktlint|swiftformat|stylua|stylish-haskell|ormolu|dprint|biome)\b",
    re.IGNORECASE,
)
_SAYS_FORMAT = re.compile(
    r"\b((re)?format(s|ted|ting|ter)?|white-?space|indent(s|ed|ation)?|dedent|line (endings?|length)|trailing spaces?"
    r"|pep-?8|code ?style|cosmetic|lint(ing|er)?|tabs?|sort(ed)? imports?|reorder.{0,20}imports?)\b",
    re.IGNORECASE,
)
_SETTINGS = re.compile(
    r"(^|/)(\.pre-commit-config\.ya?ml|\.git-blame-ignore-revs|\.editorconfig|\.gitattributes|\.prettier\w*(\.\w+)?"
    r"|\.?prettier\.config\.\w+|\.eslint\w*(\.\w+)?|\.?rustfmt\.toml|\.clang-format|\.rubocop\w*\.yml|\.flake8|setup\.cfg"
    r"|pyproject\.toml|tox\.ini|\.?ruff\.toml|\.scalafmt\.conf|\.php[-_]cs\S*|\.style\.yapf|\.isort\.cfg|package\.json)$"
)
_SPACE = re.compile(r"\s+")
_COMMENT_MARK = re.compile(r"^\s*(?:#+|//+!?|/?\*+/?|--|;+|\.\.)(?=\s|$)", re.MULTILINE)
_STYLE = re.compile(r"[\s\"'`,;()\\]+")
_TOKEN = re.compile(r"\w+|[^\w\s\"'`,;()\\]")  # but for signs that a formatter chooses
_EITHER_QUOTE = re.compile(r"\.(py|pyi|[cm]?[jt]sx?|s?css|less|lua)$")
_COMMENT = re.compile(r"\s*(?:#|//|/?\*|--|;|<!--|-->|\"\"\"|\(\*|%|\.\.|rem\b|$)", re.IGNORECASE)
_HEADER = re.compile(r"\blicen[cs]e|copyright|\(c\)|©|spdx|warrant(y|ies)\b", re.IGNORECASE)
_HEADER_ENDS = 60  # lines; the longest common header, of BSD with three clauses, has about 30
_IMPORT = re.compile(
    r"\s*(?:(?:from|import|use|using|#\s*include|require(?:_once|_relative)?|export)\b.*|[\w.\s,*{}()]*)", re.DOTALL
)
_NAME = re.compile(r"[\w./]+")
_IMPORT_WORDS = {"from", "import", "use", "using", "include", "require", "as"}
_IMPORT_LINE = re.compile(r"^\s*(from|import|use|using|#\s*include|require|export)\b", re.MULTILINE)


def mechanical_kind(commit: Commit) -> str | None:
    """`whitespace`, `format`, `imports`, `header` or `move` where that is all a commit did; None for others.

    Judged by the hunks that `read_commit` keeps; a mere rename has none, and blame never names one. The first commit,
    a merge and what a shallow clone ends with are never mechanical: what they changed is not known.
    """
    if len(commit.parents) != 1:
        return None
    files = [(path, list(hunks)) for path, hunks in groupby(commit.hunks, key=lambda hunk: hunk.path)]
    by_formatter = _FORMATTER.search(commit.subject) is not None
    says = by_formatter or _SAYS_FORMAT.search(commit.subject) is not None
    kinds = Counter[str]()
    other = 0
    for path, hunks in files:
        kind, lines = _judge(hunks, says)
        if kind:
            kinds[kind] += lines
        elif not (says and _SETTINGS.search(path)):
            # Beside what a formatter did somebody changed a line: each place of the file counts for itself.
            formatted = _formatted(hunks) if by_formatter else 0
            kinds.update({"format": formatted} if formatted else {})
            other += lines - formatted
            if not says:  # all of it would have to be
                break
    changed = kinds.total() + other
    if not kinds or (kinds.total() < changed and not (says and kinds.total() >= _MOSTLY * changed)):
        return "move" if _moved(commit.hunks) else None
    kind = kinds.most_common(1)[0][0]
    plainly = kinds["whitespace"] == changed or all(_is_other_quotes(hunk) for hunk in commit.hunks)
    enough = 0 if by_formatter or plainly else _SAID_LINES if says else _SWEEP_LINES
    return kind if changed >= enough else None


def _judge(hunks: Sequence[Hunk], says: bool) -> tuple[str | None, int]:
    """What was done to one file, and how many lines of it were changed."""
    whole = [hunk for hunk in hunks if len(hunk.text.encode()) < MAX_HUNK_BYTES]
    lines = sum(hunk.old_lines[1] + hunk.new_lines[1] for hunk in hunks)
    if not whole or (len(whole) < len(hunks) and not says):
        return None, lines
    removed, added = "".join(_side(hunk, "-") for hunk in whole), "".join(_side(hunk, "+") for hunk in whole)
    if _same(_SPACE, removed, added) or all(_same(_SPACE, _side(hunk, "-"), _side(hunk, "+")) for hunk in whole):
        return "whitespace", lines
    if all(_is_style(hunk) for hunk in whole) or _same(_STYLE, _unmarked(removed), _unmarked(added)):
        return "format", lines
    if _is_import_order(removed, added):
        return "imports", lines
    if all(_is_header(hunk) for hunk in whole):
        return "header", lines
    return None, lines


def _side(hunk: Hunk, sign: str) -> str:
    """The lines before (`-`) or after (`+`)."""
    return "".join(line[1:] + "\n" for line in hunk.text.split("\n") if line.startswith(sign))


def _same(ignored: re.Pattern[str], before: str, after: str) -> bool:
    return ignored.sub("", before) == ignored.sub("", after)


def _unmarked(text: str) -> str:
    return _COMMENT_MARK.sub("", text)


def _is_style(hunk: Hunk) -> bool:
    return _same(_STYLE, _unmarked(_side(hunk, "-")), _unmarked(_side(hunk, "+")))


def _formatted(hunks: Sequence[Hunk]) -> int:
    """The lines of those places of a file where the same words stand, in any order: a formatter moves a comment to
    where there is room. Of a place that is not known whole that is not known."""
    return sum(
        hunk.old_lines[1] + hunk.new_lines[1]
        for hunk in hunks
        if len(hunk.text.encode()) < MAX_HUNK_BYTES
        and Counter(_TOKEN.findall(_side(hunk, "-"))) == Counter(_TOKEN.findall(_side(hunk, "+")))
    )


def _is_other_quotes(hunk: Hunk) -> bool:
    """Whether all that a hunk did is to write strings with the other quotes, where the language lets one choose."""
    before, after = (_SPACE.sub("", _side(hunk, sign)) for sign in "-+")
    alike = before.replace("'", '"') == after.replace("'", '"') and "\\" not in before
    one_kind = all("'" not in line or '"' not in line for line in hunk.text.split("\n"))  # none within the other
    return alike and one_kind and bool(_EITHER_QUOTE.search(hunk.path)) and len(hunk.text.encode()) < MAX_HUNK_BYTES


def _is_import_order(removed: str, added: str) -> bool:
    """Whether both sides import the same names, and do nothing else."""
    both = removed + added
    if not _IMPORT_LINE.search(both) or not all(_IMPORT.fullmatch(line) for line in both.split("\n")):
        return False
    before, after = (set(_NAME.findall(side)) - _IMPORT_WORDS for side in (removed, added))
    return before == after


def _is_header(hunk: Hunk) -> bool:
    """Whether a hunk is in comments at the top of its file, and of rights."""
    first = max(hunk.old_lines[0], hunk.new_lines[0])
    text = _side(hunk, "-") + _side(hunk, "+")
    within = first + max(hunk.old_lines[1], hunk.new_lines[1]) <= _HEADER_ENDS
    return within and _HEADER.search(text) is not None and all(_COMMENT.match(line) for line in text.split("\n"))


def _moved(hunks: Sequence[Hunk]) -> bool:
    """Whether the same lines were taken out in some files and put into others, and nothing else."""
    before = Counter[str]()
    after = Counter[str]()
    for hunk in hunks:
        if len(hunk.text.encode()) >= MAX_HUNK_BYTES:
            return False
        before.update(filter(None, map(str.strip, _side(hunk, "-").split("\n"))))
        after.update(filter(None, map(str.strip, _side(hunk, "+").split("\n"))))
    sources = {hunk.path for hunk in hunks if hunk.old_lines[1]}
    targets = {hunk.path for hunk in hunks if hunk.new_lines[1]}
    return before == after and before.total() > 0 and sources != targets
