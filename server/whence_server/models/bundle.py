"""An adapter as one ZIP, to hand on: written with a list of digests, read as if it came from an enemy.

    adapter.gguf  adapter_config.json  metrics.json  training_data.json  README.md  SHA256SUMS

`adapter_config.json` is PEFT's, and has under "whence" the manifest without what the other files say. Reading takes
only these names, so that no path of a ZIP is ever one on this machine, and no more of each than its limit.
"""

from __future__ import annotations

import hashlib
import json
import stat
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from whence_server.errors import BundleError, GgufError, ManifestError, ModelError
from whence_server.models import gguffile
from whence_server.models.blobs import BlobStore
from whence_server.models.installed import Home, install
from whence_server.models.manifest import ATTACHMENTS, Manifest, json_object, read_manifest, write_manifest
from whence_server.models.naming import shown

ADAPTER, CONFIG, METRICS, SUMS = "adapter.gguf", "adapter_config.json", "metrics.json", "SHA256SUMS"
# Adapters are some MB; one of 2 GB would be a model.
LIMITS = {ADAPTER: 1 << 31, METRICS: 1 << 20, SUMS: 1 << 12, **ATTACHMENTS}
_REQUIRED = (ADAPTER, CONFIG, METRICS, "training_data.json", "README.md")
_PICKLES = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".joblib")
# Deflate cannot do better than some 1,030 to 1; weights hardly shrink at all.
_MAX_RATIO = 200
_CHUNK = 1 << 20
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OverflowError)


def write_bundle(home: Home, label: str, path: Path) -> list[str]:
    """Write the adapter of an installed model to `path`; returns the names in it. Raises `ModelError`."""
    return write_adapter(home.manifest(label), home.blobs, path)


def write_adapter(manifest: Manifest, blobs: BlobStore, path: Path) -> list[str]:
    """The same of a manifest whose blobs are in `blobs`: of an installed model, or of a registry's folder."""
    if manifest.adapter is None:
        raise BundleError(f"{manifest.label} has no adapter; it is the file {blobs.path(manifest.base.digest)}")
    files = {name: blobs.read(blob) for name, blob in manifest.files.items()}
    files.setdefault("training_data.json", _json({"digest": manifest.data}))
    files.setdefault("README.md", _card(manifest).encode())
    files[CONFIG] = _config(manifest, files.get(CONFIG))
    files[METRICS] = _json({"metrics": dict(manifest.metrics), "gates": dict(manifest.gates)})
    if problem := blobs.damage(manifest.adapter):
        raise BundleError(problem)
    sums = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    sums[ADAPTER] = manifest.adapter.digest.removeprefix("sha256-")
    files[SUMS] = "".join(f"{digest}  {name}\n" for name, digest in sorted(sums.items())).encode()
    unfinished = path.with_name(f"{path.name}.part")
    try:
        with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.write(blobs.path(manifest.adapter.digest), ADAPTER)
            for name in sorted(files):
                archive.writestr(zipfile.ZipInfo(name), files[name], zipfile.ZIP_DEFLATED)
        unfinished.replace(path)
    except OSError as error:
        raise BundleError(f"{path} cannot be written: {error.strerror}") from error
    finally:
        unfinished.unlink(missing_ok=True)
    return sorted([ADAPTER, *files])


def import_bundle(home: Home, path: Path) -> Manifest:
    """Install the adapter in the ZIP at `path`, over a base that is here. Raises `ModelError`; then none is."""
    home.folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="import-", dir=home.folder) as scratch:
        with _opened(path) as archive:
            files = _unpack(archive, Path(scratch), path.name)
        _check_sums(files, path.name)
        try:
            manifest = _manifest(files)
            _check_fit(home, manifest, files[ADAPTER])
        except (ManifestError, GgufError) as error:
            raise BundleError(f"{path.name}: {error}") from error
        adapter = home.blobs.add(files[ADAPTER])
        kept = {name: home.blobs.add(files[name]) for name in ATTACHMENTS if name in files}
        manifest = read_manifest(write_manifest(replace(manifest, adapter=adapter, files=kept)))
        if manifest.label in home.state().models:
            old = home.manifest(manifest.label)
            if replace(old, files={}) == replace(manifest, files={}):
                return old  # it went out from here, or came before
        install(home, manifest, write_manifest(manifest), str(path.resolve()))
    return manifest


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except OSError as error:
        raise BundleError(f"{path} cannot be read: {error.strerror or error}") from error
    except _DAMAGED as error:
        raise BundleError(f"{path.name} is damaged, or no ZIP: {error}") from error


def _unpack(archive: zipfile.ZipFile, scratch: Path, where: str) -> dict[str, Path]:
    """The files of the archive by their names, in `scratch` under names of ours."""
    files: dict[str, Path] = {}
    for number, info in enumerate(_checked(archive, where)):
        target = scratch / f"{number}"
        _copy(archive, info, target, where)
        files[info.filename] = target
    if missing := [name for name in _REQUIRED if name not in files]:
        raise BundleError(f"{where} has no {missing[0]}; an adapter is {', '.join(_REQUIRED)}")
    return files


