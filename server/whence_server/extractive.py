"""Hits -> an answer made of evidence alone: no language model writes a word of it.

Takes a parsed question and its hits, returns a `Draft`: Markdown with `[n]` and the citations it refers to, unverified.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import astuple, dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from whence_indexer.query import Query
from whence_indexer.ranking import is_test
from whence_indexer.types import Citation, Hit
from whence_server.markup import code, lines_of, plain, quoted, without_roles
from whence_server.passages import Passage, best_passage, coverage, is_whole, sentences, signature
from whence_server.reasons import Reason, find_reasons

PASSAGES = 4  # quoted under an answer: enough to see the surroundings, few enough to read
ABSTAIN_BELOW = 0.5
NEARLY_NOTHING = 0.05  # a confidence below which what is nearest is hardly near: one piece shows it
ABSTENTION = "I don't know: nothing in this repository clearly answers that. The nearest evidence:\n\n"
LEADS_FROM = 6  # hits searched for the sentence that answers
_OPENING = 0.2  # the first sentence of a passage says what the rest explains
_FIT = 0.85  # of the value of the likest text, for a sentence that leads in its place
_HISTORY_LEAD = 1.15  # what was told in a commit or thread leads when history is asked for

_MERGE_TITLE = re.compile(r"Merge (pull request|branch|remote-tracking branch|tag)\b")

_NONE: Mapping[Hit, Reason] = MappingProxyType({})

Embed = Callable[[Sequence[str]], NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Support:
    """How well the evidence answers, each 0 to 1: likeness of the best passages, and of the leading sentence, to the
    question; share of the question's words in the passages; share of the names, and of the numbers, it spells out that
    exist there; share of its words that the repository knows at all."""

    likeness: float
    lead: float
    coverage: float
    names: float
    numbers: float = 1.0
    known: float = 1.0


@dataclass(frozen=True, slots=True)
class Draft:
    """An answer before its citations are verified. `passages[n]` is what citation n + 1 quotes."""

    lead: str
    passages: tuple[Passage, ...]
    support: Support


def draft(
    query: Query,
    hits: Sequence[Hit],
    weights: Mapping[str, float],
    embed: Embed,
    leads_from: int = LEADS_FROM,
    reasons: Mapping[Hit, Reason] = _NONE,
    unknown: Collection[str] = (),
    most: int = PASSAGES,
) -> Draft:
    """The best passages of `hits`, led by the sentence or definition of the first `leads_from` that answers `query`.

    `weights` are the question's words with their rarity; `embed` is the index's own embedder. Of a hit in `reasons`
    that reason is quoted, and it leads where the hit is the first. The words in `unknown` are nowhere in the
    repository. At most `most` passages are quoted.
    """
    passages = [_reasoned(hit, reasons[hit]) if hit in reasons else best_passage(hit, weights) for hit in hits]
    question = embed([query.text])[0]
    first: tuple[int, ...] = (0,)
    if hits and hits[0] in reasons:
        sentence = reasons[hits[0]].sentence
        lead, lead_score = sentence, float(embed([sentence])[0] @ question)
    else:
        lead, lead_score, first = _lead(query, passages[:leads_from], weights, question, embed)
    chosen = _chosen(passages, first, most)
    return Draft(lead, chosen, _support(query, chosen, weights, question, embed, lead_score, unknown))


def render(lead: str, passages: Sequence[Passage], citations: Sequence[Citation]) -> str:
    """Markdown: the leading sentence, then each passage under its place, every one with its `[n]`."""
    blocks = [f"{plain(without_roles(lead))} [{citations[0].id}]"] if lead else []
    for passage, citation in zip(passages, citations, strict=True):
        blocks.append(f"{_place(passage, citation)} [{citation.id}]\n\n{quoted(passage.quote)}")
    return "\n\n".join(blocks)


def cite(number: int, passage: Passage, url: str | None) -> Citation:
    """Citation `number` of a passage."""
    hit = passage.hit
    in_file = hit.path is not None
    in_cell = in_file and str(hit.path).endswith(".ipynb")  # rows of a cell are not rows of its file
    return Citation(
        id=number,
        kind=hit.kind,
        quote=passage.quote,
        path=hit.path,
        start_line=(hit.start_line if in_cell else passage.start_line) if in_file else None,
        end_line=(hit.end_line if in_cell else passage.end_line) if in_file else None,
        commit=hit.commit,
        thread=hit.thread,
        url=url,
    )


def confidence(support: Support) -> float:
    """Probability, 0 to 1, that the evidence answers: a logistic function of the support.

    Its coefficients are fitted by `tests/benchmarks/abstention.py`: questions asked of their own repository against
    the same questions asked of another one.
    """
    z = BIAS + sum(weight * getattr(support, name) for name, weight in COEFFICIENTS.items())
    return 1 / (1 + math.exp(-z))


# Three of the questions hold a number: of what was fitted for those, 4.67, a half is taken, the rest is in the bias.
BIAS = -14.67
COEFFICIENTS = {"likeness": 14.43, "lead": 0.92, "coverage": 0.53, "names": 3.52, "numbers": 2.5, "known": 3.25}


def _reasoned(hit: Hit, reason: Reason) -> Passage:
    """The lines of a message, or of code, that hold the reason."""
    before = hit.text.partition(reason.quote)[0] if reason.quote else ""
    return Passage(hit, (hit.start_line or 1) + before.count("\n"), reason.quote)


def _chosen(passages: Sequence[Passage], first: Sequence[int], most: int) -> tuple[Passage, ...]:
    """The leading passage and the next best; what was told leaves one place to the code as it is, if there is some."""
    order = [passages[place] for place in dict.fromkeys([*first, *range(len(passages))])]
    files = any(passage.hit.path is not None for passage in order)
    told = [passage for passage in order if passage.hit.path is None][: most - files]
    chosen = [passage for passage in order if passage.hit.path is not None or passage in told]
    return tuple(chosen[:most])


def _lead(
    query: Query, passages: Sequence[Passage], weights: Mapping[str, float], question: NDArray[np.float32], embed: Embed
) -> tuple[str, float, tuple[int, ...]]:
    """(sentence, likeness to the question of the likest one, passages of both); no sentence where none is fit."""
    found = [
        (text, index, position == 0, fit)
        for index, passage in enumerate(passages)
        for position, (text, fit) in enumerate(_candidates(query, passage))
    ]
    if not found:
        return "", 0.0, ()
    likeness = embed([text for text, *_ in found]) @ question
    top = max(passage.hit.score for passage in passages) or 1.0

    def value(place: int) -> float:
        text, index, opens, _ = found[place]
        hit = passages[index].hit
        preferred = _HISTORY_LEAD if query.intent == "history" and hit.path is None else 1.0
        likeness_and_words = float(likeness[place]) + coverage(text, weights)
        return preferred * (likeness_and_words + hit.score / top + _OPENING * opens)

    likest = max(range(len(found)), key=value)
    fit = (place for place, each in enumerate(found) if each[3] and value(place) >= _FIT * value(likest))
    best = max(fit, key=value, default=None)
    if best is None:
        return "", float(likeness[likest]), ()
    return found[best][0], float(likeness[likest]), (found[best][1], found[likest][1])


def _candidates(query: Query, passage: Passage) -> list[tuple[str, bool]]:
    """What may be likest to the question, and whether it could lead: the definition itself when its place is asked for,
    whole sentences otherwise.

    Of a commit that is asked why it was made, what it did is no answer.
    """
    if query.asks_why and passage.hit.kind == "commit":
        subject, _, body = passage.hit.text.partition("\n\n")
        reasons = {reason.sentence for reason in find_reasons(subject, body)}
        return [(sentence, True) for sentence in sentences(passage) if sentence in reasons]
    definition = signature(passage)
    prose = [sentence for sentence in sentences(passage) if not _MERGE_TITLE.match(sentence)]
    whole = [(sentence, is_whole(sentence, passage)) for sentence in prose]
    if definition and (query.intent == "definition" or not prose):
        return [(f"`{definition}`", query.intent == "definition" and not is_test(str(passage.hit.path))), *whole]
    return whole


def _support(
    query: Query,
    passages: Sequence[Passage],
    weights: Mapping[str, float],
    question: NDArray[np.float32],
    embed: Embed,
    lead: float,
    unknown: Collection[str],
) -> Support:
    if not passages:
        return Support(0.0, 0.0, 0.0, 0.0)
    texts = [_searched(passage.hit) for passage in passages]
    likeness = np.sort(embed(texts) @ question)[::-1]
    everything = "\n".join(texts)
    when = astuple(query.period) if query.period else ()  # the evidence need not repeat it
    numbers = [word for word in weights if word[0].isdigit() and not any(word in text for text in when)]
    present = [name.rpartition(".")[2] in everything for name in query.names]
    missing = [word for word in weights if word in unknown and not coverage(everything, {word: 1.0})]  # in any form
    return Support(
        likeness=float(likeness[:2].mean()),
        lead=max(lead, 0.0),
        coverage=coverage(everything, weights),
        names=sum(present) / len(present) if present else 1.0,
        numbers=1.0 if not numbers else sum(coverage(everything, {word: 1.0}) for word in numbers) / len(numbers),
        known=1 - len(missing) / max(len(weights), 1),
    )


def _searched(hit: Hit) -> str:
    """All that a hit may be asked for by."""
    number = f"#{hit.thread}" if hit.thread else None
    return " ".join(filter(None, (hit.path, hit.symbol, number, hit.text)))


def _place(passage: Passage, citation: Citation) -> str:
    hit = passage.hit
    by = ", ".join(filter(None, (plain(hit.author or ""), (hit.date or "")[:10])))
    if hit.kind in ("issue", "pull"):  # also where it is the thread of a commit: these are not the commit's words
        return f"**{'pull request' if hit.kind == 'pull' else hit.kind} #{hit.thread}**" + (f", {by}" if by else "")
    if hit.commit is not None:
        return f"**commit {hit.commit[:10]}**" + (f" (#{hit.thread})" if hit.thread else "") + (f", {by}" if by else "")
    symbol = f" — {code(hit.symbol)}" if hit.symbol else ""
    return f"**{plain(citation.path or '')}:{lines_of(citation.start_line, citation.end_line)}**{symbol}"
