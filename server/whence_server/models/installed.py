"""The models on this machine: one file that says which there are and which answers, replaced by one rename.

`state.json` holds names as data; on disk everything is under its digest. A reader sees the state before a change or
after it, and what either names is there. A process killed at any moment leaves at most blobs that nothing names.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from shlex import quote
from typing import Any

import platformdirs
from filelock import FileLock

from whence_server.errors import ManifestError, ModelError
from whence_server.models.blobs import BlobStore
from whence_server.models.manifest import MAX_BLOB_BYTES, SCHEMA, Blob, Manifest, json_object, read_manifest
from whence_server.models.naming import Reference, checked_digest, shown
from whence_server.models.presets import PRESETS
from whence_server.models.publishing import replace_file
from whence_server.models.registry import ALIASES
from whence_server.models.roles import Roles
from whence_server.models.trials import Tally

STATE = "state.json"
EVERYWHERE = ""  # the scope of what is used where a repository has no choice of its own
_MAX_STATE_BYTES = 1 << 26
_LEFT = 86_400  # seconds without a write, after which what nothing names was left by a process that is no more


@dataclass(frozen=True)
class Entry:
    """An installed model: its manifest as a blob, where it came from, the signature that came with it."""

    manifest: Blob
    origin: str = ""
    signature: str = ""


def remedy(label: str, entry: Entry) -> str:
    """The command that fetches an installed model anew, from where it came, and so mends it."""
    if preset := next((name for name, preset in PRESETS.items() if preset.spec == entry.origin), None):
        return f"whence models pull {preset}"
    if entry.origin.startswith("hf://"):
        return f"whence models pull {quote(entry.origin)}"
    if entry.origin.endswith((".gguf", ".zip")):
        return f"whence models import {quote(entry.origin)}"
    return f"whence models pull {label} --from {quote(entry.origin)}"


@dataclass(frozen=True)
class State:
    """Entries by label, oldest first; roles by scope, and the tallies of the trial there is, by label."""

    models: Mapping[str, Entry] = field(default_factory=dict)
    roles: Mapping[str, Roles] = field(default_factory=dict)
    trials: Mapping[str, Mapping[str, Tally]] = field(default_factory=dict)

    def scope_in(self, scope: str) -> str:
        """The scope whose choice holds in `scope`: its own, or everywhere's."""
        return scope if scope in self.roles else EVERYWHERE

    def without(self, scopes: Iterable[str]) -> State:
        """Without the choices of those scopes."""
        left = {scope: roles for scope, roles in self.roles.items() if scope not in set(scopes)}
        return replace(self, roles=left, trials={scope: held for scope, held in self.trials.items() if scope in left})

    def roles_in(self, scope: str) -> Roles:
        """A repository's roles, or those of everywhere."""
        return self.roles.get(self.scope_in(scope), Roles())


@dataclass(frozen=True)
class Home:
    """The folder of the installed models."""

    folder: Path

    @property
    def blobs(self) -> BlobStore:
        """Their blobs, and the manifests as blobs too."""
        return BlobStore(self.folder / "blobs")

    def state(self) -> State:
        """What is installed and in use now. Raises `ModelError` where the file makes no sense."""
        path = self.folder / STATE
        try:
            return _read_state(path.read_bytes())
        except FileNotFoundError:
            return State()
        except ManifestError as error:
            raise ModelError(f"{path} is damaged ({error}); remove it, and pull or import the models again") from error
        except OSError as error:
            raise ModelError(f"{path} cannot be read: {error.strerror}") from error

    def change(self, change: Callable[[State], State]) -> State:
        """Replace the state by what `change` makes of it, one process at a time; returns it."""
        with self._locked():
            state = change(self.state())
            replace_file(self.folder / STATE, _write_state(state))
            return state

    def sweep(self, digests: Iterable[str]) -> int:
        """Delete those blobs of `digests` that no model needs; returns the bytes freed. None where one cannot tell.

        And what pulls and imports that were killed left, once nobody has written to it for a day.
        """
        with self._locked():
            try:
                needed = {blob.digest for entry in self.state().models.values() for blob in self._needed(entry)}
            except ModelError:  # a damaged manifest may need any of them
                return 0
            for scratch in filter(_is_old, self.folder.glob("import-*")):
                shutil.rmtree(scratch, ignore_errors=True)
            left = [path.stem for path in filter(_is_old, self.blobs.folder.glob(f"sha256-{'[0-9a-f]' * 64}*"))]
            return sum(self.blobs.remove(digest) for digest in {*digests, *left} - needed)

    def _needed(self, entry: Entry) -> tuple[Blob, ...]:
        return (entry.manifest, *read_manifest(self.blobs.read(entry.manifest)).blobs)

    def manifest(self, label: str) -> Manifest:
        """The manifest of an installed model. Raises `ModelError`."""
        return read_manifest(self.blobs.read(self.entry(label).manifest))

    def entry(self, label: str) -> Entry:
        """What is known of an installed model. Raises `ModelError`."""
        entry = self.state().models.get(label)
        if entry is None:
            raise ModelError(f"there is no model {shown(label)} here")
        return entry

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with FileLock(self.folder / ".lock"):
                yield
        except OSError as error:
            raise ModelError(f"cannot write to {self.folder}: {error.strerror}") from error


