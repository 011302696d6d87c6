"""Which source of threads a person means: a file, an address, or one of the repository's remotes.

Takes what the person wrote and a repository, returns a `Source`, and opens no connection: that happens when its pages
are asked for. A token goes only to a server that it is known to be for, and never over an open line.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from whence_indexer.errors import TrackerError
from whence_indexer.gitea import Gitea
from whence_indexer.github import GitHub
from whence_indexer.gitlab import GitLab
from whence_indexer.records import shown
from whence_indexer.references import HOSTS
from whence_indexer.repository import Repository
from whence_indexer.threadfile import ThreadFile
from whence_indexer.threads import Source


@dataclass(frozen=True)
class _Service:
    """A kind of tracker: names of hosts that run it, and what the environment calls the tokens and whom they are for.

    `tokens` are for `public` and for the hosts named in `token_hosts`; `own_tokens` are for the latter alone.
    """

    hosts: str
    public: str
    tokens: tuple[str, ...]
    own_tokens: tuple[str, ...]
    token_hosts: tuple[str, ...]
    source: Callable[[str, str, str | None], Source]


def _github(server: str, project: str, token: str | None) -> Source:
    host = urlsplit(server).netloc
    if host == "github.com" or host.endswith(".ghe.com"):
        return GitHub(f"https://api.{host}", project, token)
    return GitHub(f"{server}/api/v3", project, token)


_SERVICES = {
    "github": _Service(
        r"github\.com|.+\.ghe\.com|github\..+",
        "github.com",
        ("GITHUB_TOKEN", "GH_TOKEN"),
        ("GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN"),
        ("GH_HOST", "GITHUB_SERVER_URL"),
        _github,
    ),
    "gitlab": _Service(
        r"gitlab\.com|gitlab\..+",
        "gitlab.com",
        ("GITLAB_TOKEN",),
        (),
        ("GITLAB_HOST", "CI_SERVER_URL"),
        GitLab,
    ),
    "gitea": _Service(
        r"codeberg\.org|gitea\.com|(gitea|forgejo)\..+",
        "",
        ("GITEA_TOKEN", "FORGEJO_TOKEN"),
        (),
        ("GITEA_HOST", "FORGEJO_HOST"),
        lambda server, project, token: Gitea(f"{server}/api/v1", project, token),
    ),
}
_LOCAL = {"localhost", "127.0.0.1", "::1"}
# With one of these, `gh` answers with a token of the environment, whatever host it is asked about.
_NOT_FOR_GH = {"GH_TOKEN", "GITHUB_TOKEN", "GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN", "CODESPACES"}
_PATIENCE = 10  # seconds
_URL = re.compile(r"(?:(?P<kind>[a-z]+)\+)?(?P<scheme>https?)://(?P<rest>.+)", re.IGNORECASE)


def open_source(spec: str, repository: Repository) -> Source:
    """The source that `spec` names: a JSONL file, the address of a project's page, or a remote such as `origin`.

    `github+https://HOST/OWNER/NAME`, and likewise `gitlab+` and `gitea+`, say what a server is whose name does not.
    Raises `TrackerError` when it is none of these.
    """
    match = _URL.fullmatch(spec.strip())
    if match:
        return _tracker(f"{match['scheme'].lower()}://{match['rest']}", (match["kind"] or "").lower())
    path = Path(spec).expanduser()
    if path.is_file():
        return ThreadFile(path)
    if not re.fullmatch(r"[\w-][\w.-]*", spec) or path.suffix in {".jsonl", ".json", ".gz"}:
        named = shown(spec) if re.search("://|:.*@", spec) else spec
        raise TrackerError(f"{named} is no file that can be read, no address and no remote")
    page = repository.page_of(spec)
    if page is None:
        raise TrackerError(f"the repository has no remote {spec} that is on a server: name the address of its tracker")
    return _tracker(page, "")


def tracker_kind(page: str) -> str:
    """`github`, `gitlab` or `gitea`, whichever the host of a project's page is known to run; "" for any other."""
    try:
        return _kind(_parts(page)[1])
    except TrackerError:
        return ""


def _tracker(page: str, kind: str) -> Source:
    server, host, project = _parts(page)
    kind = kind or _kind(host)
    if kind not in _SERVICES:
        ways = " or ".join(f"{name}+{server}/{project}" for name in _SERVICES)
        raise TrackerError(f"what kind of tracker {host} is cannot be told from its name: write {ways}")
    if project.count("/") != 1 and kind != "gitlab":
        raise TrackerError(f"{shown(page)} is no address of a project: that is {server}/OWNER/NAME")
    service = _SERVICES[kind]
    return service.source(server, project, _token(kind, service, server, host))


def _parts(page: str) -> tuple[str, str, str]:
    """(server, host, project) of the address of a project's page or of a list on it, credentials left out."""
    try:
        parts = urlsplit(page)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError as error:  # its text repeats what it takes for a port
        raise TrackerError(f"{shown(page)} is no address: its host or its port cannot be read") from error
    host = HOSTS.get(host, host)
    path = re.sub(r"/(?:-/.*|issues|pulls|merge_requests)/?\Z", "", parts.path).strip("/").removesuffix(".git")
    if not host or not re.fullmatch(r"[\w.~-]+(?:/[\w.~-]+)+", path) or ".." in path.split("/"):
        raise TrackerError(f"{shown(page)} is no address of a project")
    name = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{name}{f':{port}' if port else ''}", host, path


def _kind(host: str) -> str:
    for kind, service in _SERVICES.items():
        if re.fullmatch(service.hosts, host) or host in _token_hosts(service):
            return kind
    return ""


def _token(kind: str, service: _Service, server: str, host: str) -> str | None:
    """The user's token for this very server, if there is one."""
    if not server.startswith("https:") and host not in _LOCAL:
        return None
    names: tuple[str, ...] = ()
    if host in _token_hosts(service):
        names = (*service.own_tokens, *service.tokens)
    elif host == service.public:
        names = service.tokens
    for name in names:
        if token := os.environ.get(name, "").strip():
            return token
    return _gh_login(host) if kind == "github" else None


def _token_hosts(service: _Service) -> set[str]:
    """The hosts that the environment says its tokens are for; each is written as a host or as an address."""
    values = (os.environ.get(name, "").strip() for name in service.token_hosts)
    return {urlsplit(value if "://" in value else f"//{value}").hostname or "" for value in values if value}


def _gh_login(host: str) -> str | None:
    """The token with which GitHub's own command line is logged in to `host`, never one of the environment."""
    command = ["gh", "auth", "token", "--hostname", host]
    environment = {name: value for name, value in os.environ.items() if name not in _NOT_FOR_GH}
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_PATIENCE, env=environment
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None if done.returncode == 0 else None
