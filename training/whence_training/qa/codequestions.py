"""A definition -> questions that its documentation, its signature and its comments answer.

Pure. Every answer is taken from lines of the definition, which are quoted. English documentation is expected.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import takewhile

from whence_indexer.comments import clean, documentation, inner_comments, is_prose
from whence_indexer.types import Chunk
from whence_server.passages import Passage, signature
from whence_server.reasons import find_reasons
from whence_training.qa import templates
from whence_training.qa.fields import Field, fields_of
from whence_training.qa.historyquestions import says_why
from whence_training.qa.material import Unit
from whence_training.qa.quoting import evidence_of, is_sentence, is_whole, locate, sentences_of
from whence_training.qa.record import Evidence, Grade, Quote, Record
from whence_training.qa.wording import phrase

_TYPE = re.compile(r"\b(class|struct|interface|enum|trait|type|protocol|module|record|object|namespace|impl)\b")
_CALLABLE = re.compile(r"\b(def|defp|defmacro|func|fn|fun|function|macro_rules!)\b|\(")
_NO_CODE = re.compile(
    r"^\W*$|^\s*(?:#|//|/?\*|--|\"\"\"|'''|@|return\b.{0,6}$|else\b|try\b|pass\b|end\b|break\b|continue\b)"
)
_DEFAULT = re.compile(
    r"[(,]\s*(?P<name>[a-z_]\w*\??)\s*(?::[^,=()]*(?:\[[^\]]*\][^,=()]*)?)?=\s*(?P<value>[^,()=]+?)\s*(?=[,)])"
)
_LONGEST_LINE = 80
_SIGNATURE = 160
_OWN = re.compile(r"\b(this|these|that one|its|it|he|she|they|them|above|below|but|which)\b", re.IGNORECASE)
_NO_PROSE_ROW = re.compile(
    r"^\s*(?:[/*#;-]*\s*)(?:[:@\\.]\w|\.\. |[-*+•>]\s|\d+[.)]\s|[\"\'`~=]{3}|(?:def|func|class|fn)\b|\w+:\s*$)"
)
_AND = re.compile(r"\b(?:and|or|then)(?: then| also)? (\w+)")
_FEW_WORDS, _MANY_WORDS = 5, 18  # of what a definition is asked for by: fewer could be many, more is no question


def code_records(unit: Unit) -> Iterator[Record]:
    """All questions of one definition."""
    chunk = _chunk(unit)
    rows = unit.text.split("\n")
    told = _told(unit, chunk, rows)
    yield from _of_documentation(unit, told, rows)
    yield from _of_signature(unit, rows)
    for found in fields_of(unit.own_text):
        yield from _of_field(unit, found)
    yield from _of_comments(unit, chunk, rows)


def summary(unit: Unit) -> tuple[str, tuple[int, int]] | None:
    """The first sentence of a definition's documentation, and its lines, counted from 0."""
    told = _told(unit, _chunk(unit), unit.text.split("\n"))
    return told[0] if told else None


def record_of(unit: Unit, grade: Grade, question: str, answer: str, rows: tuple[int, int], generator: str) -> Record:
    """A record over the lines `rows` of a definition, counted from 0."""
    place = unit.place
    whole = Evidence("code", unit.text, path=place.path, start_line=place.start_line, symbol=unit.symbol)
    shown, quote = evidence_of(whole, *rows)
    return Record("code", *grade, question, answer, (shown,), (quote,), f"rules:{generator}", place.path)


def noun(unit: Unit) -> str:
    """What a definition is called: function, method or class."""
    head = _head(unit)
    if _TYPE.search(head.partition("(")[0]):
        return "class" if re.search(r"\bclass\b", head) else "type"
    return "method" if "." in unit.symbol else "function"


def _chunk(unit: Unit) -> Chunk:
    return Chunk(unit.place, "code", unit.language, f"{unit.own_text}\n", (unit.symbol,))


def _told(unit: Unit, chunk: Chunk, rows: Sequence[str]) -> list[tuple[str, tuple[int, int]]]:
    """The sentences of the documentation's first paragraph, with their lines."""
    found = documentation(chunk)
    if found is None:
        return []
    told = []
    for sentence in sentences_of(found[0]):
        place = locate(sentence, rows)
        if place is None or not is_sentence(sentence) or not is_whole(sentence, rows, place):
            break
        told.append((sentence, place))
    return [*told, *_further(rows[: unit.own], told[-1][1][1])] if len(told) == 1 else told


