"""Where a repository is, whose page it has, and what looking at it must never do."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from whence_indexer.changes import find_changes
from whence_indexer.errors import RepositoryError
from whence_indexer.files import list_files, read_text
from whence_indexer.history import read_commits
from whence_indexer.repository import open_repository
from whence_indexer.store import State

ROOT = os.geteuid() == 0
ORDINARY = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if ROOT else []  # as in test_files.py


def test_the_index_lies_in_the_git_folder(make_repository):
    project = make_repository()
    repository = project.open()
    assert repository.root == project.path
    assert repository.index_dir == project.path / ".git" / "whence"
    assert (repository.bare, repository.work_tree, repository.head) == (False, "main", None)
    assert project.open().head is None
    sha = project.commit("Begin")
    assert project.open().head == sha


@pytest.mark.parametrize("name", ["project", "with space", "new\nline", "grüße", "caf\udce9", 'quo"te', "-n"])
def test_a_subfolder_stands_for_the_whole_repository(make_repository, name):
    project = make_repository(name)
    project.write("sub/deep/a.py")
    assert open_repository(project.path / "sub" / "deep") == project.open()
    assert project.open().root == project.path
    assert list(list_files(open_repository(project.path / "sub")).files) == ["sub/deep/a.py"]


@pytest.mark.parametrize("name", ["side", "main", "with space", "grüße", "caf\udce9"])
def test_a_linked_work_tree_shares_the_index_under_a_name_of_its_own(make_repository, name):
    project = make_repository()
    project.commit("Begin")
    project.git("worktree", "add", "-q", "-b", "topic", f"../trees/{name}")
    side = open_repository(project.path.parent / "trees" / name)
    assert side.root == project.path.parent / "trees" / name
    assert side.index_dir == project.open().index_dir
    assert side.work_tree != "main"
    assert set(side.work_tree) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")


def test_a_submodule_is_a_repository_of_its_own(make_repository):
    library, project = make_repository("library"), make_repository()
    library.commit("Begin")
    project.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", library.path.as_uri(), "lib")
    inside = open_repository(project.path / "lib")
    assert (inside.root, inside.work_tree) == (project.path / "lib", "main")
    assert inside.index_dir == project.path / ".git/modules/lib/whence"


@pytest.mark.parametrize("below", ["", "refs"])
def test_a_bare_repository_is_its_own_root(make_repository, below):
    bare = make_repository("bare.git", "--bare")
    repository = open_repository(bare.path / below)
    assert (repository.root, repository.bare, repository.index_dir) == (bare.path, True, bare.path / "whence")


def test_a_plain_folder_is_indexed_outside_itself(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    repository = open_repository(folder)
    assert (repository.root, repository.common_dir, repository.head, repository.web_url) == (folder, None, None, None)
    assert not repository.index_dir.is_relative_to(folder)
    assert repository.index_dir.is_relative_to(os.environ["XDG_CACHE_HOME"])


def test_two_plain_folders_of_one_name_have_two_indexes(tmp_path):
    for name in ("a/same", "b/same"):
        (tmp_path / name).mkdir(parents=True)
    assert open_repository(tmp_path / "a/same").index_dir != open_repository(tmp_path / "b/same").index_dir


def test_a_link_to_a_folder_is_the_folder(make_repository, tmp_path):
    project = make_repository()
    (tmp_path / "link").symlink_to(project.path)
    assert open_repository(tmp_path / "link") == project.open()


REFUSED = {
    "file": "is not a folder",
    "missing": "does not exist",
    "file/below": "does not exist",
    "loop": "does not exist",
    "nul\0": "does not exist",
    "x" * 300: "does not exist",
}


@pytest.mark.parametrize(("name", "reason"), REFUSED.items(), ids=[name[:10] for name in REFUSED])
def test_what_is_no_folder_is_refused_in_a_sentence(tmp_path, name, reason):
    (tmp_path / "file").write_text("x")
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(RepositoryError, match=reason):
        open_repository(tmp_path / name)


def test_the_home_of_nobody_is_refused_in_a_sentence():
    with pytest.raises(RepositoryError):
        open_repository("~no-such-user-here/project")


@pytest.mark.skipif(ROOT and not shutil.which("setpriv"), reason="the superuser can read everything")
@pytest.mark.parametrize("below", ["", "below"])
def test_a_folder_that_may_not_be_read_is_refused_in_a_sentence(tmp_path, below):
    closed = tmp_path / "closed"
    (closed / "below").mkdir(parents=True)
    closed.chmod(0o000)
    program = "import sys; from whence_indexer.repository import open_repository; open_repository(sys.argv[1])"
    try:
        command = [*ORDINARY, sys.executable, "-c", program, str(closed / below)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    finally:
        closed.chmod(0o755)
    assert "RepositoryError: no permission to read" in done.stderr.splitlines()[-1]


def test_a_repository_that_git_distrusts_is_refused_and_not_read_as_a_folder(make_repository, monkeypatch):
    project = make_repository()
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    with pytest.raises(RepositoryError, match="dubious ownership"):
        project.open()


REMOTES = {
    "https://github.com/pallets/flask.git": "https://github.com/pallets/flask",
    "https://github.com/pallets/flask/": "https://github.com/pallets/flask",
    "https://ada:token@github.com/pallets/flask": "https://github.com/pallets/flask",
    "https://token@github.com/pallets/flask": "https://github.com/pallets/flask",
    "http://host:8080/a/b.git": "https://host/a/b",
    "ssh://git@github.com:22/pallets/flask.git": "https://github.com/pallets/flask",
    "git@github.com:pallets/flask.git": "https://github.com/pallets/flask",
    "git@gitlab.com:group/sub/name.git": "https://gitlab.com/group/sub/name",
    "github.com:pallets/flask.git": "https://github.com/pallets/flask",
    "./fla:sk@x:y": None,
    "folder:name": None,
    "/srv/git/flask.git": None,
    "../flask": None,
    "file:///srv/git/flask.git": None,
    "ext::sh -c evil": None,
    "https://github.com": None,
}


@pytest.mark.parametrize(("remote", "page"), REMOTES.items())
def test_the_project_s_page_is_told_by_its_remote_without_credentials(make_repository, remote, page):
    project = make_repository()
    project.git("config", "remote.origin.url", remote)
    repository = project.open()
    assert repository.web_url == page
    assert repository.project == (page.removeprefix("https://") if page else None)


def _look_at_all(repository):
    """Everything that indexing asks of git."""
    listing = find_changes(repository, {}, State(), history=True).listing
    texts = [read_text(repository, path, blob) for path, blob in listing.files.items()]
    return texts, list(read_commits(repository, "HEAD")), repository.web_url


@pytest.fixture
def trap(tmp_path):
    """A program that leaves a trace when it is run: the command, and the trace to look for."""
    trace, program = tmp_path / "trace", tmp_path / "evil"
    program.write_text(f'#!/bin/sh\necho "$0 $*" >> "{trace}"\ncat\n')
    program.chmod(0o755)
    return program, trace


def test_no_program_named_in_a_repository_is_run(make_repository, trap):
    program, trace = trap
    library, project = make_repository("library"), make_repository()
    library.write("lib.py", "x = 1\n")
    library.commit("Begin")
    project.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", library.path.as_uri(), "lib")
    project.write("a.py", "x = 1\n")
    project.write(".gitattributes", "* diff=evil filter=evil merge=evil\n*.txt filter=e=vil\n")
    project.write("a.txt", "x = 1\n")
    project.commit("Begin")
    project.write("a.py", "x = 2\n")
    project.commit("Change")
    for folder in (project.path, project.path / "lib"):
        for setting in (
            "core.fsmonitor core.pager core.editor core.sshCommand core.askPass core.gitProxy diff.external pager.log "
            "diff.evil.command diff.evil.textconv filter.evil.clean filter.evil.smudge filter.evil.process "
            "gpg.program credential.helper core.alternateRefsCommand uploadpack.packObjectsHook interactive.diffFilter"
        ).split():
            subprocess.run(["git", "config", setting, program], cwd=folder, check=True)
        subprocess.run(["git", "config", "log.showSignature", "true"], cwd=folder, check=True)
        subprocess.run(["git", "config", "core.hooksPath", program.parent], cwd=folder, check=True)
    for hook in ("post-index-change", "post-checkout", "reference-transaction", "fsmonitor-watchman"):
        shutil.copy(program, project.path / ".git" / "hooks" / hook)
        shutil.copy(program, program.parent / hook)
        subprocess.run(["git", "config", "filter.e=vil.clean", program], cwd=folder, check=True)
        subprocess.run(["git", "config", "filter.e=vil.required", "true"], cwd=folder, check=True)
    for name in ("a.py", "lib/lib.py"):  # saved again: git has to look into them to know that they are the same
        os.utime(project.path / name, (1, 1))
    project.write("new.py", "x = 3\n")
    _, commits, _ = _look_at_all(project.open())
    assert [hunk.text for hunk in commits[0].hunks] == ["-x = 1\n+x = 2\n"]
    assert not trace.exists(), trace.read_text()


@pytest.mark.parametrize(
    "remote", ["ext::{}", "evil://host", "ssh://host/x", "{}"], ids=["ext", "helper", "ssh", "path"]
)
def test_a_partial_clone_fetches_nothing(make_repository, trap, remote):
    program, trace = trap
    project = make_repository()
    project.write("a.py", "x = 1\n")
    project.commit("Begin")
    blob = project.git("rev-parse", "HEAD:a.py")
    (project.path / ".git/objects" / blob[:2] / blob[2:]).unlink()
    project.remove("a.py")
    settings = {
        "core.repositoryFormatVersion": "1",
        "extensions.partialClone": "origin",
        "remote.origin.promisor": "true",
        "remote.origin.url": remote.format(program),
        "remote.origin.uploadpack": program,
        "core.sshCommand": program,
        "protocol.allow": "always",
        "protocol.ext.allow": "always",
        "protocol.ssh.allow": "always",
        "protocol.file.allow": "always",
    }
    for name, value in settings.items():
        project.git("config", name, value)
    reasons = []
    (only,) = read_commits(project.open(), "HEAD", incomplete=reasons.append)
    assert (only.paths, only.hunks, len(reasons)) == (("a.py",), (), 1)
    with pytest.raises(RepositoryError):
        read_text(project.open(), "a.py", blob)
    assert not trace.exists(), trace.read_text()


def test_looking_writes_nothing_into_the_work_tree_or_the_repository(make_repository):
    project = make_repository()
    project.write("a.py", "x = 1\n")
    project.commit("Begin")
    os.utime(project.path / "a.py", (1, 1))

    def state():
        return {path: path.lstat().st_mtime_ns for path in [project.path, *project.path.rglob("*")]}

    before = state()
    _look_at_all(project.open())
    assert state() == before


def test_a_git_hook_may_ask_about_another_repository(make_repository, monkeypatch):
    here, there = make_repository("here"), make_repository("there")
    here.write("here.py")
    there.write("there.py", "x = 1\n")
    sha = there.commit("Begin")
    monkeypatch.setenv("GIT_DIR", str(here.path / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(here.path / ".git/index"))
    monkeypatch.setenv("GIT_WORK_TREE", str(here.path))
    repository = open_repository(there.path)
    assert (repository.root, repository.head) == (there.path, sha)
    assert list(list_files(repository).files) == ["there.py"]


def test_without_git_the_user_is_told_so(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RepositoryError, match="git is not installed"):
        open_repository(tmp_path)


def test_a_repository_is_a_value(make_repository):
    project = make_repository()
    assert hash(project.open()) == hash(project.open())
    assert isinstance(project.open().root, Path)
