"""Looking after the installed models: what there is, whether it is whole, and taking it away."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from whence_server.errors import ModelError
from whence_server.models import gguffile
from whence_server.models.blobs import Progress
from whence_server.models.gguffile import Model
from whence_server.models.installed import EVERYWHERE, Entry, Home, State, find, remedy
from whence_server.models.manifest import Blob, Manifest, read_manifest
from whence_server.models.naming import Reference
from whence_server.models.pulling import check_content
from whence_server.models.signature import check_signature


@dataclass(frozen=True)
class Installed:
    """An installed model with its roles everywhere; `model` is what its base says of itself, None where damaged."""

    manifest: Manifest
    entry: Entry
    roles: tuple[str, ...]
    model: Model | None


def installed(home: Home, scope: str = EVERYWHERE) -> list[Installed]:
    """All models, oldest first. Raises `ModelError` where a manifest is damaged."""
    state = home.state()
    taken = state.roles_in(scope).labels
    return [
        Installed(
            manifest=(manifest := home.manifest(label)),
            entry=entry,
            roles=tuple(role for role, named in taken.items() if named == label),
            model=_model(home, manifest),
        )
        for label, entry in state.models.items()
    ]


def remove(home: Home, wanted: Reference) -> tuple[list[str], int]:
    """Remove a model, or without a version all of its versions, and the blobs that no other needs.

    Returns the labels and the bytes freed. Raises `ModelError` where one is in use; the previous one is not, and
    none is in a repository whose index is gone.
    """
    removed: list[str] = []
    needless: set[str] = set()

    def change(state: State) -> State:
        first = find(state, wanted)
        labels = [first] if wanted.version else [label for label in state.models if _name(label) == wanted.name]
        state = state.without([scope for scope in state.roles if scope != EVERYWHERE and not Path(scope).is_dir()])
        for scope, roles in state.roles.items():
            if used := [label for label in labels if label in (roles.champion, roles.challenger)]:
                where = f" in the repository whose index is {scope}" if scope else ""
                way = "auto --repo PATH" if scope else "none"
                raise ModelError(f"{used[0]} is in use{where}; let another answer first: whence models use {way}")
        removed.extend(labels)
        needless.update(blob.digest for label in labels for blob in _blobs(home, state.models[label]))
        roles_after = {
            scope: replace(roles, previous=None if roles.previous in labels else roles.previous)
            for scope, roles in state.roles.items()
        }
        kept = {label: entry for label, entry in state.models.items() if label not in labels}
        return replace(state, models=kept, roles=roles_after)

    home.change(change)  # first the names, then what they stood for: killed between, some blobs stay
    return removed, home.sweep(sorted(needless))


def verify(
    home: Home,
    labels: Iterable[str],
    key: bytes | None = None,
    progress: Progress = lambda stage, done, total: None,
) -> dict[str, list[str]]:
    """What is wrong with each model, after reading all of it: digests, GGUF files, with `key` the signature too."""
    labels, seen = list(labels), dict[str, str | None]()
    problems: dict[str, list[str]] = {}
    for number, label in enumerate(labels):
        progress("verifying", number, len(labels))
        problems[label] = _problems(home, label, key, seen)
    progress("verifying", len(labels), len(labels))
    return problems


def _problems(home: Home, label: str, key: bytes | None, seen: dict[str, str | None]) -> list[str]:
    """As `verify` for one model; `seen` remembers blobs that several share."""
    try:
        entry = home.entry(label)
        data = home.blobs.read(entry.manifest)
        manifest = home.manifest(label)
        for blob in manifest.blobs:
            if blob.digest not in seen:
                seen[blob.digest] = home.blobs.damage(blob)
        if damage := [problem for blob in manifest.blobs if (problem := seen[blob.digest])]:
            return [*damage, f"`{remedy(label, entry)}` mends it"]
        check_content(home, manifest)
        if key is not None:
            check_signature(data, entry.signature.encode(), key)
    except ModelError as error:
        return [str(error)]
    return []


def _blobs(home: Home, entry: Entry) -> tuple[Blob, ...]:
    """Everything of a model; of one whose manifest is damaged only that."""
    try:
        return (entry.manifest, *read_manifest(home.blobs.read(entry.manifest)).blobs)
    except ModelError:
        return (entry.manifest,)


def _model(home: Home, manifest: Manifest) -> Model | None:
    try:
        return gguffile.read_model(home.blobs.path(manifest.base.digest))
    except ModelError:
        return None


def _name(label: str) -> str:
    return label.partition("@")[0]
