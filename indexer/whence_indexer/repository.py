"""Where a repository and its index are on disk.

Takes any path the user names, returns a `Repository`. Reads no file of it and lists nothing.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import platformdirs

from whence_indexer import plumbing
from whence_indexer.errors import RepositoryError


@dataclass(frozen=True)
class Repository:
    """A folder to index: a git work tree, a bare git repository, or a plain folder.

    `root` is the top of the tree that paths are relative to. `common_dir` is git's common directory, shared by all
    work trees, or None outside git. `work_tree` names this checkout among those sharing the index.
    """

    root: Path
    common_dir: Path | None = None
    bare: bool = False
    work_tree: str = "main"

    @property
    def index_dir(self) -> Path:
        """The folder that holds the index: never inside the user's work tree."""
        if self.common_dir is not None:
            return self.common_dir / "whence"
        digest = hashlib.sha256(os.fsencode(self.root)).hexdigest()[:12]
        return platformdirs.user_cache_path("whence") / "folders" / f"{self.root.name}-{digest}"

    @cached_property
    def head(self) -> str | None:
        """The commit HEAD points to; None without git or before the first commit."""
        if self.common_dir is None:
            return None
        try:
            return plumbing.run(self.root, "rev-parse", "--verify", "--quiet", "HEAD^{commit}").decode().strip()
        except RepositoryError:
            return None

    @cached_property
    def web_url(self) -> str | None:
        """The address of the project's page, from the `origin` remote, without credentials; None if there is none."""
        return self.page_of("origin")

    def page_of(self, remote: str) -> str | None:
        """The same for any remote, by its name."""
        if self.common_dir is None:
            return None
        try:
            url = plumbing.run(self.root, "config", "--get", f"remote.{remote}.url").decode("utf-8", "replace").strip()
        except RepositoryError:
            return None
        return _web_url(url)

    def commit_url(self, sha: str | None) -> str | None:
        """The page of a commit there; None without a remote, or of none."""
        return f"{self.web_url}/commit/{sha}" if sha and self.web_url else None

    @property
    def project(self) -> str | None:
        """`host/owner/name` of the project's page; None without an `origin` remote."""
        return self.web_url.removeprefix("https://") if self.web_url else None

    @property
    def name(self) -> str:
        """The project's own name: that of its page, else of its folder."""
        return (self.project or self.root.name).rpartition("/")[2]


def open_repository(path: str | Path) -> Repository:
    """The repository that `path` lies in, or `path` itself as a plain folder.

    Raises `RepositoryError` when it is not a folder, may not be read, or git refuses it.
    """
    folder = _folder(path)
    try:
        bare, common, git_dir = _rev_parse(folder, "--is-bare-repository", "--git-common-dir", "--git-dir")
    except RepositoryError as error:
        if "not a git repository" in str(error):
            return Repository(folder)
        raise
    common_dir = (folder / common).resolve()
    if bare == "true":
        return Repository(common_dir, common_dir, bare=True)
    top = Path(*_rev_parse(folder, "--show-toplevel"))
    own_dir = (folder / git_dir).resolve()
    work_tree = "main" if own_dir == common_dir else _table_name(own_dir.name)
    return Repository(top, common_dir, work_tree=work_tree)


def _folder(path: str | Path) -> Path:
    try:
        folder = Path(path).expanduser()
        mode = folder.stat().st_mode
    except PermissionError as error:
        raise RepositoryError(f"no permission to read {path}") from error
    except (OSError, ValueError, RuntimeError) as error:
        raise RepositoryError(f"{path} does not exist") from error
    if not stat.S_ISDIR(mode):
        raise RepositoryError(f"{folder} is not a folder")
    if not os.access(folder, os.R_OK | os.X_OK):
        raise RepositoryError(f"no permission to read {folder}")
    return folder.resolve()


def _rev_parse(folder: Path, *questions: str) -> list[str]:
    answers = plumbing.run(folder, "rev-parse", *questions).split(b"\n")[:-1]
    if len(answers) != len(questions):  # a folder's name holds a line feed
        answers = [plumbing.run(folder, "rev-parse", question).removesuffix(b"\n") for question in questions]
    return [os.fsdecode(answer) for answer in answers]


def _table_name(name: str) -> str:
    """`name` as part of a table's name, which may hold few characters."""
    plain = re.sub(r"[^A-Za-z0-9_.-]", "_", name)
    return plain if plain == name != "main" else f"{plain}-{hashlib.sha256(os.fsencode(name)).hexdigest()[:8]}"


def _web_url(remote: str) -> str | None:
    """`git@host:owner/name.git` and its relatives as `https://host/owner/name`."""
    if "://" in remote:
        scheme, _, rest = remote.partition("://")
        if scheme not in {"https", "http", "ssh", "git"}:
            return None
        host, _, path = rest.partition("/")
        host = host.rpartition("@")[2].partition(":")[0]
    elif re.match(r"[^/:]+@[^/:]+:|[^/:@]+\.[^/:@]+:", remote):  # `name:path` may be a folder of that name
        host, _, path = remote.partition(":")
        host = host.rpartition("@")[2]
    else:
        return None
    path = path.strip("/").removesuffix(".git")
    return f"https://{host}/{path}" if host and path else None
