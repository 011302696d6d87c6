"""Writing into a registry that is a folder: blobs first, then the manifest, then the index by one rename.

A reader sees the old index or the new one, and everything that either names. A version is never given other content.
Copy the folder to a web server, a bucket or Hugging Face as it is.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from threading import get_ident
from typing import Any

from filelock import FileLock

from whence_server.errors import ManifestError, ModelError
from whence_server.models.blobs import BlobStore
from whence_server.models.manifest import SCHEMA, Manifest, write_manifest
from whence_server.models.naming import checked_digest, digest_of
from whence_server.models.registry import ALIASES, INDEX, Offer, read_index
from whence_server.models.signature import sign


def publish(
    folder: Path, manifest: Manifest, files: Iterable[Path], aliases: Iterable[str] = (), key: bytes | None = None
) -> str:
    """Add a model to the registry in `folder`, made if it is not there; returns the digest of its manifest.

    `files` are its blobs, found by their content; those the registry has may be left out. `aliases` will stand for this
    version. `key` (PEM) signs it. Raises `ModelError`.
    """
    data = write_manifest(manifest)
    if unknown := [alias for alias in aliases if alias not in ALIASES]:
        raise ManifestError(f"{unknown[0]!r} is no alias: {', '.join(ALIASES)}")
    signed = sign(data, key) if key else None
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock"):
        offers = _offers(folder)
        offer = offers.get(manifest.name, Offer({}, {}))
        if offer.versions.get(manifest.version, digest_of(data)) != digest_of(data):
            raise ManifestError(f"{manifest.label} is published already, with other content: give it a new version")
        _add_blobs(folder, manifest, files)
        path = folder / "manifests" / manifest.name / f"{manifest.version}.json"
        replace_file(path, data)
        if signed:
            replace_file(path.with_name(f"{path.name}.sig"), signed)
        versions = {**offer.versions, manifest.version: digest_of(data)}
        offers[manifest.name] = Offer(versions, {**offer.aliases, **dict.fromkeys(aliases, manifest.version)})
        replace_file(folder / INDEX, _index_json(offers))
    return digest_of(data)


def replace_file(path: Path, data: bytes) -> None:
    """Write `data` to `path` by one rename, lasting."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}-{get_ident()}.part")
    try:
        with unfinished.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def _offers(folder: Path) -> dict[str, Offer]:
    try:
        return read_index((folder / INDEX).read_bytes())
    except FileNotFoundError:
        return {}


def _add_blobs(folder: Path, manifest: Manifest, files: Iterable[Path]) -> None:
    store = BlobStore(folder / "blobs")
    for file in files:
        store.add(file)
    if missing := [blob for blob in manifest.blobs if not store.has(blob)]:
        raise ModelError(f"{manifest.label} needs {checked_digest(missing[0].digest)}, which is in none of its files")


def _index_json(offers: Mapping[str, Offer]) -> bytes:
    models: dict[str, Any] = {
        name: {"versions": dict(offer.versions), "aliases": dict(offer.aliases)} for name, offer in offers.items()
    }
    return (json.dumps({"schema": SCHEMA, "models": models}, indent=1) + "\n").encode()
