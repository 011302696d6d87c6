"""Which name is under the cursor, and whether it means something beyond the definition it stands in. Pure.

Lines are 1-based, columns 0-based in characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from whence_indexer.parsed import Parsed

_NAME = re.compile(r"[^\W\d][\w$]*")
_RECEIVER = re.compile(r"(?:(?P<name>[^\W\d][\w$]*[?!]?)|[\w)\]}'\"?!>])?\s*(?:\?\.|&\.|\.|::|->|(?<=\w):(?=\w))$")
_OWN = {"self", "this", "cls", "Self", "super", "static", "parent"}
_SUFFIXED = {"ruby", "elixir"}  # names end with `?` or `!` there
_CAMEL = re.compile(r"[a-z\d][A-Z]")
# Of a definition, above the cursor, in which a variable is looked for. They bound what one hover costs, for which
# everything else waits: a regular expression lets no other thread work.
_MOST_LINES, _MOST_BINDING, _LONGEST = 400, 60, 300
_MOST_PARAMETERS = 30  # lines of them
_BRACKET = re.compile(r"[()]")
_FOLLOWS = re.compile(r"[ \t]*\w*[ \t]*\(")  # Go's receiver comes first
_KEYWORD = re.compile(r"\b(?:let|var|val|const|auto|final|mut|for|foreach|as|catch|except|local|my|lambda)\b")
_BETWEEN = re.compile(r"[=;:]|\b(?:in|of)\b")  # between a keyword and a name it does not bind
# What else binds a name, in any language: an assignment, a declaration with its type, a closure.
_BINDS = (
    r"^[ \t]*(?:[\w.]+[ \t]*,[ \t]*)*{0}(?:[ \t]*,[ \t]*[\w.]+)*[ \t]*(?::?=(?![=>])|:[^\n=]+=)"
    r"|^[ \t]*(?!return|yield|throw|await|else|new|delete|raise|case|goto|assert|del\b|import|not\b)"
    r"[\w.*&<>\[\]]+[ \t]+[*&]*{0}[ \t]*[=;]"
    r"|\|[^|\n]*(?<![\w.$]){0}(?![\w$])[^|\n]*\||(?<![\w.$]){0}[ \t]*=>"
    r"|\([^()\n]*(?<![\w.$]){0}(?![\w$])[^()\n]*\)[ \t]*=>"
)


@dataclass(frozen=True, slots=True)
class Name:
    """A name on a line, columns `start` to `end`; what it is asked of: `receiver`, None without one, "" unknown.

    `chained` where the receiver is itself asked of something.
    """

    text: str
    start: int
    end: int
    receiver: str | None = None
    called: bool = False
    chained: bool = False

    @property
    def own(self) -> bool:
        """Whether the receiver is the definition around it."""
        return self.receiver in _OWN


def name_at(line: str, column: int, language: str) -> Name | None:
    """The name that holds, or ends at, `column` of a line."""
    for match in _NAME.finditer(line):
        start, end = match.span()
        if language in _SUFFIXED and line[end : end + 1] in ("?", "!"):
            end += 1
        if start <= column <= end:
            before = line[max(0, start - _LONGEST) : start]
            receiver = _RECEIVER.search(before)
            asked = None if receiver is None or before.endswith("..") else receiver["name"] or ""
            chained = receiver is not None and before[: receiver.start()].rstrip().endswith((".", "->", "::"))
            return Name(line[start:end], start, end, asked, line[end:].lstrip("!").startswith("("), chained)
    return None


def looks_like_code(name: Name, line: str) -> bool:
    """Whether a word in a comment or a text is meant as a name: `a_name`, `aName`, `a()`, or one in backquotes."""
    quoted = line[: name.start].endswith("`") and line[name.end :].startswith("`")
    return quoted or name.called or "_" in name.text.strip("_") or _CAMEL.search(name.text) is not None


def is_local(name: Name, line: int, rows: list[str], parsed: Parsed) -> bool:
    """Whether the definitions around a line bind the name themselves: as a parameter or a variable."""
    around = [each for each in parsed.around(line) if each.line != line or each.name.rpartition(".")[2] != name.text]
    word = re.compile(rf"(?<![\w.$]){re.escape(name.text)}(?![\w$])")
    binds = re.compile(_BINDS.replace("{0}", re.escape(name.text)))
    for each in around[-2:]:
        if _is_type(each.name, parsed):
            continue
        above = range(max(each.line, line - _MOST_LINES + 1), line + 1)
        holding = [row for row in above if len(rows[row - 1]) <= _LONGEST and word.search(rows[row - 1])]
        if any(_binds(rows[row - 1], word, binds) for row in holding[-_MOST_BINDING:]):
            return True
        if any(not parsed.is_type(*place) for place in _parameters(rows, each.line, word)):
            return True
    return False


def _binds(row: str, word: re.Pattern[str], binds: re.Pattern[str]) -> bool:
    keyword = _KEYWORD.search(row)
    if keyword and any(_KEYWORD.search(_BETWEEN.split(row[: at.start()])[-1]) for at in word.finditer(row)):
        return True
    return binds.search(row) is not None


def _is_type(name: str, parsed: Parsed) -> bool:
    """Whether a definition has members, whose names are no variables of theirs."""
    return any(other.name.startswith(f"{name}.") for other in parsed.definitions)


def _parameters(rows: list[str], line: int, word: re.Pattern[str]) -> Iterator[tuple[int, int]]:
    """Where `word` stands between the first bracket of a definition and its counterpart, and in brackets that follow at
    once, as Go has them; but where it is a default."""
    depth, seen = 0, False
    for number, row in enumerate(rows[line - 1 : line + _MOST_PARAMETERS], line):
        if number > line + 1 and not seen:
            return
        start = 0
        for mark in _BRACKET.finditer(row[:_LONGEST]):
            yield from _words(row, number, start, mark.start(), word) if depth else ()
            start, seen = mark.end(), True
            depth += 1 if mark[0] == "(" else -1
            if depth <= 0 and not _FOLLOWS.match(row, mark.end()):
                return
        yield from _words(row, number, start, _LONGEST, word) if depth > 0 else ()


def _words(row: str, line: int, start: int, end: int, word: re.Pattern[str]) -> Iterator[tuple[int, int]]:
    for match in word.finditer(row, start, min(end, len(row))):
        if not row[: match.start()].rstrip().endswith("="):
            yield line, match.start()