def _is_old(path: Path) -> bool:
    with suppress(OSError):
        return time.time() - path.stat().st_mtime > _LEFT
    return False


def user_home() -> Home:
    """The models of this user, in their data directory."""
    return Home(platformdirs.user_data_path("whence") / "models")


def find(state: State, wanted: Reference, scope: str = EVERYWHERE) -> str:
    """The label of an installed model; without a version the newest. Raises `ModelError`."""
    versions = [label for label in state.models if label.startswith(f"{wanted.name}@")]
    if not versions:
        here = ", ".join(sorted({label.partition("@")[0] for label in state.models}))
        way = f"; `whence models pull {wanted.name}` fetches it" if wanted.name in PRESETS else ""
        raise ModelError(f"there is no model {shown(wanted.name)} here; there are {here or 'none'}{way}")
    if wanted.version is None:
        return versions[-1]
    label = str(wanted)
    if label not in versions and wanted.version in ALIASES:
        label = state.roles_in(scope).labels.get(wanted.version, "")
    if label not in versions:
        raise ModelError(f"there is no {wanted} here; there are {', '.join(versions)}")
    return label


def install(home: Home, manifest: Manifest, data: bytes, origin: str, signature: str = "") -> None:
    """Add a model whose blobs are there already. Raises `ModelError`: other content, or a blob that has gone."""
    entry = Entry(home.blobs.put(data), origin, signature)

    def added(state: State) -> State:
        if (old := state.models.get(manifest.label)) and old.manifest != entry.manifest:
            raise ModelError(f"{manifest.label} is here already, with other content; remove it first")
        if missing := [blob for blob in (*manifest.blobs, entry.manifest) if not home.blobs.has(blob)]:
            raise ModelError(f"{missing[0].digest} was removed while {manifest.label} was fetched: ask again")
        return replace(state, models={**state.models, manifest.label: entry})

    home.change(added)
    home.sweep([])


def _read_state(data: bytes) -> State:
    fields = json_object(data, _MAX_STATE_BYTES)
    if fields.get("schema") != SCHEMA:
        raise ManifestError(f"schema {shown(fields.get('schema'))} is not known")
    try:
        models = {label: _entry(**record) for label, record in fields["models"].items()}
        roles = {scope: Roles(**record) for scope, record in fields["roles"].items()}
        trials = {
            scope: {label: Tally(**record) for label, record in tallies.items()}
            for scope, tallies in fields.get("trials", {}).items()
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise ManifestError(f"not as it was written: {error}") from error
    return State(models, roles, trials)


def _entry(digest: Any, size: Any, origin: Any, signature: Any) -> Entry:
    if not isinstance(size, int) or not 0 < size <= MAX_BLOB_BYTES:
        raise ManifestError(f"a size of {shown(size)}")
    return Entry(Blob(checked_digest(digest), size), str(origin), str(signature))


def _write_state(state: State) -> bytes:
    models = {
        label: {
            "digest": entry.manifest.digest,
            "size": entry.manifest.size,
            "origin": entry.origin,
            "signature": entry.signature,
        }
        for label, entry in state.models.items()
    }
    roles = {scope: vars(roles) for scope, roles in state.roles.items()}
    trials = {
        scope: {label: vars(tally) for label, tally in tallies.items()} for scope, tallies in state.trials.items()
    }
    return (
        json.dumps({"schema": SCHEMA, "models": models, "roles": roles, "trials": trials}, indent=1) + "\n"
    ).encode()
