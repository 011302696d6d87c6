"""Records -> the same with what each validator says of them; those that one refuses are quarantined with the reason.

Pure: what was collected, and the records. A second model that judges is a function the caller brings.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher

from whence_indexer.terms import words
from whence_server.generation.prompt import UNKNOWN
from whence_training.errors import InputError
from whence_training.evaluation.leaks import refuse_leak
from whence_training.qa.collecting import Collected
from whence_training.qa.novelty import LIMIT, Pool, telling_words
from whence_training.qa.record import Evidence, Record, Verdict

# The probability, 0 to 1, that the answer is right, as another model says; None where it did not say.
Judge = Callable[[Record], float | None]
_SUPPORT = 0.8  # share of an answer's words that its quotes must have
_RELEVANT = 0.5  # share of the names in a question that its evidence must have
_EXTRACTIVE = 0.8  # share of an answer's words that stand in the quotes in one run or two
_AGREEMENT = 0.5
_DANGLING = re.compile(
    r"\b(?:this|that|these|those|the above|the following|the given|the provided)\s+(?:function|method|class|code"
    r"|file|line|"
    r"commit|change|passage|text|context|section|snippet|document|issue|pull request)\b|\b(?:it|they|he|she)\b(?!\S)",
    re.IGNORECASE,
)
_NAMED = re.compile(r"`([^`]+)`")
_ASKS = frozenset(
    "a an the is are was were be do does did of in on at to for from with by and or it i we you what why who when "
    "where how which that this can could would should there any me my our us so if has have had".split()
)


@dataclass(frozen=True)
class Sources:
    """What may be quoted: the lines of files, the text of commits and of threads, as they were collected."""

    files: dict[str, list[str]]
    commits: dict[str, str]
    threads: dict[tuple[str, int], list[str]]

    @classmethod
    def of(cls, collected: Collected) -> Sources:
        """The sources of a repository."""
        commits = {}
        for each in collected.changes:
            facts = f"Author: {each.author}\nDate: {each.date[:10]}\nFiles: {', '.join(each.paths)}"
            commits[each.sha] = f"{facts}\n\n{each.subject}\n\n{each.body}"
        threads: dict[tuple[str, int], list[str]] = {
            (thread.kind, thread.number): [f"{thread.title}\n\n{thread.body}", *(said.body for said in thread.comments)]
            for thread in collected.threads
        }
        return cls({file.path: file.text.split("\n") for file in collected.files}, commits, threads)

    def holds(self, evidence: Evidence, quote: str) -> bool:
        """Whether the place is there and has these words."""
        if evidence.path is not None:
            rows = self.files.get(evidence.path, [])
            there = "\n".join(rows[evidence.start_line - 1 : evidence.end_line])
            return 1 <= evidence.start_line <= evidence.end_line <= len(rows) and quote in there
        if evidence.commit is not None:
            said = self.commits.get(evidence.commit, "")
            return bool(said) and all(line in said for line in quote.split("\n"))
        return any(quote in text for text in self.threads.get((evidence.kind, evidence.thread or 0), ()))


def validate(
    records: Iterable[Record], sources: Sources | None, judge: Judge | None = None, novelty: float = LIMIT
) -> tuple[list[Record], list[Record]]:
    """(records that all validators pass, those that one refuses), each with its verdicts.

    Without `sources` the origin is not looked up: what was imported has none in the repository. Two that ask the same
    and answer otherwise are both refused; of two that ask nearly the same the later one is.
    """
    listed = list(records)
    answers: defaultdict[str, set[str]] = defaultdict(set)
    for record in listed:
        if record.answerable:
            answers[record.question.lower()].add(record.answer)
    pool = Pool(novelty)
    good: list[Record] = []
    bad: list[Record] = []
    for record in listed:
        verdicts = [
            _resolves(record, sources),
            _supported(record),
            _relevant(record),
            _self_contained(record),
            _asks(record),
            _unambiguous(record, answers[record.question.lower()]),
        ]
        if all(verdict.ok for verdict in verdicts) and record.answerable:
            verdicts.append(_novel(record, pool))
        if judge is not None and all(verdict.ok for verdict in verdicts):
            verdicts.append(_agreed(record, judge))
        judged = replace(record, verdicts=tuple(verdicts))
        (good if judged.ok else bad).append(judged)
    return good, bad


def extractive_share(record: Record) -> float:
    """How much of an answer is the words of its quotes in long runs, 0 to 1; 1 for an unanswerable question."""
    answer = words(record.answer)
    quoted = words(" ".join(quote.text for quote in record.quotes))
    if not record.answerable or not answer:
        return 1.0
    matcher = SequenceMatcher(None, answer, quoted, autojunk=False)
    return sum(block.size for block in matcher.get_matching_blocks() if block.size >= min(3, len(answer))) / len(answer)


def extractive_quota(records: Sequence[Record]) -> float:
    """The share of the answerable records whose answer is mostly quoted."""
    told = [record for record in records if record.answerable]
    return sum(extractive_share(record) >= _EXTRACTIVE for record in told) / len(told) if told else 1.0


def reasons(refused: Iterable[Record]) -> dict[str, int]:
    """How often each validator refused."""
    counts = Counter(verdict.validator for record in refused for verdict in record.verdicts if not verdict.ok)
    return dict(counts.most_common())


def _resolves(record: Record, sources: Sources | None) -> Verdict:
    for quote in record.quotes:
        if not 0 <= quote.evidence < len(record.context) or quote.text not in record.context[quote.evidence].text:
            return Verdict("origin", False, "the quote is not in the evidence shown")
    for evidence in record.context if sources is not None and record.category != "general" else ():
        if sources is not None and not sources.holds(evidence, evidence.text):
            return Verdict("origin", False, f"{evidence.place} does not hold what is shown of it")
    return Verdict("origin", True)


def _supported(record: Record) -> Verdict:
    if not record.answerable:
        told = record.answer == UNKNOWN and not record.quotes
        return Verdict("support", told, "" if told else "an unanswerable question is answered")
    borne = " ".join([*(q.text for q in record.quotes), *(_told_of(each) for each in record.origin)])
    present, said = set(words(borne)), words(record.answer)
    wanted = [word for word in said if word not in _ASKS] or said
    share = sum(word in present for word in wanted) / len(wanted) if wanted else 0.0
    ok = share >= _SUPPORT and bool(record.quotes)
    return Verdict("support", ok, "" if ok else f"only {share:.0%} of the answer is in what it quotes", round(share, 3))


def _relevant(record: Record) -> Verdict:
    """The names asked about are those of the evidence; of a question without any, some of its words."""
    if not record.answerable:
        return Verdict("relevancy", True)
    shown = " ".join([record.answer, *(f"{_told_of(each)} {each.text}" for each in record.origin)])
    present = {word[:5] for word in words(shown)}
    names = [word for name in _NAMED.findall(record.question) for word in words(name)]
    asked = names or [part for word in telling_words(record.question) for part in words(word)]
    share = sum(word[:5] in present for word in asked) / len(asked) if asked else 1.0
    if any(_pointer(evidence) in record.question for evidence in record.origin):
        share = 1.0
    needed = _RELEVANT if record.category != "general" else 0.0
    ok = share >= needed
    return Verdict("relevancy", ok, "" if ok else "the evidence is about something else", round(share, 3))


def _self_contained(record: Record) -> Verdict:
    bare = _NAMED.sub("NAME", record.question)
    dangling = _DANGLING.search(bare) if record.category != "general" else None
    if dangling:
        return Verdict("self-contained", False, f'"{dangling[0]}" means something that the question does not name')
    short = len(record.question.split()) < 2
    return Verdict("self-contained", not short, "it asks nothing" if short else "")


def _asks(record: Record) -> Verdict:
    """As evaluation holds it, which one such record would end."""
    try:
        refuse_leak(record, record.question, ())
    except InputError:
        return Verdict("open question", False, "the question holds its answer")
    return Verdict("open question", True)


def _unambiguous(record: Record, answers: set[str]) -> Verdict:
    clash = record.answerable and len(answers) > 1 and record.category != "general"
    return Verdict("unambiguous", not clash, f"it has {len(answers)} different answers" if clash else "")


def _novel(record: Record, pool: Pool) -> Verdict:
    repeated = pool.add(record.question, f"{record.type} {record.category == 'general'}")
    return Verdict("novelty", repeated is None, "" if repeated is None else f"it asks again for: {repeated}")


def _agreed(record: Record, judge: Judge) -> Verdict:
    score = judge(record)
    if score is None:
        return Verdict("agreement", False, "the second model did not say")
    ok = score >= _AGREEMENT
    return Verdict("agreement", ok, "" if ok else "the second model answers otherwise", round(score, 3))


def _pointer(evidence: Evidence) -> str:
    """How a question points straight at a commit or thread; a file is not enough."""
    return evidence.commit[:10] if evidence.commit else f"#{evidence.thread}" if evidence.thread else "\0"


def _told_of(evidence: Evidence) -> str:
    """What the prompt says of evidence besides its text."""
    number = f"#{evidence.thread}" if evidence.thread else ""
    commit = f"{evidence.commit} commit {evidence.commit[:10]}" if evidence.commit else ""
    return " ".join(filter(None, (evidence.path, evidence.symbol, commit, evidence.date, evidence.kind, number)))
