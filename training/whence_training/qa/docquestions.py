"""A section of documentation -> questions that its first sentences answer; a changelog -> what each version changed.

Pure. Prose that only leads over to a list, an example or another page answers nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from whence_indexer.comments import clean, is_prose
from whence_indexer.terms import words
from whence_training.qa import templates
from whence_training.qa.material import Section
from whence_training.qa.quoting import evidence_of, is_sentence, is_whole, locate, sentences_of
from whence_training.qa.record import Evidence, Grade, Record
from whence_training.qa.wording import Phrase, phrase

_CHANGELOG = re.compile(r"(^|/)(change(s|log)|history|news|release[-_]?notes?)|(^|/)releases/", re.IGNORECASE)
_VERSION = re.compile(
    r"(?:version|what's new in \w+|release|v)?\s*\[?v?(?P<version>\d+(?:\.\d+)+(?:[a-z]+\d*)?)\]?\b", re.IGNORECASE
)
_DATE = re.compile(
    r"\b(?:\d{4}-\d\d-\d\d|(?:\d{1,2}(?:st|nd|rd|th)?\s)?(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov"
    r"|Dec)[a-z]*\.?\s(?:\d{1,2}(?:st|nd|rd|th)?,?\s)?\d{4})\b"
)
_ENTRY = re.compile(r"^\s{0,3}[-*+]\s+(?P<text>\S.*)$")
_CODE = re.compile(r"(?::[\w:]+:)?`{1,2}[~.!]*(?P<name>[A-Za-z_][\w.]*(?:\(\))?)`{1,2}")
_NO_TOPIC = re.compile(
    r"^(introduction|overview|notes?|foreword|examples?|usage|summary|conclusion|contents?|api|other|misc\w*|more"
    r"|todo"
    r"|faq|links?|resources|references?|credits|authors?|licen[sc]e|donate|installation|quickstart|next steps"
    r"|keep going|welcome.*"
    r"|what.?s new.*|readme|background|about|features?|description|getting started|changelog|history|backwards.*"
    r"|table of.*|.{1,3})$",
    re.IGNORECASE,
)
_MARKUP_LINE = re.compile(
    r"^\s*(?:\.\. |[-=~^\"'`*+#]{3,}\s*$|\||>|!\[|\[!|<|:\w+:|\$ |[-*+] |\d+[.)] |```|~~~|    )|^.*::\s*$"
)
_FENCE = re.compile(r"^\s*(?:```|~~~)")
_DEFINING = re.compile(
    r"^(?:An?|The)?\s*(?P<what>[\w .-]{2,40}?) (?:is|are) (?:an?|the|simply|just|one)\b", re.IGNORECASE
)
_SECOND = re.compile(r"(?:\b(?:and|or|then)|[,&/])\s*\w+ing\b", re.IGNORECASE)
_ISSUE = re.compile(r"\s*(?::(?:issue|pr|pull|gh|ghsa):`[^`]*`|\(?#\d+\)?|\[#\d+\]\([^)]*\))(?:,\s*)?")
_SHORT = frozenset("a an the of in on for to and or with by from using your our".split())


def doc_records(section: Section) -> Iterator[Record]:
    """All questions of one section."""
    if _CHANGELOG.search(section.place.path):
        yield from _of_changelog(section)
    elif not _CHANGELOG.search(section.title):
        yield from _of_topic(section)


def _of_topic(section: Section) -> Iterator[Record]:
    rows = section.text.split("\n")
    told = _first_sentences(section, rows)
    title = section.title.strip().rstrip(".")
    if not told or _NO_TOPIC.match(title) or len(title.split()) > 9 or title.endswith(":"):
        return
    last = told[-1][1][1]
    answer, place = " ".join(sentence for sentence, _ in told), (told[0][1][0], last)
    if title.endswith("?"):
        grade: Grade = ("why" if title.lower().startswith("why") else "what", "medium")
        yield _record(section, grade, title, answer, place, "heading")
        return
    said, named = phrase(title), _DEFINING.match(told[0][0])
    if said is not None and said.form in {"gerund", "base"} and _is_task(said):
        if _about(title, answer) >= 0.5:
            asked = templates.chosen(templates.HOW_DOC, section.place.path + title, base=_lowered(said.base))
            yield _record(section, ("how", "medium"), asked, answer, place, "howto")
    elif (
        named
        and _about(title, named["what"]) >= 0.5
        and len(title.split()) <= 5
        and _about(named["what"], title) >= 0.5
    ):
        asked = templates.chosen(templates.DEFINED, section.place.path + title, of=_lowered(named["what"].strip()))
        yield _record(section, ("what", "easy"), asked, told[0][0], told[0][1], "definition")
    elif _about(title, answer) >= 0.6:
        asked = templates.chosen(templates.ABOUT, section.place.path + title, of=_topic(section, title))
        yield _record(section, ("what", "easy"), asked, answer, place, "section")


def _first_sentences(section: Section, rows: Sequence[str], most: int = 2) -> list[tuple[str, tuple[int, int]]]:
    """The first whole sentences of the section's first paragraph of prose."""
    paragraph = next(_paragraphs(rows), "")
    told: list[tuple[str, tuple[int, int]]] = []
    for sentence in sentences_of(clean(paragraph))[:most] if is_prose(clean(paragraph)) else ():
        place = locate(sentence, rows)
        if place is None or not is_sentence(sentence) or not is_whole(sentence, rows, place):
            break
        if place[1] - (told[0][1][0] if told else place[0]) >= 12:
            break
        told.append((sentence, place))
    return told