def _checked(archive: zipfile.ZipFile, where: str) -> list[zipfile.ZipInfo]:
    """The entries, all of which may be read. Decided by the list alone, before a byte is unpacked."""
    entries, seen = archive.infolist(), set()
    for info in entries:
        name, limit = info.filename, LIMITS.get(info.filename)
        # What a tool of another kind takes for the name must be the same.
        if info.orig_filename != name or limit is None:
            raise BundleError(f"{where} holds {shown(info.orig_filename)}: {_objection(info.orig_filename)}")
        if name in seen:
            raise BundleError(f"{where} holds {name} twice")
        seen.add(name)
        if info.flag_bits & 1:
            raise BundleError(f"{where} is encrypted")
        if info.is_dir() or stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG):
            raise BundleError(f"{name} in {where} is no plain file")
        if info.file_size > limit or info.file_size > _MAX_RATIO * max(info.compress_size, 1 << 10):
            raise BundleError(f"{name} in {where} would unpack to {info.file_size:,} bytes: more than it may be")
    return entries


def _objection(name: str) -> str:
    parts = name.replace("\\", "/").split("/")
    if name.startswith(("/", "\\")) or ".." in parts or name[1:2] == ":":
        return "a path out of the archive"
    if name.lower().endswith(_PICKLES):
        return "a pickle, which runs code when it is read; convert the adapter to GGUF"
    if name.lower().endswith(".safetensors"):
        return "weights in safetensors; convert the adapter to GGUF (llama.cpp's convert_lora_to_gguf.py)"
    return f"an adapter is {', '.join(_REQUIRED)}"


def _copy(archive: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path, where: str) -> None:
    done = 0
    with archive.open(info) as source, target.open("wb") as file:
        while chunk := source.read(_CHUNK):
            done += len(chunk)
            if done > info.file_size:
                raise BundleError(f"{info.filename} in {where} is larger than it claims")
            file.write(chunk)
    if done != info.file_size:
        raise BundleError(f"{info.filename} in {where} is cut short")


def _check_sums(files: Mapping[str, Path], where: str) -> None:
    if SUMS not in files:
        return
    listed = {name: digest for digest, _, name in (line.partition("  ") for line in _lines(files[SUMS]))}
    for name, path in files.items():
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if name != SUMS and listed.get(name) != found:
            raise BundleError(f"{name} in {where} is not what {SUMS} says")


def _lines(path: Path) -> list[str]:
    lines = path.read_text("utf-8", "replace").splitlines()
    if not all("  " in line for line in lines):
        raise BundleError(f"{SUMS} is not lines of a digest, two spaces and a name")
    return lines


def _manifest(files: Mapping[str, Path]) -> Manifest:
    """The manifest that the files add up to, still without the adapter's blob."""
    config = _object(files, CONFIG)
    about = config.get("whence")
    if not isinstance(about, dict):
        raise ManifestError(f'{CONFIG} has no "whence", which names the model, its version and its base')
    if own := [name for name in ("adapter", "files", "metrics", "gates") if name in about]:
        raise ManifestError(f'"{own[0]}" in "whence" of {CONFIG} is said by the other files')
    measured = _object(files, METRICS)
    if unknown := [name for name in measured if name not in ("metrics", "gates")]:
        raise ManifestError(f"unknown key {shown(unknown[0])} in {METRICS}; known are metrics, gates")
    _object(files, "training_data.json")
    manifest = read_manifest(json.dumps(about | measured).encode())
    if not manifest.tokenizer:
        raise ManifestError(f'"whence" in {CONFIG} has no "tokenizer": an adapter says which its base must have')
    return manifest


def _object(files: Mapping[str, Path], name: str) -> dict[str, Any]:
    try:
        return json_object(files[name].read_bytes(), LIMITS[name])
    except ManifestError as error:
        raise ManifestError(f"{name}: {error}") from error


def _check_fit(home: Home, manifest: Manifest, adapter_path: Path) -> None:
    """Raise `ModelError` unless the base is here and the adapter fits it: architecture, shapes, tokenizer."""
    if not home.blobs.has(manifest.base):
        raise ModelError(f"the base of {manifest.label}, {manifest.base.digest}, is not here: pull or import it first")
    model = gguffile.read_model(home.blobs.path(manifest.base.digest))
    if manifest.tokenizer != model.tokenizer:
        raise GgufError("the adapter was made with another tokenizer than its base has")
    try:
        adapter = gguffile.read_adapter(adapter_path)
    except GgufError as error:
        raise GgufError(str(error).replace(adapter_path.name, ADAPTER, 1)) from error
    gguffile.check_fit(adapter, model)


def _config(manifest: Manifest, config: bytes | None) -> bytes:
    fields: dict[str, Any] = json.loads(config) if config else {"peft_type": "LORA"}
    about = json.loads(write_manifest(replace(manifest, adapter=None, files={}, metrics={}, gates={})))
    return _json(fields | {"whence": about})


def _card(manifest: Manifest) -> str:
    measures = "".join(f"| {name} | {value:g} |\n" for name, value in sorted(manifest.metrics.items()))
    table = f"\n| measure | value |\n|---|---|\n{measures}" if measures else ""
    licence = f"\nLicence: {manifest.licence}\n" if manifest.licence else ""
    about = f"\n{manifest.description}\n" if manifest.description else ""
    return f"# {manifest.label}\n{about}\nA LoRA adapter over {manifest.base.digest}.\n{licence}{table}"


def _json(fields: Mapping[str, Any]) -> bytes:
    return (json.dumps(fields, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()
