"""A question that only points at something -> an answer about just that: the lines under the cursor, or the commit,
thread or lines that the last answer of the conversation showed first.

Takes a question that is `asked` of something; asks git, and the index for tests. What was pointed at is looked up, not
searched for: where it is not clear, or has nothing to tell, the answer says so.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from itertools import islice

from whence_indexer.errors import RepositoryError
from whence_indexer.finder import Finder
from whence_indexer.history import instant, read_commits, read_message, resolve_commit
from whence_indexer.query import parse_query
from whence_indexer.ranking import is_test
from whence_indexer.repository import Repository
from whence_indexer.threads import Thread
from whence_indexer.types import Citation, Hit, Span
from whence_indexer.versions import first_told
from whence_server import actions, extractive, why
from whence_server.citations import verify
from whence_server.descriptions import named, place_of
from whence_server.discussions import find_told, imported_threads
from whence_server.inquiry import commit_hit
from whence_server.markup import code, plain
from whence_server.passages import MAX_LINES, Passage, best_passage
from whence_server.receipts import citation_url
from whence_server.types import Answer, Asked, Question, Timings

_UNCLEAR = "I don't know what is meant: the last answer showed nothing for certain. Name it, or ask with its lines."
_NO_COMMIT = "I don't know: there is no commit {} here."
_UNTESTED = "I don't know: no test was found that names {}."
_LOOKED_AT = 60  # passages found by the name, of which many are no tests
_SHOWN = 4
_BROUGHT = 20  # commits by a merge that are looked into
_SURE, _LIKELY = 0.9, 0.6  # an order, fitted on nothing: what is known, and a test file beside the code
_LAST = re.compile(r"\b(?:last|latest)\b", re.IGNORECASE)
_AFFIX = re.compile(r"^(?:tests?|specs?)[._-]|[._-](?:tests?|specs?|unit)\b|(?:Tests?|Spec)$", re.IGNORECASE)


def answer_pointed(question: Question, searcher: Finder, repository: Repository) -> Answer | None:
    """The answer about what the question points at; None where search may tell more: of names, or of no history."""
    asked, about = question.asked, question.about
    if asked is None or (asked == "where" and question.query.names):
        return None
    try:
        if question.at:
            return _of_lines(asked, question.at, searcher, repository)
        if asked in ("when", "what") and question.query.change and question.query.names:
            return None  # "when was it added?", of a name: its whole history tells
        if about and about.commit:
            names = question.query.names[:1]
            lines = place_of(names[0], searcher, repository) if names else None
            if lines and (
                asked == "tests" or _LAST.search(question.query.text)
            ):  # no commit is tested, or changed last
                return _of_lines(asked, lines, searcher, repository)
            return _of_commit(asked, about.commit, searcher, repository)
        if about and about.path:
            span = Span(about.path, about.start_line or 1, about.end_line or 1)
            return _of_lines(asked, _widened(span, searcher, repository), searcher, repository)
        if about and about.thread:
            return _of_thread(asked, about, searcher, repository)
    except RepositoryError:  # an untracked file, say, has no history
        if question.at:
            return None
    return _answer(_UNCLEAR, 0.0, [], time.monotonic())


def _of_lines(asked: Asked, lines: Span, searcher: Finder, repository: Repository) -> Answer | None:
    shown = searcher.unsaved(lines.path)
    if asked == "where":
        return None
    if asked == "what":
        return actions.explain(searcher, repository, lines, shown)
    if asked == "who":
        return actions.who(repository, lines, shown)
    if asked == "tests":
        named = actions.definitions_at(repository, lines, shown)
        return _tests([each.name for each in named], lines.path, searcher, repository)
    explained = why.explain(repository, lines, contents=shown)
    now = [change for change in explained.history if not change.earlier]
    if asked == "when" and now:
        newest = max(now, key=lambda change: instant(change.date))
        return _of_commit(asked, newest.commit, searcher, repository, "Last changed on ")
    return explained.answer


def _widened(span: Span, searcher: Finder, repository: Repository) -> Span:
    """The definition that an answer quoted a part of, else what it quoted."""
    named = actions.definitions_at(repository, span, searcher.unsaved(span.path))
    return Span(span.path, named[0].first, named[0].last) if named else span


def _of_commit(asked: Asked, sha: str, searcher: Finder, repository: Repository, opening: str = "On ") -> Answer | None:
    started = time.monotonic()
    try:
        commit = read_message(repository, resolve_commit(repository, sha))
    except RepositoryError:
        return _answer(_NO_COMMIT.format(code(sha)), 0.0, [], started)
    if commit is None or not commit.subject or asked == "where":
        return _answer(_UNCLEAR, 0.0, [], started)
    if asked == "why":
        return why.explain_commit(repository, commit).answer
    if asked == "tests":
        return _tests_of_commit(sha, searcher, repository)
    by, day = plain(commit.author), commit.date[:10]
    lead = f"By {by}, on {day}" if asked == "who" else f"{opening}{day}, by {by}"
    merges = len(commit.parents) > 1 and commit.body  # what it brings stands below "Merge pull request #7"
    what = commit.body.strip().partition("\n")[0] if merges else commit.subject
    passage = best_passage(commit_hit(commit, repository), {}, MAX_LINES)
    said = f"{lead}: {plain(what)}; {plain(first_told(repository, sha))}."
    return _quoting(said, [passage], _SURE, repository, started)


def _of_thread(asked: Asked, about: Citation, searcher: Finder, repository: Repository) -> Answer | None:
    started = time.monotonic()
    threads = imported_threads(repository, {about.thread or 0})
    thread = next((each for each in threads if each.kind == about.kind), None)
    if thread is None:
        return _answer(_UNCLEAR, 0.0, [], started)
    if thread.merge_commit and asked in ("why", "tests"):
        return _of_commit(asked, thread.merge_commit, searcher, repository)
    told = find_told([thread])[:1] if asked == "why" else []
    if asked in ("tests", "where") or (asked == "why" and not told):
        return _answer(_UNCLEAR, 0.0, [], started)
    lead = plain(told[0].reason.sentence) if told else _opened(thread)
    quote = told[0].reason.quote if told else thread.title
    comment = told[0].comment if told else None
    url = (comment.url if comment else "") or thread.url or None
    hit = Hit(thread.kind, 1.0, quote, thread=thread.number, url=url, author=thread.author, date=thread.created)
    return _quoting(lead, [Passage(hit, 1, quote)], _SURE, repository, started)


def _opened(thread: Thread) -> str:
    closed = f", {thread.state} on {thread.closed[:10]}" if thread.closed else ""
    return f"Opened on {thread.created[:10]} by {plain(thread.author or 'somebody')}{closed}: {plain(thread.title)}."


def _tests_of_commit(sha: str, searcher: Finder, repository: Repository) -> Answer:
    """The tests that a commit changed, or brought in as a merge, as they are now."""
    started = time.monotonic()
    commit = read_message(repository, sha)
    known = [f"^{parent}" for parent in commit.parents[:1]] if commit else []
    commits = islice(read_commits(repository, sha, *known), _BROUGHT)
    hunks = [hunk for each in commits for hunk in each.hunks if is_test(hunk.path)][:_LOOKED_AT]
    found = [hit for hunk in hunks if (hit := searcher.at(hunk.path, max(hunk.new_lines[0], 1)))]
    weights = {word: 1.0 for hunk in hunks for word in parse_query(hunk.section or hunk.path).content}
    passages = _standing([best_passage(hit, weights) for hit in dict.fromkeys(found)], repository, searcher)
    if not passages:
        return _answer(f"I don't know: commit {sha[:10]} changed no test that is still there.", 0.0, [], started)
    return _quoting(f"Commit {sha[:10]} changed these tests.", passages, _LIKELY, repository, started)


def _tests(names: Sequence[str], path: str, searcher: Finder, repository: Repository) -> Answer:
    """The tests that name one of `names`, first those that are for the file; else what tests are for the file."""
    started = time.monotonic()
    called = ", ".join(map(code, names)) or code(path)
    names = [name.rpartition(".")[2] for name in names]
    query = parse_query(f"tests {' '.join(f'`{name}`' for name in names)} {_stem(path)}")
    hits = [hit for hit in searcher.search(query, _LOOKED_AT, ["code"]) if is_test(hit.path or "")]
    word = re.compile(rf"(?<![^\W_])(?:{'|'.join(map(re.escape, names))})(?![^\W_])") if names else None
    naming = [hit for hit in hits if word and word.search(hit.text)]
    naming.sort(key=lambda hit: _stem(hit.path or "") != _stem(path))
    beside = [hit for hit in hits if _stem(hit.path or "") == _stem(path)]
    weights = {part: 10.0 for name in names for part in parse_query(f"`{name}`").content}
    passages = _standing([best_passage(hit, weights) for hit in naming or beside], repository, searcher)
    if not passages:
        return _answer(_UNTESTED.format(called), 0.0, [], started)
    lead = (
        f"These tests name {called}." if naming else f"No test that names {called} was found; these are for its file."
    )
    return _quoting(lead, passages, _SURE if naming else _LIKELY, repository, started)


def _stem(path: str) -> str:
    """What a file and its tests are both called by."""
    return _AFFIX.sub("", path.rpartition("/")[2].partition(".")[0]).lower()


def _standing(passages: Sequence[Passage], repository: Repository, searcher: Finder) -> list[Passage]:
    def stands() -> Iterator[Passage]:
        for passage in passages:
            if verify(extractive.cite(1, passage, None), repository, searcher):
                yield named(passage, searcher, repository)

    return [passage for passage, _ in zip(stands(), range(_SHOWN), strict=False)]


def _quoting(
    lead: str, passages: Sequence[Passage], confidence: float, repository: Repository, started: float
) -> Answer:
    """`lead`, Markdown already, and what it is from."""
    citations = [
        extractive.cite(number, each, each.hit.url or citation_url(repository, each.hit.commit))
        for number, each in enumerate(passages, 1)
    ]
    text = f"{lead} [1]\n\n{extractive.render('', passages, citations)}"
    return _answer(text, confidence, citations, started, tuple(each.hit for each in passages))


def _answer(
    text: str, confidence: float, citations: Sequence[Citation], started: float, evidence: tuple[Hit, ...] = ()
) -> Answer:
    seconds = round(time.monotonic() - started, 4)
    timings = Timings(seconds, seconds, seconds)
    return Answer(text, confidence, not confidence, tuple(citations), why.HISTORY, timings, evidence)