def _further(rows: Sequence[str], last: int) -> list[tuple[str, tuple[int, int]]]:
    """The sentences of the paragraph after the one that ends with row `last`, within the same comment."""
    start = last + 2
    if start >= len(rows) or _bare(rows[last + 1]) or _closes(rows[last]):
        return []
    found = list(takewhile(lambda row: _bare(row) and not _NO_PROSE_ROW.match(row), rows[start:]))
    paragraph = clean("\n".join(found))
    told = []
    for sentence in sentences_of(paragraph)[:2] if is_prose(paragraph) else ():
        place = locate(sentence, found)
        if place is None or not is_sentence(sentence) or not is_whole(sentence, found, place):
            break
        told.append((sentence, (start + place[0], start + place[1])))
    return told


def _bare(row: str) -> str:
    """What a row says besides the marks of its comment."""
    return row.strip().strip("*/#-;").strip()


def _closes(row: str) -> bool:
    """Whether a comment or docstring ends with this row."""
    return row.rstrip().endswith(('"""', "'''", "*/")) and row.strip() not in {'"""', "'''"}


def _of_documentation(unit: Unit, told: Sequence[tuple[str, tuple[int, int]]], rows: Sequence[str]) -> Iterator[Record]:
    if not told:
        return
    sentence, place = told[0]
    wordings = templates.WHAT_TYPE if noun(unit) in {"class", "type"} else templates.WHAT_CALLABLE
    asked = templates.chosen(wordings, unit.name, name=unit.name)
    if len(told) > 1 and told[0][1][0] <= told[-1][1][1] < told[0][1][0] + 12:
        asked_more = templates.chosen(templates.EXPLAIN, unit.name, name=unit.name)
        answer = " ".join(each for each, _ in told[:3])
        last = told[:3][-1][1][1]
        yield record_of(unit, ("explain", "medium"), asked_more, answer, (place[0], last), "explanation")
    yield record_of(unit, ("what", "easy"), asked, sentence, place, "documentation")
    yield from _asked_by_purpose(unit, sentence, place, rows)


def _asked_by_purpose(unit: Unit, sentence: str, place: tuple[int, int], rows: Sequence[str]) -> Iterator[Record]:
    own = unit.symbol.rpartition(".")[2]
    spoken = re.sub(rf"^{re.escape(own)}\s+", "", sentence).rstrip(".")
    said = phrase(spoken)
    if said is None or said.form not in {"base", "third"} or noun(unit) in {"class", "type"}:
        return
    if not _FEW_WORDS <= len(said.base.split()) <= _MANY_WORDS or _OWN.search(said.rest) or own in said.rest:
        return
    head = next((number for number, row in enumerate(rows) if re.search(rf"\b{re.escape(own)}\b\s*[(<\[]", row)), None)
    if head is None:
        return
    # Of "loads a file and returns it" only the first verb would be turned.
    second = any(phrase(word) for word in _AND.findall(said.rest))
    by_form = {"third": templates.WHERE, "base": templates.WHERE_BASE}[said.form]
    wordings = by_form if second else (*templates.WHERE, *templates.WHERE_BASE)
    asked = templates.chosen(wordings, unit.name, noun=noun(unit), base=said.base, third=said.third)
    first, last = min(head, place[0]), max(head, place[1])
    answer = f"`{unit.symbol}`, in `{unit.place.path}`."
    yield record_of(unit, ("where", "medium"), asked, answer, (first, last), "purpose")


def _of_signature(unit: Unit, rows: Sequence[str]) -> Iterator[Record]:
    head = _head(unit)
    own = unit.symbol.rpartition(".")[2]
    if not _CALLABLE.search(head) or noun(unit) in {"class", "type"} or own not in head:
        return
    inside = head.partition(f"{own}")[2]
    if head.count("(") != head.count(")") or len(head) >= _SIGNATURE or "(" not in inside:
        return
    place = locate(head, rows)
    listed = [part for part in inside.partition("(")[2].split(",") if part.strip(" )*/") not in {"", "self", "cls"}]
    if place is None or not listed or listed == [")"]:
        return
    if not re.search(r"\((?:self|cls)?,?\s*\)", inside):
        asked = templates.chosen(templates.SIGNATURE, unit.name, name=unit.name)
        yield record_of(unit, ("how", "easy"), asked, f"`{head}`", place, "signature")
    for match in _DEFAULT.finditer(inside):
        name, value = match["name"], match["value"]
        if not value.startswith("_"):
            asked = templates.chosen(templates.DEFAULT, f"{unit.name}{name}", name=unit.name, of=name)
            yield record_of(unit, ("what", "easy"), asked, f"`{value}`.", place, "default")


