"""What an editor offers on a selection: what it is, why it is so, who knows it, and what is like it.

Each gives an answer with verified citations. Lines are those on screen: `contents` is the file where it differs from
the disk.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace

from whence_indexer.allowing import read_allowed
from whence_indexer.errors import QueryError, RepositoryError, SourceError
from whence_indexer.finder import Finder
from whence_indexer.history import instant
from whence_indexer.lineage import Shaper
from whence_indexer.ownership import Owner, find_ownership
from whence_indexer.parsed import Definition, parse
from whence_indexer.query import parse_query
from whence_indexer.redaction import redact
from whence_indexer.repository import Repository
from whence_indexer.source import find_source
from whence_indexer.terms import words
from whence_indexer.types import Citation, Hit, Span
from whence_server import extractive
from whence_server import why as whys
from whence_server.citations import verify
from whence_server.descriptions import named
from whence_server.markup import cell, code, lines_of, plain
from whence_server.opened import text_of
from whence_server.passages import MAX_LINES, Passage, best_passage
from whence_server.receipts import citation_url, in_history
from whence_server.summaries import summary
from whence_server.types import Answer, Explanation, Model, Timings

EXTRACTIVE, HISTORY = Model("extractive"), Model("history")
RELATED = 2  # other places that an explanation quotes
SIMILAR = 5
_OWNERS = 8  # named; more nobody asks
_LIKE = 0.35  # cosine below which two pieces of code have nothing in common but the language
_LOOKED_AT = 8
_WORDS = 60  # of a selection, by which the lines most like it are chosen


def explain(searcher: Finder, repository: Repository, span: Span, contents: str | None = None) -> Answer:
    """What the lines of `span` are: the definition around them, other places that tell of it, and why it is so.

    Raises `SourceError` where the file, or these lines, are not there.
    """
    started = time.monotonic()
    text = _text(repository, span, contents)
    definition = _innermost(span, text)
    if not "".join(text.split("\n")[span.start_line - 1 : span.end_line]).strip():
        within = f", in {code(definition.name)}" if definition else ""
        return _answer(f"{_place(span)} is blank{within}.", 0.9, [], EXTRACTIVE, started, time.monotonic())
    shown = Span(span.path, definition.first, definition.last) if definition else span
    own = _passage(span if span.end_line > span.start_line else shown, text, definition)
    citations, blocks = [_cited(1, own)], [extractive.render("", [own], [_cited(1, own)])]
    said = summary(span.path, text, definition) if definition else ("", False)
    told = f": {plain(said[0]) if said[1] else code(said[0])}" if said[0] else ""
    lead = [f"{code(definition.name)}{told} [1]"] if definition else []
    for passage in _related(searcher, repository, definition, said[0], shown) if definition else ():
        citations.append(_cited(len(citations) + 1, passage))
        blocks.append(extractive.render("", [named(passage, searcher, repository)], citations[-1:]))
    retrieved = time.monotonic()
    reason, citations = _with_reason(repository, _widened(span, text), contents, citations)
    body = "\n\n".join([*lead, *reason, *blocks])
    return _answer(body, 0.9 if said[1] else 0.75, citations, EXTRACTIVE, started, retrieved)


def why(repository: Repository, span: Span, contents: str | None = None) -> Explanation:
    """Why the lines, or the definition whose name is on the one line, are as they are: see `why.explain`."""
    source = find_source(repository, span.path, span.start_line, span.end_line, contents)
    return whys.explain(repository, _widened(span, source.text), contents=contents)


def who(repository: Repository, span: Span, contents: str | None = None) -> Answer:
    """Whose the lines are, by share, and who last understood the file; each with a commit of theirs in it.

    Raises `SourceError` where the lines have no history.
    """
    started = time.monotonic()
    source = find_source(repository, span.path, span.start_line, span.end_line, contents)
    span = _widened(span, source.text)
    found = find_ownership(repository, source, [(span.start_line, span.end_line)])
    owners, last = found.owners, found.last
    retrieved = time.monotonic()
    citations = _receipts(repository, owners, found.shapers)
    number = {owner: citation.id for owner, citation in citations.items()}
    counted = sum(owner.lines for owner in owners)
    place = _place(span)
    if not counted:
        return _answer(f"{place} is in no commit yet.", 0.9, [], HISTORY, started, retrieved)
    rows = [_row(owner, counted, number.get(owner.author)) for owner in owners if owner.lines][:_OWNERS]
    lead = f"Of {place} most lines are by {plain(owners[0].author)} ({_share(owners[0], counted)})"
    if owners[0].lines == span.end_line - span.start_line + 1:
        lead = f"{'' if counted == 1 else 'All of '}{place} is by {plain(owners[0].author)}"
    lead += f" [{number[owners[0].author]}]." if owners[0].author in number else "."
    if last is not None:
        lead += f" Last changed by {plain(last.author)}, on {last.last[:10]}."
    table = "\n".join(["| author | lines | share | commits | last |", "| --- | --: | --: | --: | --- |", *rows])
    return _answer(f"{lead}\n\n{table}", 0.9, list(citations.values()), HISTORY, started, retrieved)


def similar(searcher: Finder, repository: Repository, span: Span, contents: str | None = None) -> Answer:
    """The places of the repository nearest in meaning to the lines, which themselves are left out."""
    started = time.monotonic()
    text = _text(repository, span, contents)
    definition = _innermost(span, text)
    if span.start_line == span.end_line and definition:  # one line is like very many
        span = Span(span.path, definition.first, definition.last)
    lines = text.split("\n")[span.start_line - 1 : span.end_line]
    chosen = "\n".join(lines).strip("\n")
    if not chosen.strip():
        raise QueryError("the selection is empty: there is nothing to compare")
    hits = searcher.similar(chosen, _LOOKED_AT, span)
    retrieved = time.monotonic()
    weights = searcher.rarity(list(dict.fromkeys(words(chosen)))[:_WORDS])
    found = [best_passage(hit, weights) for hit in hits if hit.score >= _LIKE]
    standing = [passage for passage in found if verify(_cited(1, passage), repository, searcher)][:SIMILAR]
    kept = [named(passage, searcher, repository) for passage in standing]
    citations = [_cited(number, passage) for number, passage in enumerate(kept, 1)]
    place = _place(span)
    if not kept:
        return _answer(f"Nothing in this repository is like {place}.", 0.0, [], EXTRACTIVE, started, retrieved)
    blocks = [
        f"{extractive.render('', [passage], [citation])}\n\n{passage.hit.score:.0%} alike"
        for passage, citation in zip(kept, citations, strict=True)
    ]
    lead = f"Most like {place}, by meaning and words:"
    return _answer("\n\n".join([lead, *blocks]), kept[0].hit.score, citations, EXTRACTIVE, started, retrieved)


def _widened(span: Span, text: str) -> Span:
    """The line of its name stands for a definition."""
    named = [each for each in parse(span.path, text).definitions if each.line == span.start_line == span.end_line]
    return Span(span.path, named[0].first, named[0].last) if named else span


def _place(span: Span) -> str:
    return code(f"{span.path}:{lines_of(span.start_line, span.end_line)}")


def _text(repository: Repository, span: Span, contents: str | None) -> str:
    """The file as it is on screen, redacted. Raises `SourceError` where these lines are not in it."""
    text = (
        text_of(repository, span.path, large=True)
        if contents is None
        else redact(contents, read_allowed(repository)[0]).text
    )
    if text is not None and "\0" in text:
        raise SourceError(f"{span.path} is binary: it has no lines")
    if text is None:
        raise SourceError(f"{span.path} is not there, or no text that is read")
    count = text.count("\n") + (not text.endswith("\n"))
    if not 1 <= span.start_line <= span.end_line <= count:
        raise SourceError(f"{span.path} has {count:,} lines; there is no line {span.end_line:,}")
    return text


def definitions_at(repository: Repository, span: Span, contents: str | None = None) -> list[Definition]:
    """The smallest definition that holds the lines, else all that begin or end among them.

    Raises `SourceError` where the file, or these lines, are not there.
    """
    text = _text(repository, span, contents)
    held = _holding(span, text)
    every = [each for each in parse(span.path, text).definitions if not each.variable]
    return held or [each for each in every if each.first <= span.end_line and each.last >= span.start_line]


def _innermost(span: Span, text: str) -> Definition | None:
    """The smallest definition that holds the lines, else the first one among them."""
    every = [each for each in parse(span.path, text).definitions if not each.variable]
    among = [each for each in every if span.start_line <= each.line <= span.end_line]
    return next(iter([*_holding(span, text), *among]), None)


def _holding(span: Span, text: str) -> list[Definition]:
    """The smallest definition that holds the lines, if one does."""
    every = [each for each in parse(span.path, text).definitions if not each.variable]
    holding = [each for each in every if each.first <= span.start_line and span.end_line <= each.last]
    return sorted(holding, key=lambda each: each.last - each.first)[:1]


def _passage(span: Span, text: str, definition: Definition | None) -> Passage:
    """The first lines of `span`, as they are in the text, without blank ones at either end."""
    rows, first, last = text.split("\n"), span.start_line, span.end_line
    while first < last and not rows[first - 1].strip():
        first += 1
    last = min(last, first + MAX_LINES - 1)
    while first < last and not rows[last - 1].strip():
        last -= 1
    quote = "\n".join(rows[first - 1 : last])
    hit = Hit("code", 1.0, quote, span.path, first, last, definition.name if definition else None)
    return Passage(hit, first, quote)


def _related(
    searcher: Finder, repository: Repository, definition: Definition, said: str, shown: Span
) -> Iterable[Passage]:
    """Passages elsewhere that name the definition: first one of the documentation, if there is one."""
    name = definition.name.rpartition(".")[2]
    query = parse_query(f"{name} {said}")
    weights = searcher.rarity(query.content)
    hits = [hit for hit in searcher.search(query, 4 * _LOOKED_AT, ("code", "doc")) if not _meets(hit, shown)]
    passages = [best_passage(hit, {**weights, name.lower(): 10.0}) for hit in hits]
    naming = [passage for passage in passages if name in passage.quote and passage.hit.path != shown.path]
    order = sorted(naming, key=lambda passage: passage.hit.kind != "doc")
    first = [passage for passage in order[:1] if passage.hit.kind == "doc"]
    chosen = [*first, *(passage for passage in naming if passage not in first)]
    return [passage for passage in chosen[:_LOOKED_AT] if verify(_cited(1, passage), repository, searcher)][:RELATED]


def _meets(hit: Hit, span: Span) -> bool:
    return hit.path == span.path and (hit.start_line or 0) <= span.end_line and (hit.end_line or 0) >= span.start_line


def _with_reason(
    repository: Repository, span: Span, contents: str | None, citations: list[Citation]
) -> tuple[list[str], list[Citation]]:
    """A paragraph on why the lines are so, or what changed them last, and the citations with the one it needs."""
    try:
        explained = whys.explain(repository, span, contents=contents)
    except RepositoryError:  # the file is in no history
        return [], citations
    if not explained.answer.citations:
        return [], citations
    number, first = len(citations) + 1, explained.answer.citations[0]
    now = [change for change in explained.history if not change.earlier]
    replaced = first.commit in {change.commit for change in explained.history if change.earlier}
    if explained.recorded and not replaced:
        said = "Why: " + explained.answer.text.partition("\n\n")[0].replace("[1]", f"[{number}]")
        return [said], [*citations, replace(first, id=number)]
    for change in now[:1]:  # a reason for what the lines replaced is none for them
        url = citation_url(repository, change.commit)
        citation = Citation(number, "commit", change.subject, commit=change.commit, url=url)
        if in_history(citation, repository):
            said = f"Changed by {plain(change.author)} on {change.date[:10]}: {plain(change.subject)} [{number}]"
            return [said], [*citations, citation]
    return [], citations


def _receipts(repository: Repository, owners: Sequence[Owner], shapers: Sequence[Shaper]) -> dict[str, Citation]:
    """By author the newest commit that the lines are from."""
    found: dict[str, Citation] = {}
    for owner in owners[:_OWNERS]:
        own = [shaper.commit for shaper in shapers if shaper.commit.author == owner.author and not shaper.earlier]
        newest = max(own, key=lambda commit: instant(commit.date), default=None)
        if newest is None:
            continue
        url = citation_url(repository, newest.sha)
        citation = Citation(len(found) + 1, "commit", newest.subject, commit=newest.sha, url=url)
        if in_history(citation, repository):
            found[owner.author] = citation
    return found


def _row(owner: Owner, counted: int, receipt: int | None) -> str:
    cited = f" [{receipt}]" if receipt else ""
    return (
        f"| {cell(owner.author)}{cited} | {owner.lines:,} | {_share(owner, counted)} | {owner.commits:,}"
        f" | {owner.last[:10]} |"
    )


def _share(owner: Owner, counted: int) -> str:
    return f"{owner.lines / counted:.0%}"


def _cited(number: int, passage: Passage) -> Citation:
    return extractive.cite(number, passage, None)


def _answer(
    text: str, confidence: float, citations: Sequence[Citation], model: Model, started: float, retrieved: float
) -> Answer:
    total = round(time.monotonic() - started, 4)
    timings = Timings(round(retrieved - started, 4), total, total)
    return Answer(text, round(min(confidence, 1.0), 3), not confidence, tuple(citations), model, timings)
