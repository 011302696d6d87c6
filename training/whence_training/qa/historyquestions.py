"""A commit -> questions of why, who, when, where and what that its message and what git knows of it answer.

Pure. Asked are only changes that their subject tells apart from others; why only where the body says why.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from whence_server.reasons import CAUSE, PROBLEM, Reason, find_reasons
from whence_training.qa import templates
from whence_training.qa.collecting import Change
from whence_training.qa.material import is_test
from whence_training.qa.quoting import evidence_of, is_sentence, locate
from whence_training.qa.record import Evidence, Grade, Record
from whence_training.qa.wording import Phrase, phrase

_PREFIX = re.compile(r"^(?:[a-z]+(?:\([\w ,./*-]*\))?!?|[\w./-]{2,30}):\s+(?=\S)|^\[[^\]]{1,30}\]\s+")
_NUMBER = re.compile(
    r"[,;.(\s]*(?:\b(?:re|refs?|see|closes?d?|fix(?:e[sd])?|resolves?d?|this fixes|issue|pr)\s*:?\s*)?(?:#"
    r"|GH-)\d+\)?",
    re.IGNORECASE,
)
_VAGUE = re.compile(
    r"^(?:(?:a|an|the|some|more|few|all|any|another|various|minor|small|little|several|multiple|old|new|many|other"
    r"|last|first|"
    r"missing|broken|failing|wrong|stupid|and|of|to|in|for|on|with|from|review|unit|code|doc|docs?|documentation"
    r"|docstrings?|tests?|test case|"
    r"comments?|bugs?|issues?|typos?|errors?|things?|stuff|it|this|that|them|file|files|build|ci|travis|changelog"
    r"|changes|readme|version|"
    r"formatting|warnings?|imports?|example|examples|feedback|suggestions|details|word(ing)?|grammar|links?|note"
    r"|notes|section|text|info|"
    r"information|support|up|out|again|better|also|example app|requirements|dependencies|setup\.py|authors?|license"
    r"|copyright|python|handling|"
    r"improvements?|cleanup|refactor(ing)?|problem|problems|copy|paste|line|lines|entry|entries|style|more"
    r"|description|message|messages|paragraph|sentence)\b[\s,.!:]*)*$",
    re.IGNORECASE,
)
_PRONOUN = re.compile(
    r"^(?:it|they|he|she|i|we|these|those|here|there|but|and|or|however|also|then|instead|which|otherwise|see|note"
    r"|thanks?|hi|please|no longer|fixme|todo|a bisect)\b",
    re.IGNORECASE,
)
_DANGLING = re.compile(
    r"\b(?:it|them|this|that|its|their|here|there|above|below|previous|last commit|you|my|i)\b", re.IGNORECASE
)
_DOC_PATH = re.compile(
    r"(^|/)(docs?|examples?)/|(^|/)(change(s|log)|history|news|authors|readme)|\.(md|rst|txt|cfg|toml|ya?ml|lock"
    r"|ini)$",
    re.IGNORECASE,
)
# What makes a sentence a reason: a plain word of cause, or of what was wrong, in a clause with a verb of its own.
_CAUSE = re.compile(
    r"\b(?:because|so that|so (?:we|it|they|users|you|this|that)\b|in order to|to (?:avoid|prevent|ensure|allow"
    r"|make sure|make it|"
    r"support|keep|reduce|simplify)|otherwise|due to|caused by|the (?:reason|problem|issue|idea|goal|motivation)\b"
    r"|since (?!\d|v)|"
    r"therefore|prevents?|avoids?|leads? to|led to|which (?:means|broke|breaks|caused|causes|made|makes)|previously"
    r"|used to|"
    r"before this|until now|unnecessary|redundant|deprecated|no longer|(?:do|does|did|could|can|was|is|were|would"
    r"|should)(?:n't| not)|"
    r"cannot|fail(?:s|ed)?|br[eo]ke?n?s?|crash\w*|leak\w*|wrong\w*|incorrect\w*|bugs?|instead of|allows?"
    r"|makes? it)\b",
    re.IGNORECASE,
)
_CLAUSE = re.compile(
    r"\b(?:is|are|was|were|does|do|did|has|have|had|can|could|would|will|may|might|should|isn't|aren't|wasn't"
    r"|weren't|doesn't|don't|"
    r"didn't|can't|cannot|couldn't|wouldn't|won't|fails?|failed|raises?|raised|breaks?|broke|crash(?:es|ed)|causes?"
    r"|caused|"
    r"leaks?|hangs?|means|makes?|made|allows?|prevents?|avoids?|requires?|uses?|used|returns?|returned|needs?|leads?"
    r"|led)\b",
    re.IGNORECASE,
)
_NO_VERB = frozenset("test do doc".split())  # at the beginning of a title mostly a noun, or a negation
_AUXILIARY = re.compile(
    r"^(?:should|is|are|was|were|must|can|does|do|will|would|not|now|has|have|fails?|failed|raises?)\b", re.IGNORECASE
)
_NOUN_BEFORE = re.compile(r"^(?:for|of|in|from|on)\b", re.IGNORECASE)
_WITH_PREPOSITION = frozenset("work look wait deal go fall depend rely listen operate".split())
_OPEN_END = re.compile(
    r"\b(?:for|to|in|of|on|with|from|by|and|or|the|a|an|as|at|when|if|that|than|into|is|not"
    r"|to (?:improve|support|avoid|allow|prevent|make|use|fix|be|get|have))\Z",
    re.IGNORECASE,
)
_FEWEST, _MOST = 3, 16  # words of a subject that is asked about
_MOST_FILES = 4


def history_records(change: Change) -> Iterator[Record]:
    """All questions of one commit."""
    subject = plain_subject(change.subject)
    said = _asked(subject)
    yield from _why(change, subject, said)
    if said is not None and _is_of_code(change):
        yield from _facts(change, said)
    yield from _what(change, subject)


def plain_subject(subject: str) -> str:
    """A subject without its kind, its numbers of issues and its full stop: `fix(tree): mend a (#12)` -> `mend a`."""
    bare = _NUMBER.sub("", _PREFIX.sub("", subject.strip())).strip()
    return bare.rstrip(" .,;:-(")


def history_evidence(change: Change) -> Evidence:
    """The commit as the server shows one: its message."""
    text = "\n\n".join(filter(None, (change.subject, change.body)))
    return Evidence("commit", text, commit=change.sha, date=change.date)


def known_evidence(change: Change) -> Evidence:
    """The commit as git shows it: author, date, files and message."""
    files = ", ".join(path for path in change.paths[: 2 * _MOST_FILES])
    text = f"Author: {change.author}\nDate: {change.date[:10]}\nFiles: {files}\n\n{change.subject}"
    return Evidence("commit", text, commit=change.sha, date=change.date)


def asked_phrase(title: str) -> Phrase | None:
    """What a title says was done, where it can stand in a question by itself."""
    return _asked(plain_subject(title))


def group_of(change: Change) -> str:
    """What may not be split from the questions of this commit: its pull request or issue, else itself."""
    number = next(iter((*change.closes, *filter(None, (change.pull,)), *change.threads)), None)
    return f"thread {number}" if number else f"commit {change.sha}"


def says_why(reason: Reason) -> bool:
    """Whether a sentence gives the reason of a change by itself: a cause, or what was wrong before."""
    sentence = reason.sentence
    if reason.strength < PROBLEM or not is_sentence(sentence) or _PRONOUN.match(sentence) or _PREFIX.match(sentence):
        return False
    done = phrase(sentence)
    listed = done is not None and (done.form == "base" or (done.form == "past" and reason.strength < CAUSE))
    return not listed and _CAUSE.search(sentence) is not None and _CLAUSE.search(sentence) is not None


def _asked(subject: str) -> Phrase | None:
    said = phrase(subject)
    if said is None or said.form == "gerund" or said.verb in _NO_VERB or not _FEWEST <= len(subject.split()) <= _MOST:
        return None
    rest = said.rest.strip()
    if (
        _VAGUE.match(rest)
        or _DANGLING.search(rest)
        or _OPEN_END.search(rest)
        or re.search(r"[.!?;:]\s|\bhttps?:|\.\.\.|\*|\+|[\"']{1}$|, \w+(?:ed|s)\b", rest)
    ):
        return None
    if _AUXILIARY.match(rest) or " will " in rest or (_NOUN_BEFORE.match(rest) and said.verb not in _WITH_PREPOSITION):
        return None
    if rest.count("`") % 2 or rest.count('"') % 2 or rest.count("(") != rest.count(")"):
        return None
    return said


def _why(change: Change, subject: str, said: Phrase | None) -> Iterator[Record]:
    body = change.body
    reason = next(filter(says_why, find_reasons("", body)), None)
    evidence = history_evidence(change)
    rows = evidence.text.split("\n")
    place = locate(reason.sentence, rows) if reason else None
    if reason is None or place is None or not subject or _VAGUE.match(subject) or _OPEN_END.search(subject):
        return
    if said is not None:
        asked = templates.chosen(templates.WHY_CHANGE, change.sha, base=said.base, past=said.past)
    elif 3 <= len(subject.split()) <= _MOST and '"' not in subject:
        asked = templates.chosen(templates.WHY_TITLE, change.sha, of=subject)
    else:
        return
    grade: Grade = ("why", "medium" if reason.strength == CAUSE else "hard")
    answer = reason.sentence if reason.sentence[-1] in ".!?" else f"{reason.sentence}."
    yield _record(change, grade, asked, answer, evidence, place, "reason")


def _facts(change: Change, said: Phrase) -> Iterator[Record]:
    evidence = known_evidence(change)
    sha = change.sha[:10]
    kind = int(change.sha[:6], 16) % 4  # of who, when and where one is asked: all of them would be one question
    if kind in {0, 1} and change.author and "«" not in change.author:
        asked = templates.chosen(templates.WHO, change.sha, base=said.base, past=said.past)
        yield _record(change, ("who", "easy"), asked, f"{change.author}, in commit {sha}.", evidence, (0, 0), "author")
    elif kind == 2:
        asked = templates.chosen(templates.WHEN, change.sha, base=said.base, past=said.past)
        answer = f"On {change.date[:10]}, in commit {sha}."
        yield _record(change, ("when", "easy"), asked, answer, evidence, (1, 1), "date")
    elif kind == 3 and len(change.paths) <= _MOST_FILES:
        asked = templates.chosen(templates.WHERE_CHANGE, change.sha, base=said.base)
        answer = f"In {' and '.join(f'`{path}`' for path in change.paths)}."
        yield _record(change, ("where", "easy"), asked, answer, evidence, (2, 2), "files")


def _is_of_code(change: Change) -> bool:
    return any(not _DOC_PATH.search(path) and not is_test(path) for path in change.paths)


def _what(change: Change, subject: str) -> Iterator[Record]:
    """What a commit did: asked of one place that it changed."""
    named = [(path, symbol) for path, symbol in change.places if symbol and not is_test(path)]
    others = [path for path in change.paths if not _DOC_PATH.search(path) and not is_test(path)]
    if (
        len(named) != 1
        or len(change.places) > 4
        or len(others) != 1
        or len(subject.split()) < 4
        or _VAGUE.match(subject)
        or _OPEN_END.search(subject)
        or len(subject) > 120
        or change.sha[0] not in "0369c"
    ):
        return
    path, symbol = named[0]
    evidence = history_evidence(change)
    asked = templates.chosen(templates.WHAT_CHANGE, change.sha, name=f"`{symbol}` in `{path}`", of=change.sha[:10])
    answer = f"{subject[:1].upper()}{subject[1:]}."
    yield _record(change, ("what", "easy"), asked, answer, evidence, (0, 0), "commit")


def _record(
    change: Change, grade: Grade, question: str, answer: str, whole: Evidence, rows: tuple[int, int], generator: str
) -> Record:
    shown, quote = evidence_of(whole, *rows)
    group = group_of(change)
    told = (change.author, change.date)
    return Record("history", *grade, question, answer, (shown,), (quote,), f"rules:{generator}", group, *told)
