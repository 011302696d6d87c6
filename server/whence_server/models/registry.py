"""A registry: which models and versions a place offers, their manifests, and where their blobs stream from.

    index.json                    names, versions with the digests of their manifests, aliases
    manifests/NAME/VERSION.json   and, where signed, VERSION.json.sig
    blobs/sha256-…

Takes a `Place`; everything from it is checked before it is used. Writes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from whence_server.errors import ManifestError, RegistryError
from whence_server.models import signature
from whence_server.models.manifest import MAX_BYTES, SCHEMA, Blob, Manifest, json_object, read_manifest
from whence_server.models.naming import Reference, checked_digest, checked_name, checked_version, digest_of, shown
from whence_server.models.places import Chunks, Place

INDEX = "index.json"
ALIASES = ("champion", "challenger", "previous")
MAX_INDEX_BYTES = 1 << 24


@dataclass(frozen=True)
class Offer:
    """A model's versions, oldest first, each with its manifest's digest, and the versions that aliases stand for."""

    versions: Mapping[str, str]
    aliases: Mapping[str, str]


@dataclass(frozen=True)
class Release:
    """A manifest as it came: its meaning, its bytes, and the signature over those, if any."""

    manifest: Manifest
    data: bytes
    signature: bytes | None


@dataclass(frozen=True)
class Registry:
    """A registry in a place."""

    place: Place

    def offers(self) -> dict[str, Offer]:
        """All models by name. Raises `RegistryError`, `ManifestError`."""
        data = self.place.read(INDEX, MAX_INDEX_BYTES)
        if data is None:
            raise RegistryError(f"{self.place.name} is no registry: it has no {INDEX}")
        try:
            return read_index(data)
        except ManifestError as error:
            raise ManifestError(f"{self.place.name}/{INDEX}: {error}") from error

    def release(self, wanted: Reference, key: bytes | None = None) -> Release:
        """The manifest of a model, signed by `key` where one is given. Raises `ModelError` of several kinds."""
        offers = self.offers()
        if wanted.name not in offers:
            raise RegistryError(f"{self.place.name} has no model {shown(wanted.name)}")
        offer = offers[wanted.name]
        version = _version(offer, wanted, self.place.name)
        path = f"manifests/{wanted.name}/{version}.json"
        data = self.place.read(path, MAX_BYTES)
        if data is None:
            raise RegistryError(f"{self.place.name} has no {path}, which its {INDEX} names")
        if digest_of(data) != offer.versions[version]:
            raise ManifestError(f"{self.place.name}/{path} is not what its {INDEX} says: {digest_of(data)}")
        try:
            manifest = read_manifest(data)
        except ManifestError as error:
            raise ManifestError(f"{self.place.name}/{path}: {error}") from error
        if (manifest.name, manifest.version) != (wanted.name, version):
            raise ManifestError(f"{self.place.name}/{path} is of {manifest.label}")
        signed = self.place.read(f"{path}.sig", signature.MAX_BYTES)
        if key is not None:
            signature.check_signature(data, signed, key)
        return Release(manifest, data, signed)

    def stream(self, blob: Blob, offset: int) -> Chunks:
        """A blob's bytes from `offset` on."""
        return self.place.stream(f"blobs/{checked_digest(blob.digest)}", offset)


def read_index(data: bytes) -> dict[str, Offer]:
    """The offers in an `index.json`. Raises `ManifestError`."""
    fields = json_object(data, MAX_INDEX_BYTES)
    if fields.get("schema") != SCHEMA:
        raise ManifestError(f'"schema" is {shown(fields.get("schema"))}; this version of Whence reads {SCHEMA}')
    models = _object(fields.get("models"), '"models"')
    return {checked_name(name): _offer(_object(record, shown(name)), name) for name, record in models.items()}


def _offer(record: Mapping[str, Any], name: str) -> Offer:
    versions = _object(record.get("versions"), f'"versions" of {name}')
    aliases = _object(record.get("aliases", {}), f'"aliases" of {name}')
    checked = {checked_version(version): checked_digest(digest) for version, digest in versions.items()}
    if unknown := [alias for alias in aliases if alias not in ALIASES]:
        raise ManifestError(f"{shown(unknown[0])} of {name} is no alias: {', '.join(ALIASES)}")
    if dangling := [alias for alias, version in aliases.items() if checked_version(version) not in checked]:
        raise ManifestError(f"{dangling[0]} of {name} is a version that is not there")
    return Offer(checked, dict(aliases))


def _version(offer: Offer, wanted: Reference, where: str) -> str:
    if wanted.version is None:
        if not offer.versions:
            raise RegistryError(f"{where} has no version of {wanted.name}")
        return offer.aliases.get("champion") or list(offer.versions)[-1]
    if wanted.version in ALIASES and wanted.version not in offer.versions:
        if wanted.version not in offer.aliases:
            raise RegistryError(f"{where} names no {wanted.version} of {wanted.name}")
        return offer.aliases[wanted.version]
    if wanted.version not in offer.versions:
        known = ", ".join(list(offer.versions)[-10:])
        raise RegistryError(f"{where} has no {wanted}; there are {known or 'none'}")
    return wanted.version


def _object(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ManifestError(f"{what} is no JSON object")
    return value
