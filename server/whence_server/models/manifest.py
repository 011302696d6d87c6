"""What a model is made of and how it may be used: the manifest, and its JSON as docs/models.md describes it.

Takes bytes from a registry or a file and returns a `Manifest` only if every key of it is known and every value is of
its kind. Reads and writes nothing.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from whence_indexer.records import plain, utc
from whence_server.errors import ManifestError
from whence_server.models.naming import checked_digest, checked_name, checked_version, shown

SCHEMA = 1
# Some hundred metrics and gates are 10 kB.
MAX_BYTES = 1 << 20
MAX_BLOB_BYTES = 1 << 42
# What comes with a model beside its weights, and how large each may be: read whole, never run.
ATTACHMENTS = {"adapter_config.json": 1 << 20, "training_data.json": 1 << 24, "README.md": 1 << 20}

Mode = Literal["quote", "write"]


@dataclass(frozen=True)
class Blob:
    """A file by its content: the digest that names it, and its size in bytes."""

    digest: str
    size: int


@dataclass(frozen=True)
class Manifest:
    """A model. `base` is a GGUF file, `adapter` a LoRA over it; `tokenizer` is the digest that `gguffile` gives.

    `mode` says how it answers (quote: only sentences of the evidence; write: free text, verified). `prompt` is the
    version of the prompt it was made for, "" for any; `data` is the digest of what it was trained on. Metrics and gates
    are those it was released with.
    """

    name: str
    version: str
    mode: Mode
    base: Blob
    adapter: Blob | None = None
    tokenizer: str | None = None
    prompt: str = ""
    data: str | None = None
    licence: str = ""
    created: str = ""
    description: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    gates: Mapping[str, bool] = field(default_factory=dict)
    files: Mapping[str, Blob] = field(default_factory=dict)

    @property
    def blobs(self) -> tuple[Blob, ...]:
        """Everything it is made of, the small before the large, each once."""
        everything = {blob.digest: blob for blob in (*self.files.values(), self.adapter, self.base) if blob}
        return tuple(everything.values())

    @property
    def label(self) -> str:
        """`NAME@VERSION`."""
        return f"{self.name}@{self.version}"


def read_manifest(data: bytes) -> Manifest:
    """The manifest in `data`. Raises `ManifestError`, naming the key that is unknown, missing or wrong."""
    fields = json_object(data, MAX_BYTES)
    if fields.get("schema") != SCHEMA or isinstance(fields.get("schema"), bool):
        raise ManifestError(f'"schema" is {shown(fields.get("schema"))}; this version of Whence reads {SCHEMA}')
    _known(fields, ("schema", *_READERS))
    values = {name: _read(name, read, fields[name]) for name, read in _READERS.items() if fields.get(name) is not None}
    if missing := [name for name in ("name", "version", "mode", "base") if name not in values]:
        raise ManifestError(f'no "{missing[0]}"')
    manifest = Manifest(**values)
    if manifest.adapter and not manifest.tokenizer:
        raise ManifestError('no "tokenizer": an adapter says which its base must have')
    return manifest


def write_manifest(manifest: Manifest) -> bytes:
    """The manifest as JSON, the same bytes each time; what it lacks is left out."""
    record: dict[str, Any] = {"schema": SCHEMA}
    for name in _READERS:
        value = getattr(manifest, name)
        if value not in (None, "", {}):
            record[name] = _plain(value)
    return (json.dumps(record, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()


def json_object(data: bytes, limit: int) -> dict[str, Any]:
    """The JSON object in `data`, strictly: UTF-8, no key twice, no number that is none. Raises `ManifestError`."""
    if len(data) > limit:
        raise ManifestError(f"larger than {limit:,} bytes")
    try:
        value = json.loads(data.decode(), object_pairs_hook=_once, parse_constant=_no_constant)
    except ManifestError:
        raise
    except (ValueError, RecursionError) as error:
        raise ManifestError(f"no JSON ({error})") from error
    if not isinstance(value, dict):
        raise ManifestError("no JSON object")
    return value


def _read(name: str, read: Callable[[Any], Any], value: Any) -> Any:
    try:
        return read(value)
    except ManifestError as error:
        raise ManifestError(f'"{name}": {error}') from error


def _blob(value: Any) -> Blob:
    fields = _mapping(value)
    _known(fields, ("digest", "size"))
    size = fields.get("size")
    if isinstance(size, bool) or not isinstance(size, int) or not 0 < size <= MAX_BLOB_BYTES:
        raise ManifestError(f'"size" is {shown(size)}, no number of bytes from 1 to {MAX_BLOB_BYTES:,}')
    return Blob(checked_digest(fields.get("digest")), size)


def _files(value: Any) -> dict[str, Blob]:
    fields = _mapping(value)
    _known(fields, ATTACHMENTS)
    files = {name: _read(name, _blob, blob) for name, blob in fields.items()}
    for name, blob in files.items():
        if blob.size > ATTACHMENTS[name]:
            raise ManifestError(f'"{name}" is larger than {ATTACHMENTS[name]:,} bytes')
    return files


def _metrics(value: Any) -> dict[str, float]:
    fields = _mapping(value)
    for name, number in fields.items():
        if isinstance(number, bool) or not isinstance(number, (int, float)) or not _finite(number):
            raise ManifestError(f"{shown(name)} is {shown(number)}, no number")
    return {plain(name): float(number) for name, number in fields.items()}


def _finite(number: float) -> bool:
    try:
        return math.isfinite(number)
    except OverflowError:
        return False


def _gates(value: Any) -> dict[str, bool]:
    fields = _mapping(value)
    for name, passed in fields.items():
        if not isinstance(passed, bool):
            raise ManifestError(f"{shown(name)} is {shown(passed)}, neither true nor false")
    return {plain(name): passed for name, passed in fields.items()}


def _mode(value: Any) -> str:
    if value not in get_args(Mode):
        raise ManifestError(f"{shown(value)} is none of {', '.join(get_args(Mode))}")
    return str(value)


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > 4000:
        raise ManifestError("no text of at most 4,000 characters")
    return plain(value)


def _date(value: Any) -> str:
    try:
        return utc(_text(value))
    except ValueError as error:
        raise ManifestError(f"{shown(value)} is no ISO 8601 date") from error


def _mapping(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ManifestError("no JSON object")
    return value


def _known(fields: Mapping[str, Any], names: Any) -> None:
    if unknown := [name for name in fields if name not in names]:
        raise ManifestError(f"unknown key {shown(unknown[0])}; known are {', '.join(names)}")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ManifestError("a key comes twice")
    return fields


def _no_constant(name: str) -> Any:
    raise ManifestError(f"{name} is no number")


def _plain(value: Any) -> Any:
    if isinstance(value, Blob):
        return {"digest": value.digest, "size": value.size}
    return {key: _plain(item) for key, item in value.items()} if isinstance(value, Mapping) else value


_READERS: dict[str, Callable[[Any], Any]] = {
    "name": checked_name,
    "version": checked_version,
    "mode": _mode,
    "base": _blob,
    "adapter": _blob,
    "tokenizer": checked_digest,
    "prompt": checked_version,
    "data": checked_digest,
    "licence": _text,
    "created": _date,
    "description": _text,
    "metrics": _metrics,
    "gates": _gates,
    "files": _files,
}
