"""What a person writes -> which tracker is asked, and with whose token."""

from __future__ import annotations

import subprocess
import sys

import pytest

from whence_indexer.errors import TrackerError
from whence_indexer.gitea import Gitea
from whence_indexer.github import GitHub
from whence_indexer.gitlab import GitLab
from whence_indexer.threadfile import ThreadFile
from whence_indexer.trackers import open_source

ENGINE = GitHub("https://api.github.com", "ada/engine")
VARIABLES = (
    "GITHUB_TOKEN GH_TOKEN GH_ENTERPRISE_TOKEN GITHUB_ENTERPRISE_TOKEN GH_HOST GITHUB_SERVER_URL GITLAB_TOKEN "
    "GITLAB_HOST CI_SERVER_URL GITEA_TOKEN FORGEJO_TOKEN GITEA_HOST FORGEJO_HOST"
).split()


@pytest.fixture(autouse=True)
def _without_tokens(monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def project(make_repository):
    return make_repository()


SPECS = {
    "https://github.com/ada/engine": ENGINE,
    "https://github.com/ada/engine.git": ENGINE,
    "https://github.com/ada/engine/issues": ENGINE,
    "https://GitHub.com/ada/engine/": ENGINE,
    "https://me:secret@github.com/ada/engine": ENGINE,
    "https://ada.ghe.com/ada/engine": GitHub("https://api.ada.ghe.com", "ada/engine"),
    "https://github.example.com/ada/engine": GitHub("https://github.example.com/api/v3", "ada/engine"),
    "github+https://git.example.com:8443/ada/engine": GitHub("https://git.example.com:8443/api/v3", "ada/engine"),
    "https://gitlab.com/group/sub/engine": GitLab("https://gitlab.com", "group/sub/engine"),
    "https://gitlab.com/group/sub/engine/-/issues": GitLab("https://gitlab.com", "group/sub/engine"),
    "gitlab+https://git.example.com/a/b": GitLab("https://git.example.com", "a/b"),
    "https://codeberg.org/ada/engine": Gitea("https://codeberg.org/api/v1", "ada/engine"),
    "gitea+http://[::1]:3000/ada/engine": Gitea("http://[::1]:3000/api/v1", "ada/engine"),
}


@pytest.mark.parametrize(("spec", "source"), SPECS.items())
def test_an_address_names_its_tracker(project, spec, source):
    assert open_source(spec, project.open()) == source


REMOTES = ["https://github.com/ada/engine.git", "ssh://git@github.com/ada/engine", "git@github.com:ada/engine.git",
           "ssh://git@ssh.github.com:443/ada/engine.git", "github.com:ada/engine"]  # fmt: skip


@pytest.mark.parametrize("url", REMOTES)
@pytest.mark.parametrize("remote", ["origin", "upstream"])
def test_a_remote_names_its_tracker(project, url, remote):
    project.git("remote", "add", remote, url)
    assert open_source(remote, project.open()) == ENGINE


def test_a_file_is_a_file_even_with_the_name_of_a_remote(project, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "threads.jsonl").write_text("")
    (tmp_path / "origin").write_text("")
    for spec in ("threads.jsonl", "origin", str(tmp_path / "threads.jsonl")):
        assert isinstance(open_source(spec, project.open()), ThreadFile)


WRONG = {
    "origin": "no remote origin that is on a server",
    "threads.jsonl": "threads.jsonl is no file that can be read",
    "some/where": "no file that can be read, no address and no remote",
    "": "no file",
    "--upload-pack=evil": "no remote",
    "ftp://github.com/ada/engine": "no file that can be read, no address",
    "https://github.com": "no address of a project",
    "https://github.com/ada": "no address of a project",
    "https://github.com/ada/engine/tree/main": "no address of a project",
    "https://github.com/../..": "no address of a project",
    "https://gitlab.com/a/b?private_token=x": None,
    "https://[x/ada/engine": "is no address",
    "https://github.com:http/ada/engine": "is no address",
    "https://git.example.com/ada/engine": r"write github\+https://git.example.com/ada/engine or gitlab\+",
    "svn+https://git.example.com/ada/engine": "what kind of tracker",
}


@pytest.mark.parametrize(("spec", "told"), WRONG.items())
def test_what_is_none_of_these_is_refused_in_a_sentence(project, spec, told):
    if told is None:
        assert open_source(spec, project.open()) == GitLab("https://gitlab.com", "a/b")
        return
    with pytest.raises(TrackerError, match=told):
        open_source(spec, project.open())


CREDENTIALS = [
    "https://me:secret@git.example.com/ada/engine",
    "https://me:secret@github.com:99999/ada/engine",
    "https://me:secret@github.com/ada",
    "https://secret@github.com/ada/engine/tree/main",
    "https://me:secret/ada/engine",
    "https://me:1?secret@github.com/ada/engine",
    "https://github.com/ada?private_token=secret",
    "https:///me:secret@github.com/ada/engine",
    "https://[x:secret@github.com/ada/engine",
    "gitea+https://me:secret@git.example.com/ada/engine/more",
    "ssh://me:secret@github.com/ada/engine",
    "me:secret@github.com/ada/engine",
]


@pytest.mark.parametrize("spec", CREDENTIALS)
def test_credentials_in_an_address_are_not_repeated(project, spec):
    with pytest.raises(TrackerError) as caught:
        open_source(spec, project.open())
    assert "secret" not in str(caught.value)


def test_outside_git_there_is_no_remote(tmp_path):
    from whence_indexer.repository import open_repository

    with pytest.raises(TrackerError, match="no remote origin"):
        open_source("origin", open_repository(tmp_path))


HUB, OWN, LAB = "https://github.com/a/b", "github+https://git.example.com/a/b", "https://gitlab.com/a/b"
TOKENS = [
    ({"GITHUB_TOKEN": "one", "GH_TOKEN": "two"}, HUB, "one"),
    ({"GH_TOKEN": "two\n"}, HUB, "two"),
    ({"GH_ENTERPRISE_TOKEN": "own"}, HUB, None),
    ({"GITLAB_TOKEN": "glpat"}, HUB, None),
    ({"GITHUB_TOKEN": "one"}, OWN, None),
    ({"GITHUB_TOKEN": "one", "GH_HOST": "other.example.com"}, OWN, None),
    ({"GITHUB_TOKEN": "one", "GH_HOST": "git.example.com"}, OWN, "one"),
    ({"GITHUB_TOKEN": "one", "GITHUB_SERVER_URL": "https://git.example.com"}, OWN, "one"),
    ({"GITHUB_TOKEN": "one", "GH_ENTERPRISE_TOKEN": "own", "GH_HOST": "git.example.com"}, OWN, "own"),
    ({"GITHUB_TOKEN": "one", "GH_HOST": "git.example.com"}, OWN.replace("https", "http"), None),
    ({"GITHUB_TOKEN": "one"}, HUB.replace("https", "http"), None),
    ({"GITHUB_TOKEN": "one", "GH_HOST": "localhost"}, "github+http://localhost:80/a/b", "one"),
    ({"GITLAB_TOKEN": "glpat"}, LAB, "glpat"),
    ({"GITLAB_TOKEN": "glpat"}, "https://gitlab.example.com/a/b", None),
    ({"GITLAB_TOKEN": "glpat", "GITLAB_HOST": "https://gitlab.example.com"}, "https://gitlab.example.com/a/b", "glpat"),
    ({"GITEA_TOKEN": "teapot"}, "https://codeberg.org/a/b", None),
    ({"GITEA_TOKEN": "teapot", "FORGEJO_HOST": "codeberg.org"}, "https://codeberg.org/a/b", "teapot"),
]


@pytest.mark.parametrize(("environment", "spec", "token"), TOKENS)
def test_a_token_goes_only_where_it_belongs(project, monkeypatch, environment, spec, token):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    source = open_source(spec, project.open())
    assert source.token == token
    assert not token or token not in f"{source!r} {source.name}"


def test_a_host_that_a_token_is_for_needs_no_kind(project, monkeypatch):
    monkeypatch.setenv("GITLAB_HOST", "git.example.com")
    assert open_source("https://git.example.com/a/b", project.open()) == GitLab("https://git.example.com", "a/b")


@pytest.mark.parametrize(("status", "token"), [(0, "from-gh"), (1, None)])
def test_the_login_of_github_s_command_line_is_used(project, tmp_path, monkeypatch, status, token):
    program = tmp_path / "bin" / "gh"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\n[ "$*" = "auth token --hostname github.com" ] && echo from-gh\nexit {status}\n')
    program.chmod(0o755)
    repository = project.open()
    monkeypatch.setenv("PATH", f"{program.parent}")
    assert open_source(HUB, repository).token == token


ENVIRONMENTS = [
    {"GH_ENTERPRISE_TOKEN": "own"},
    {"GITHUB_ENTERPRISE_TOKEN": "own"},
    {"GITHUB_TOKEN": "one", "CODESPACES": "true"},
]


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda environment: next(iter(environment)))
def test_github_s_command_line_hands_no_token_of_the_environment_to_a_strange_host(
    project, tmp_path, monkeypatch, environment
):
    program = tmp_path / "bin" / "gh"
    program.parent.mkdir()
    enterprise = "${GH_ENTERPRISE_TOKEN:-$GITHUB_ENTERPRISE_TOKEN}"
    program.write_text(f'#!/bin/sh\necho "{enterprise}${{CODESPACES:+$GITHUB_TOKEN}}"\n')  # as `gh` does
    program.chmod(0o755)
    repository = project.open()
    monkeypatch.setenv("PATH", f"{program.parent}")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert open_source("https://github.evil.example/a/b", repository).token is None


def test_without_the_extra_a_file_still_works_and_a_tracker_says_what_is_missing(tmp_path):
    program = f"""
import sys
sys.modules.update(githubkit=None, gitlab=None)
from whence_indexer.errors import TrackerError
from whence_indexer.repository import open_repository
from whence_indexer.trackers import open_source
repository = open_repository({str(tmp_path)!r})
for spec in ({str(tmp_path / "a.jsonl")!r}, {HUB!r}, {LAB!r}, "https://codeberg.org/a/b"):
    try:
        print([page.numbers for page in open_source(spec, repository).pages(None, print)])
    except TrackerError as error:
        print(error)
"""
    (tmp_path / "a.jsonl").write_text('{"number": 1, "title": "One"}')
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    found, *refused = done.stdout.splitlines()
    assert found == "[frozenset({1})]"
    needed = f"asking a tracker needs some more packages: {sys.executable} -m pip install 'githubkit"
    assert [each[: len(needed)] for each in refused] == [needed] * 3
