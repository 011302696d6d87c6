"""Names -> whether the code of a revision still has them.

Takes a repository, names and a revision, asks git. What comments and documentation say of a name is no code that has
it, and what tests say of it is none unless they define it.
"""

from __future__ import annotations

import re
import time
from collections import defaultdict
from collections.abc import Sequence

from whence_indexer import plumbing
from whence_indexer.errors import RepositoryError, SlowError
from whence_indexer.languages import language_of
from whence_indexer.parsed import Stretch, parse
from whence_indexer.pickaxe import DECLARES
from whence_indexer.ranking import is_test
from whence_indexer.repository import Repository

_SECONDS = 1.0


def is_present(repository: Repository, names: Sequence[str], revision: str, seconds: float = _SECONDS) -> bool:
    """Whether the code of `revision` holds one of `names`, of a dotted one the last part, as a word.

    It is taken to be there where that takes longer than `seconds` to find out.
    """
    deadline = time.monotonic() + seconds
    words = [name.rpartition(".")[2] or name for name in names]
    patterns = [argument for word in words for argument in ("-e", word)]
    try:
        found = plumbing.run(repository.root, "grep", "-lzIwF", *patterns, revision, "--", seconds=seconds)
    except SlowError:
        return True
    except RepositoryError:  # git fails where nothing is found, and says nothing
        return False
    either = f"(?:{'|'.join(map(re.escape, words))})"
    word, declared = re.compile(rf"(?<!\w){either}(?!\w)"), re.compile(DECLARES.format(either))
    for name in found.decode("utf-8", "surrogateescape").split("\0")[:-1]:
        path = name.removeprefix(f"{revision}:")
        if language_of(path).kind != "code":
            continue
        text = plumbing.run(repository.root, "cat-file", "blob", name).decode("utf-8", "replace")
        held = any(map(declared.search, text.split("\n"))) if is_test(path) else _is_code(path, text, word)
        if held or time.monotonic() > deadline:
            return True
    return False


def _is_code(path: str, text: str, word: re.Pattern[str]) -> bool:
    """Whether a word stands in a file anywhere but in comments and docstrings."""
    remarks: defaultdict[int, list[Stretch]] = defaultdict(list)
    for remark in parse(path, text).remarks():
        remarks[remark.line].append(remark)
    return any(
        not any(remark.start <= found.start() < remark.end for remark in remarks[row])
        for row, line in enumerate(text.split("\n"), 1)
        for found in word.finditer(line)
    )