def _paragraphs(rows: Sequence[str]) -> Iterator[str]:
    """Runs of lines of prose, the heading left out."""
    held: list[str] = []
    fenced = False
    for number, row in enumerate([*rows, ""]):
        if _FENCE.match(row):
            fenced, held = not fenced, []
        if fenced:
            continue
        following = rows[number + 1] if number + 1 < len(rows) else ""
        underlined = re.match(r"^\s*([-=~^\"'`*+#])\1{2,}\s*$", following)
        if (
            row.strip()
            and not row[0].isspace()
            and not _MARKUP_LINE.match(row)
            and not (number < 2 and (underlined or row.startswith("#")))
        ):
            held.append(row.strip())
            continue
        if held:
            yield " ".join(held)
        held = []


def _of_changelog(section: Section) -> Iterator[Record]:
    rows = section.text.split("\n")
    version = _VERSION.search(section.title)
    if version is None:
        version = next((found for above in reversed(section.scope) if (found := _VERSION.search(above))), None)
    if version is None:
        return
    head = _VERSION.search(section.title)
    for number, row in enumerate(rows[:6] if head else ()):
        date = _DATE.search(row)
        if date and "unreleased" not in row.lower():
            asked = templates.chosen(templates.RELEASED, section.place.path + version["version"], of=version["version"])
            yield _record(section, ("when", "easy"), asked, f"{date[0]}.", (number, number), "release")
            break
    for text, first, last in _entries(rows):
        names = list(dict.fromkeys(match["name"] for match in _CODE.finditer(text)))
        plain = clean(_ISSUE.sub(" ", text))
        answer = sentences_of(plain)
        if not names or len(names) > 2 or len(names[0]) < 3 or not answer or not all(map(is_sentence, answer[:2])):
            continue
        key = f"{section.place.path}{version['version']}{text}"
        name = max(names, key=lambda each: (bool(re.search(r"[A-Z.(]", each)), len(each)))
        asked = templates.chosen(templates.CHANGELOG, key, name=f"`{name}`", of=version["version"])
        yield _record(section, ("what", "medium"), asked, " ".join(answer[:2]), (first, last), "changelog")


def _entries(rows: Sequence[str]) -> Iterator[tuple[str, int, int]]:
    """The items of the list in a section, each on one line, with its first and last row."""
    number = 0
    while number < len(rows):
        match = _ENTRY.match(rows[number])
        first = number
        number += 1
        if match is None:
            continue
        parts = [match["text"]]
        while (
            number < len(rows)
            and rows[number].strip()
            and rows[number][:1].isspace()
            and not _ENTRY.match(rows[number])
        ):
            parts.append(rows[number].strip())
            number += 1
        yield " ".join(parts), first, number - 1


def _record(
    section: Section, grade: Grade, question: str, answer: str, rows: tuple[int, int], generator: str
) -> Record:
    place = section.place
    whole = Evidence("doc", section.text, path=place.path, start_line=place.start_line, symbol=section.title or None)
    shown, quote = evidence_of(whole, *rows)
    return Record("docs", *grade, question, answer, (shown,), (quote,), f"rules:{generator}", place.path)


def _is_task(said: Phrase) -> bool:
    """Whether a title says what to do: `Caching Decorator` is a thing, `Caching Responses` may be done.

    Of `Sending and receiving messages` only the first verb would be turned.
    """
    if said.form == "gerund" and _SECOND.search(said.rest):
        return False
    rest = said.rest.split()
    return len(rest) > 1 or (len(rest) == 1 and rest[0].endswith("s"))


def _about(title: str, text: str) -> float:
    """Share of the telling words of a title that a text has, in any inflection."""
    wanted = {word[:5] for word in words(title) if word not in _SHORT}
    return len(wanted & {word[:5] for word in words(text)}) / len(wanted) if wanted else 0.0


def _topic(section: Section, title: str) -> str:
    """A heading as it is said in a sentence, with what it stands under."""
    above = next((each for each in reversed(section.scope) if len(each.split()) <= 4), "")
    said = _lowered(title)
    return f'{said} under "{above}"' if above and len(title.split()) < 3 else said


def _lowered(title: str) -> str:
    """`Application Factories` -> `application factories`; names of code, and of one word in capitals, stay."""
    kept = [word if re.search(r"[A-Z].*[A-Z]|[._()\d]", word) else word.lower() for word in title.split()]
    return " ".join(kept)
