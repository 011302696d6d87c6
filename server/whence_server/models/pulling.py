"""Bringing a model here: from a registry, or a GGUF file of Hugging Face or of this machine.

The order is fixed: manifest and signature, disk and memory, blobs by digest, the GGUF files themselves, and only then
the one change of state that makes the model there. Connects to nothing but what the user named.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import quote

from whence_indexer.errors import QueryError
from whence_server.errors import BlobError, GgufError, ModelError, RegistryError
from whence_server.models import gguffile
from whence_server.models.blobs import Progress
from whence_server.models.capacity import check_memory
from whence_server.models.installed import Home, install
from whence_server.models.manifest import Blob, Manifest, read_manifest, write_manifest
from whence_server.models.naming import Reference, reference, slug
from whence_server.models.places import Web, check_online, hub_endpoint, hub_headers, open_place
from whence_server.models.presets import PRESETS
from whence_server.models.registry import Registry, Release

_HUB_FILE = re.compile(r"hf://([\w.-]+/[\w.-]+)/([\w./-]+\.gguf)(?:@([\w./-]+))?\Z", re.IGNORECASE)


@dataclass(frozen=True)
class Terms:
    """How to bring a model: the key (PEM) that must have signed it, whether memory may be short, who hears of it."""

    key: bytes | None = None
    anyway: bool = False
    progress: Progress = lambda stage, done, total: None
    say: Callable[[str], None] = lambda message: None


def fetch(home: Home, wanted: str, source: str | None, terms: Terms) -> Manifest:
    """Install what a person names: a model of the registry `source`, a preset, or a file of Hugging Face.

    Raises `QueryError` where that says too little, `ModelError` where it cannot be had.
    """
    if is_hub_file(wanted):
        return pull_hub_file(home, wanted, terms)
    if source is not None:
        return pull(home, Registry(open_place(source)), reference(wanted), terms)
    if preset := PRESETS.get(wanted):
        return pull_hub_file(home, preset.spec, terms, wanted)
    raise QueryError(
        f"from where? name a registry (--from, WHENCE_REGISTRY), or one of {', '.join(PRESETS)}, which Hugging Face has"
    )


def pull(home: Home, registry: Registry, wanted: Reference, terms: Terms) -> Manifest:
    """Install a model of a registry, or mend it; returns its manifest. Raises `ModelError`; the state is as before."""
    release = registry.release(wanted, terms.key)
    manifest = release.manifest
    _check_room(home, manifest, terms)
    for blob in manifest.blobs:
        home.blobs.fetch(blob, partial(registry.stream, blob), terms.progress, terms.say)
    with _swept(home, manifest):
        check_content(home, manifest)
    _install(home, release, registry.place.name)
    return manifest


def is_hub_file(spec: str) -> bool:
    """Whether `spec` names one GGUF file of Hugging Face: `hf://OWNER/NAME/FILE.gguf[@REVISION]`."""
    return bool(_HUB_FILE.match(spec))


def pull_hub_file(home: Home, spec: str, terms: Terms, name: str | None = None) -> Manifest:
    """Install a single GGUF file of Hugging Face, of the revision that stands there now. Raises `ModelError`.

    It is called `name`, or after the file.
    """
    match = _HUB_FILE.match(spec)
    if not match or ".." in spec:
        raise RegistryError(f"{spec} is not hf://OWNER/NAME/FILE.gguf")
    if terms.key:
        raise ModelError("a file of Hugging Face has no signature: a key can be asked for in registries only")
    repository, file, revision = match[1], match[2], match[3] or "main"
    commit, blob = _hub_blob(repository, file, revision)
    manifest = _plain_manifest(name or slug(Path(file).stem), blob, f"{repository}/{file} at {commit}")
    _check_room(home, manifest, terms)
    place = Web(f"{hub_endpoint()}/{repository}/resolve/{quote(commit, safe='')}", hub_headers())
    home.blobs.fetch(blob, lambda offset: place.stream(file, offset), terms.progress, terms.say, label=Path(file).name)
    return _install_plain(home, manifest, spec)


def import_gguf(home: Home, path: Path, terms: Terms) -> Manifest:
    """Install a GGUF file of this machine, by copying it. Raises `ModelError`."""
    model = gguffile.read_model(path)
    if not terms.anyway:
        check_memory(model.memory_bytes(), path.name)
    blob = home.blobs.add(path, terms.progress)
    return _install_plain(home, _plain_manifest(slug(path.stem), blob, ""), str(path.resolve()))


def check_content(home: Home, manifest: Manifest) -> None:
    """Raise `GgufError` unless the GGUF files of a manifest can be loaded and go together."""
    model = gguffile.read_model(home.blobs.path(manifest.base.digest))
    if manifest.tokenizer and manifest.tokenizer != model.tokenizer:
        raise GgufError(f"{manifest.label} is for another tokenizer than its base has")
    if manifest.adapter:
        gguffile.check_fit(gguffile.read_adapter(home.blobs.path(manifest.adapter.digest)), model)


@contextmanager
def _swept(home: Home, manifest: Manifest) -> Iterator[None]:
    """Keep nothing of what is refused: no command would find it."""
    try:
        yield
    except GgufError:
        home.sweep(blob.digest for blob in manifest.blobs)
        raise


def _check_room(home: Home, manifest: Manifest, terms: Terms) -> None:
    home.blobs.check_space(list(manifest.blobs))
    if not terms.anyway:
        check_memory(sum(blob.size for blob in manifest.blobs), manifest.label)


def _install(home: Home, release: Release, origin: str) -> None:
    signature = (release.signature or b"").decode("ascii", "replace").strip()
    install(home, release.manifest, release.data, origin, signature)


def _plain_manifest(name: str, blob: Blob, description: str) -> Manifest:
    """For a file that came without one: its version is the beginning of its digest."""
    return Manifest(name, blob.digest.removeprefix("sha256-")[:12], "write", blob, description=description)


def _install_plain(home: Home, manifest: Manifest, origin: str) -> Manifest:
    """Complete the manifest with what the file says of itself."""
    with _swept(home, manifest):
        model = gguffile.read_model(home.blobs.path(manifest.base.digest))
    about = vars(manifest) | {
        "mode": model.mode,
        "tokenizer": model.tokenizer,
        "licence": model.licence[:200],
    }
    manifest = read_manifest(write_manifest(Manifest(**about)))
    install(home, manifest, write_manifest(manifest), origin)
    return manifest


def _hub_blob(repository: str, file: str, revision: str) -> tuple[str, Blob]:
    """The commit that `revision` is now, and the file's digest and size there, as Hugging Face states them."""
    check_online("HF_HUB_OFFLINE")
    from httpx2 import HTTPError
    from huggingface_hub import get_hf_file_metadata, hf_hub_url
    from huggingface_hub.errors import EntryNotFoundError, GatedRepoError, HfHubHTTPError, RepositoryNotFoundError

    where = f"hf://{repository}"
    url = hf_hub_url(repository, file, revision=revision, endpoint=hub_endpoint())
    try:
        about = get_hf_file_metadata(url, token=_token(), endpoint=hub_endpoint())
    except GatedRepoError as error:
        raise RegistryError(f"{where} asks for consent on its page, and for a token in HF_TOKEN") from error
    except RepositoryNotFoundError as error:
        raise RegistryError(f"{where} is not there, or is private: set HF_TOKEN") from error
    except EntryNotFoundError as error:
        raise RegistryError(f"{where} has no {file} at {revision}") from error
    except (HTTPError, HfHubHTTPError, ValueError, OSError) as error:
        raise RegistryError(f"{where} cannot be reached: {error or type(error).__name__}") from error
    if not about.commit_hash or not about.size or not re.fullmatch(r"[0-9a-f]{64}", about.etag or ""):
        raise BlobError(f"{where} does not state the SHA-256 of {file}")
    return about.commit_hash, Blob(f"sha256-{about.etag}", about.size)


def _token() -> str | bool:
    return hub_headers().get("Authorization", "").removeprefix("Bearer ") or False
