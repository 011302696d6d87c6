"""Citations against their sources: does the quote stand where the citation says?

Takes a citation, the repository and a searcher of it; answers yes or no. Never repairs a citation. A commit that the
index lacks, because it is behind or without history, is looked up in git.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from whence_indexer.allowing import read_allowed
from whence_indexer.chunker import chunk_file
from whence_indexer.errors import RepositoryError
from whence_indexer.files import is_present, read_redacted
from whence_indexer.finder import Finder
from whence_indexer.repository import Repository
from whence_indexer.types import Citation
from whence_server.receipts import in_history

if TYPE_CHECKING:
    from whence_indexer.store import Store


def verify(citation: Citation, repository: Repository, searcher: Finder) -> bool:
    """Whether the source is in the index and, as the repository stands now, holds the quote where it is said to."""
    if not citation.quote.strip():
        return False
    if citation.path is not None:
        return _in_file(citation, repository, searcher)
    if citation.kind in {"issue", "pull"}:
        return searcher.store is not None and _in_thread(citation, searcher.store)
    in_index = citation.commit is not None and searcher.store is not None and _in_commit(citation, searcher.store)
    return in_index or (citation.commit is not None and in_history(citation, repository))


def _in_file(citation: Citation, repository: Repository, searcher: Finder) -> bool:
    path, start, end = citation.path or "", citation.start_line or 0, citation.end_line or 0
    if not (blob := searcher.blob(path)):
        return False
    try:
        if not is_present(repository, path):
            return False
        redacted, _ = read_redacted(repository, path, blob, read_allowed(repository)[0], searcher.unsaved(path))
    except (OSError, RepositoryError):
        return False
    text = redacted.text if redacted else ""
    lines = text.split("\n")
    if not 1 <= start <= end <= len(lines):
        return False
    if path.endswith(".ipynb"):  # the quote is of a cell's source, the lines are the cell's JSON
        return any(
            (chunk.span.start_line, chunk.span.end_line) == (start, end) and citation.quote in chunk.text
            for chunk in chunk_file(path, text)
        )
    cited = "\n".join(lines[start - 1 : end])
    return cited.rstrip("\r") == citation.quote.rstrip("\r")


def _in_commit(citation: Citation, store: Store) -> bool:
    from whence_indexer import schema
    from whence_indexer.store import literal

    if schema.COMMITS_TABLE not in store.state.tables:  # indexed without history
        return False
    where = f"sha = {literal(citation.commit or '')}"
    found = store.rows(schema.COMMITS_TABLE, ["subject", "body"], where).to_pylist()
    return any(citation.quote in f"{commit['subject']}\n\n{commit['body']}" for commit in found)


def _in_thread(citation: Citation, store: Store) -> bool:
    """Whether the thread was imported, and its title or something said in it holds the quote."""
    from whence_indexer import schema
    from whence_indexer.store import literal

    if schema.THREADS_TABLE not in store.state.tables:
        return False
    where = f"number = {int(citation.thread or 0)} AND kind = {literal(citation.kind)}"
    said = store.rows(schema.THREADS_TABLE, ["part", "title", "text"], where).to_pylist()
    texts = (part["text"] if part["part"] else f"{part['title']}\n\n{part['text']}" for part in said)
    return any(citation.quote in text for text in texts)
