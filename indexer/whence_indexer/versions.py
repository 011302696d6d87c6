"""Tags -> the versions of a project: which tag a question means, which is the newest, which came before.

Takes a repository, asks git. A repository may hold several projects, each with tags of its own (`tokio-1.40.0`,
`tokio-util-0.7.1`): these are families, told apart by what stands before the number.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from whence_indexer import plumbing
from whence_indexer.errors import RepositoryError
from whence_indexer.repository import Repository

NO_VERSION = "no version's tag has it yet"
_SECONDS = 3.0  # to ask each tag for a commit
_FORMAT = (
    "%(refname:strip=2)%00%(if)%(*objectname)%(then)%(*objectname)%(else)%(objectname)%(end)%00%(creatordate:short)"
)
_TAG = re.compile(r"(?P<family>\D*)(?P<number>\d.*)", re.DOTALL)
_NO_NAME = re.compile(r"(?:\b|_)(?:v|ver|version|rel|release|releases)(?:\b|(?=_))|[\s/@._-]+", re.IGNORECASE)
_DIGITS = re.compile(r"\d+(?:\.\d+)*")
_FINAL = re.compile(r"[.+_-]?(?:final|ga|release|post\d*|[+].*)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Version:
    """A tag with a number in it: the commit it is of, its day (ISO 8601), the name of its family and its number.

    The family is "" where the tag has no other name than `v` or `release`.
    """

    name: str
    sha: str
    date: str
    family: str
    number: str

    @property
    def order(self) -> tuple[tuple[int, ...], bool, str]:
        """By what versions of one family are put in order: 2.0 is after 2.0rc1, and the same as 2.0.0."""
        match = _DIGITS.match(self.number)
        digits = match[0] if match else ""
        rest = self.number[len(digits) :]
        parts = list(map(int, digits.split("."))) if digits else []
        while parts and not parts[-1]:
            parts.pop()
        return tuple(parts), _FINAL.fullmatch(rest) is not None, rest

    @property
    def final(self) -> bool:
        """Whether it is a release, and not a candidate for one."""
        return self.order[1]


def read_versions(repository: Repository) -> list[Version]:
    """All tags with a number in them, in no order; none without git."""
    if repository.common_dir is None:
        return []
    return _listed(plumbing.run(repository.root, "for-each-ref", "refs/tags", f"--format={_FORMAT}"))


def find_versions(repository: Repository, text: str) -> list[Version]:
    """The tag that `text` names, as a whole or by its number: `2.0` is `2.0`, `v2.0`, `release-2.0` or else `2.0.0`.

    Of several families the project's own is meant, unless `text` names another: `tokio-util 0.7`. None where there is
    none; several where tags of the same number are of different commits.
    """
    versions = read_versions(repository)
    exact = [each for each in versions if each.name.lower() == text.lower()]
    match = _TAG.fullmatch(text)
    if exact or not match:
        return exact[:1]
    number, family = _number(match["number"]), _family(match["family"])
    if family == _project(repository):
        family = ""
    for wanted in (number, f"{number}.0", f"{number}.0.0"):
        same = [each for each in versions if each.number == wanted and (not family or each.family == family)]
        own = [each for each in same if each.family in ("", _main_family(repository, versions))]
        if same:
            return own[:1] or (same[:1] if len({each.sha for each in same}) == 1 else same)
    return []


def is_foreign(repository: Repository, text: str) -> bool:
    """Whether `text` names a version of something that no tag here is of: `Python 3.8`."""
    match = _TAG.fullmatch(text)
    family = _family(match["family"]) if match else ""
    known = {each.family for each in read_versions(repository)} | {_project(repository)}
    return bool(family) and family not in known


def newest_version(repository: Repository, question: str = "", reached: bool = False) -> Version | None:
    """The newest release of the project, or of the family that `question` names; `reached`: of those HEAD holds.

    A candidate for a release only where there is no release.
    """
    versions = read_versions(repository)
    if reached and repository.head:
        merged = plumbing.run(repository.root, "tag", f"--merged={repository.head}").decode("utf-8", "replace")
        names = set(merged.splitlines())
        versions = [each for each in versions if each.name in names]
    asked_for = re.sub(r"[\s/@._-]+", "-", question.lower())
    asked = [
        each.family
        for each in versions
        if each.family and re.search(rf"(?<!\w){re.escape(each.family)}(?!\w)", asked_for)
    ]
    family = max(asked, key=len) if asked else _main_family(repository, versions)
    own = [each for each in versions if each.family == family]
    return max(own, key=lambda each: (each.final, each.order), default=None)


def earlier_versions(repository: Repository, version: Version) -> list[Version]:
    """The releases of its family that came before it by number, and, of a candidate, the candidates too."""
    return [
        each
        for each in read_versions(repository)
        if each.family == version.family and each.order[0] < version.order[0] and (each.final or not version.final)
    ]


def versions_with(repository: Repository, sha: str) -> list[Version]:
    """The tags that hold a commit, of those with a number in them, in the order in which they were made."""
    options = ("refs/tags", f"--contains={sha}", "--sort=version:refname", "--sort=creatordate", f"--format={_FORMAT}")
    try:
        return _listed(plumbing.run(repository.root, "for-each-ref", *options, seconds=_SECONDS))
    except RepositoryError:
        return []


def first_told(repository: Repository, sha: str) -> str:
    """Which version was the first with a change, as a part of a sentence."""
    holding = versions_with(repository, sha)
    return f"the first version with this change is {holding[0].name}" if holding else NO_VERSION


def _listed(output: bytes) -> list[Version]:
    found = []
    for line in output.decode("utf-8", "replace").split("\n")[:-1]:
        name, sha, date = line.split("\0")
        if match := _TAG.fullmatch(name):
            found.append(Version(name, sha, date, _family(match["family"]), _number(match["number"])))
    return found


def _number(text: str) -> str:
    """`2_0_1` is `2.0.1`."""
    return re.sub(r"(?<=\d)_(?=\d)", ".", text).lower()


@lru_cache(maxsize=1024)
def _family(text: str) -> str:
    """What stands before a number, without what only says that a version follows: `tokio-` is `tokio`, `v` is ``."""
    return "-".join(filter(None, _NO_NAME.sub(" ", text).lower().split()))


def _project(repository: Repository) -> str:
    return _family(repository.name)


def _main_family(repository: Repository, versions: Sequence[Version]) -> str:
    """The family of the project itself: of its name or the end of it, of none if that is common, or the largest."""
    counts = Counter(each.family for each in versions)
    project, most = _project(repository), max(counts.values(), default=0)
    for own in counts:
        if own and f"-{project}".endswith(f"-{own}"):
            return own
    return "" if counts[""] * 2 >= most else max(counts, key=lambda family: counts[family])
