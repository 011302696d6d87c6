"""Which name is under the cursor, and whether it means something beyond the definition it stands in. Pure.

Lines are 1-based, columns 0-based in characters.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from whence_indexer.parsed import Parsed

_NAME = re.compile(r"[^\W\d][\w$]*")
_RECEIVER = re.compile(r"(?:(?P<name>[^\W\d][\w$]*[?!]?)|[\w)\]}'\"?!>])?\s*(?:\?\.|&\.|\.|::|->|(?<=\w):(?=\w))$")
_OWN = {"self", "this", "cls", "Self", "super", "static", "parent"}
_SUFFIXED = {"ruby", "elixir"}  # names end with `?` or `!` there
_CAMEL = re.compile(r"[a-z\d][A-Z]")
_MOST_LINES = 400  # of a definition, above the cursor, in which a variable is looked for
# What binds a name, in any language: a keyword before it, an assignment, a declaration with its type, a closure.
_BINDS = (
    r"\b(?:let|var|val|const|auto|final|mut|for|foreach|as|catch|except|local|my|lambda)\b"
    r"(?:(?!\b(?:in|of)\b)[^=;:\n])*?(?<![\w.$]){0}(?![\w$])"
    r"|^[ \t]*(?:[\w.]+[ \t]*,[ \t]*)*{0}(?:[ \t]*,[ \t]*[\w.]+)*[ \t]*(?::?=(?![=>])|:[^\n=]+=)"
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
            receiver = _RECEIVER.search(line[:start])
            asked = None if receiver is None or line[:start].endswith("..") else receiver["name"] or ""
            chained = receiver is not None and line[: receiver.start()].rstrip().endswith((".", "->", "::"))
            return Name(line[start:end], start, end, asked, line[end:].lstrip("!").startswith("("), chained)
    return None


def looks_like_code(name: Name, line: str) -> bool:
    """Whether a word in a comment or a text is meant as a name: `a_name`, `aName`, `a()`, or one in backquotes."""
    quoted = line[: name.start].endswith("`") and line[name.end :].startswith("`")
    return quoted or name.called or "_" in name.text.strip("_") or _CAMEL.search(name.text) is not None


def is_local(name: Name, line: int, rows: list[str], parsed: Parsed) -> bool:
    """Whether the definitions around a line bind the name themselves: as a parameter or a variable."""
    around = [each for each in parsed.around(line) if each.line != line or each.name.rpartition(".")[2] != name.text]
    for each in around[-2:]:
        if _is_type(each.name, parsed):
            continue
        above = "\n".join(rows[max(each.line - 1, line - _MOST_LINES) : line])
        if re.search(_BINDS.replace("{0}", re.escape(name.text)), above, re.MULTILINE):
            return True
        if re.search(rf"(?<![\w.$]){re.escape(name.text)}(?![\w$])", _parameters(rows, each.line)):
            return True
    return False


def _is_type(name: str, parsed: Parsed) -> bool:
    """Whether a definition has members, whose names are no variables of theirs."""
    return any(other.name.startswith(f"{name}.") for other in parsed.definitions)


def _parameters(rows: list[str], line: int) -> str:
    """What stands between the first bracket of a definition and its counterpart."""
    text, depth = "\n".join(rows[line - 1 : line + 30]), 0
    first = text.find("(")
    name_before = text[:first].count("\n") if first >= 0 else 9
    if name_before > 1:
        return ""
    for place in range(first, len(text)):
        depth += {"(": 1, ")": -1}.get(text[place], 0)
        if not depth:
            follows = re.match(r"[ \t]*\w*\(", text[place + 1 :])  # Go's receiver comes first
            if follows:
                return text[first:place] + _parameters([text[place + 1 :]], 1)
            return text[first:place]
    return ""
