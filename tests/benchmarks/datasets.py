"""The two public sets as they lie in the data folder -> questions with gold, and the one metric that is theirs.

Reads JSON and a listing of file names; opens no repository and no index.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from whence_indexer.types import Hit
from whence_server.evaluation import Example

RANKS = 10
_FILE = re.compile(r"[\w./-]+\.(?:py|rst|md|toml|cfg|txt|html|js|pyi)")
_LEADING = re.compile(r"^[./]*/")


@dataclass(frozen=True, slots=True)
class Pinned:
    """A repository at the revision that a set was made for; `root` is the folder that its questions are about."""

    name: str
    url: str
    revision: str
    language: str = "python"
    root: str | None = None


SWE_QA = (
    Pinned("flask", "https://github.com/pallets/flask.git", "85c5d93cbd049c4bd0679c36fd1ddcae8c37b642"),
    Pinned("requests", "https://github.com/psf/requests.git", "46e939b5525d9c72b677340985582b04b128478a"),
)


@dataclass(frozen=True, slots=True)
class Target:
    """A file, or lines of it, that a query should find."""

    path: str
    start_line: int | None = None
    end_line: int | None = None

    def matches(self, hit: Hit) -> bool:
        """Whether `hit` is a chunk of this file and, where lines are named, overlaps them."""
        if hit.path != self.path:
            return False
        if self.start_line is None or self.end_line is None:
            return True
        return (hit.start_line or 0) <= self.end_line and (hit.end_line or 0) >= self.start_line


@dataclass(frozen=True, slots=True)
class SpanQuery:
    """A query of the semble set; all its targets gain the same."""

    text: str
    targets: tuple[Target, ...]


def read_swe_qa(data: Path, name: str, tracked: Collection[str] = ()) -> list[Example]:
    """The questions of `name` with their reference answers and with gold files among those `tracked`."""
    lines = (data / "swe-qa" / f"{name}.jsonl").read_text("utf-8").splitlines()
    records = [json.loads(line) for line in lines if line.strip()]
    return [
        Example(record["question"], gold_files(record["answer"], tracked), answer=record["answer"])
        for record in records
    ]


def gold_files(answer: str, tracked: Collection[str]) -> frozenset[str]:
    """Every path in `answer`, without a leading `./`, that equals or is the unique suffix of one of `tracked`."""
    found = (_resolved(_LEADING.sub("", path), tracked) for path in dict.fromkeys(_FILE.findall(answer)))
    return frozenset(path for path in found if path)


def read_semble(data: Path) -> list[tuple[Pinned, list[SpanQuery]]]:
    """The repositories of the set with their queries."""
    folder = data / "semble"
    repositories = json.loads((folder / "repos.json").read_text("utf-8"))
    return [(_pinned(record), _queries(folder / "annotations" / f"{record['name']}.json")) for record in repositories]


def ndcg_of_targets(hits: Sequence[Hit], targets: Sequence[Target]) -> float:
    """nDCG over the first ten hits, with discount log2(rank + 1).

    A target's rank is that of its first matching chunk, two targets at one rank count once, and the ideal has every
    target (at most ten) at the top.
    """
    ranks = {_rank(hits, target) for target in targets} - {None}
    gained = sum(1 / math.log2(rank + 1) for rank in ranks if rank)
    return gained / sum(1 / math.log2(rank + 1) for rank in range(1, min(RANKS, len(targets)) + 1))


def _rank(hits: Sequence[Hit], target: Target) -> int | None:
    return next((rank for rank, hit in enumerate(hits[:RANKS], 1) if target.matches(hit)), None)


def _resolved(path: str, tracked: Collection[str]) -> str | None:
    if path in tracked:
        return path
    ending = [file for file in tracked if file.endswith("/" + path)]
    return ending[0] if len(ending) == 1 else None


def _pinned(record: dict[str, Any]) -> Pinned:
    return Pinned(record["name"], record["url"], record["revision"], record["language"], record["benchmark_root"])


def _queries(file: Path) -> list[SpanQuery]:
    records = json.loads(file.read_text("utf-8"))
    return [
        SpanQuery(record["query"], tuple(_target(item) for item in [*record["relevant"], *record["secondary"]]))
        for record in records
    ]


def _target(item: str | dict[str, Any]) -> Target:
    if isinstance(item, str):
        return Target(item)
    return Target(item["path"], item.get("start_line"), item.get("end_line"))