def _of_field(unit: Unit, found: Field) -> Iterator[Record]:
    wordings, grade = _FIELDS[found.kind]
    if found.kind in {"added", "deprecated"} or is_sentence(found.text):
        asked = templates.chosen(wordings, f"{unit.name}{found.of}", name=unit.name, of=found.of)
        yield record_of(unit, grade, asked, found.text, (found.first, found.last), found.kind)


_FIELDS: dict[str, tuple[Sequence[str], Grade]] = {
    "parameter": (templates.PARAMETER, ("what", "medium")),
    "returns": (templates.RETURNS, ("what", "easy")),
    "raises": (templates.RAISES, ("when", "medium")),
    "added": (templates.SINCE, ("when", "easy")),
    "changed": (templates.CHANGED, ("what", "medium")),
    "deprecated": (templates.DEPRECATED, ("what", "medium")),
}


def _of_comments(unit: Unit, chunk: Chunk, rows: Sequence[str]) -> Iterator[Record]:
    """Why a line of code is there, where the comment above it says so."""
    asked_of: set[str] = set()
    if not _CALLABLE.search(_head(unit)):
        return
    for comment, code in inner_comments(chunk):
        line = next((row.strip() for row in code.split("\n") if row.strip()), "").rstrip("{").rstrip().rstrip(":")
        told = sentences_of(comment)
        reasons = [each.sentence for each in find_reasons("", comment) if says_why(each)]
        place = locate(" ".join(told), rows)
        if not reasons or place is None or _NO_CODE.match(line) or not 12 <= len(line) <= _LONGEST_LINE or "`" in line:
            continue
        if line.endswith(("(", "[", ",", "=")) or not comment[:1].isupper():
            continue
        if not all(map(is_sentence, told)) or line in asked_of or unit.text.count(line) != 1 or len(told) > 3:
            continue
        below = next((number for number, row in enumerate(rows) if line in row and number > place[1]), None)
        if below is None or below - place[0] >= 12:
            continue
        asked_of.add(line)
        asked = templates.chosen(templates.WHY_LINE, f"{unit.name}{line}", name=unit.name, of=line)
        yield record_of(unit, ("why", "medium"), asked, " ".join(told), (place[0], below), "comment")


def _head(unit: Unit) -> str:
    """The first definition on one line, without its body."""
    evidence = Evidence("code", unit.text, path=unit.place.path, start_line=unit.place.start_line)
    passage: Passage = evidence.passage()
    return (signature(passage) or "").removesuffix(" =").strip()


def pair_record(one: Unit, other: Unit) -> Record | None:
    """What tells two definitions apart, by what is said of each; None where either says nothing."""
    left, right = summary(one), summary(other)
    if left is None or right is None or _without(left[0], one) == _without(right[0], other):
        return None
    shown = [evidence_of(_whole(unit), *told[1]) for unit, told in ((one, left), (other, right))]
    quotes = tuple(Quote(number, quote.text) for number, (_, quote) in enumerate(shown))
    asked = templates.chosen(templates.COMPARE, f"{one.name}{other.name}", name=one.name, of=other.name)
    answer = f"`{one.symbol}`: {left[0]}\n`{other.symbol}`: {right[0]}"
    context = tuple(evidence for evidence, _ in shown)
    return Record("code", "compare", "hard", asked, answer, context, quotes, "rules:comparison", one.place.path)


def _without(sentence: str, unit: Unit) -> str:
    return sentence.replace(unit.symbol.rpartition(".")[2], "")


def _whole(unit: Unit) -> Evidence:
    return Evidence("code", unit.text, path=unit.place.path, start_line=unit.place.start_line, symbol=unit.symbol)
