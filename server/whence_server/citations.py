"""Citations against their sources: does the quote stand where the citation says?

Takes a citation, the repository and the store; answers yes or no. Never repairs a citation.
"""

from __future__ import annotations

import json

from whence_indexer import schema
from whence_indexer.errors import RepositoryError
from whence_indexer.files import read_text
from whence_indexer.repository import Repository
from whence_indexer.store import Store
from whence_indexer.types import Citation


def verify(citation: Citation, repository: Repository, store: Store) -> bool:
    """Whether the source is in the index and, as the repository stands now, holds the quote where it is said to."""
    if not citation.quote.strip():
        return False
    if citation.path is not None:
        return _in_file(citation, repository, store)
    return citation.commit is not None and _in_commit(citation, store)


def citation_url(repository: Repository, commit: str | None) -> str | None:
    """The page of a commit on the project's host; None without a remote. Lines have none: they may not be pushed."""
    return f"{repository.web_url}/commit/{commit}" if commit and repository.web_url else None


def _in_file(citation: Citation, repository: Repository, store: Store) -> bool:
    path, start, end = citation.path or "", citation.start_line or 0, citation.end_line or 0
    known = store.rows(schema.files_table(repository.work_tree), ["blob"], f"path = {_quoted(path)}").to_pylist()
    if not known:
        return False
    try:
        text, _ = read_text(repository, path, known[0]["blob"])
    except (OSError, RepositoryError):
        return False
    lines = (text or "").split("\n")
    if not 1 <= start <= end <= len(lines):
        return False
    cited = "\n".join(lines[start - 1 : end])
    if path.endswith(".ipynb"):  # the quote is the cell's source, which the file holds as JSON strings
        return all(_json_text(line) in cited for line in citation.quote.split("\n"))
    return cited.rstrip("\r") == citation.quote.rstrip("\r")


def _in_commit(citation: Citation, store: Store) -> bool:
    where = f"sha = {_quoted(citation.commit or '')}"
    found = store.rows(schema.COMMITS_TABLE, ["subject", "body"], where).to_pylist()
    return any(citation.quote in f"{commit['subject']}\n\n{commit['body']}" for commit in found)


def _json_text(line: str) -> str:
    return json.dumps(line, ensure_ascii=False)[1:-1]


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
