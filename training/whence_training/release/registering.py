"""A trained adapter and its verdicts -> a version of a model in a registry, a ZIP to hand on, and what was done.

The adapter alone is new; its base stays the file that it was measured with. Registered again with the same verdicts, it
is the same version.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock

from whence_server.generation.prompt import VERSION as PROMPT
from whence_server.models.blobs import BlobStore
from whence_server.models.bundle import write_adapter as write_bundle
from whence_server.models.gguffile import read_model
from whence_server.models.manifest import Blob, Manifest, Mode, read_manifest
from whence_server.models.publishing import publish
from whence_server.models.registry import INDEX, read_index
from whence_training.config import Config, Registration
from whence_training.evaluation.report import Comparison, Report
from whence_training.gguf_export import quantize, write_adapter
from whence_training.gguf_merging import write_merged
from whence_training.qa.gates import Gate
from whence_training.release.card import model_card
from whence_training.release.versions import model_name, next_version
from whence_training.runfolder import digest_of, write_durably


@dataclass(frozen=True, slots=True)
class Trained:
    """What training made: the folder of PEFT's `adapter`, the GGUF file of its `base` and how that answers.

    `data` is what the dataset says of itself (`dataset.json`), `method` how and at what cost it was trained.
    """

    adapter: Path
    base: Path
    mode: Mode
    data: Mapping[str, Any]
    method: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Judged:
    """What is known of it: its report, beside the untuned base's, the gates, and numbers of the export by name;
    the report of what answered before, where that was not the base; and what may have gone wrong."""

    report: Report
    comparison: Comparison
    gates: Sequence[Gate]
    export: Mapping[str, float]
    champion: Report | None = None
    risks: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Exported:
    """The GGUF files of a release: the adapter, and where it was asked for the model with the adapter in it."""

    adapter: Path
    merged: Path | None = None


def export(trained: Trained, told: Registration, folder: Path) -> Exported:
    """Write the GGUF files that the configuration wants into `folder`. Raises `ExportError`, `GgufError`."""
    adapter = _export_adapter(trained, folder / "adapter.gguf")
    if not told.merged:
        return Exported(adapter)
    merged = write_merged(trained.base, adapter, folder / "merged.gguf")
    if told.quantization is None:
        return Exported(adapter, merged)
    quantized = quantize(merged, folder / f"merged-{told.quantization}.gguf", told.quantization)
    merged.unlink()
    return Exported(adapter, quantized)


def _export_adapter(trained: Trained, target: Path) -> Path:
    blocks = {name.split(".")[1] for name in read_model(trained.base).tensors if name.startswith("blk.")}
    return write_adapter(trained.adapter, target, len(blocks))


def register(
    trained: Trained, judged: Judged, exported: Exported, config: Config, registry: Path, folder: Path
) -> dict[str, Any]:
    """Publish the adapter, and beside it NAME-merged, in `registry`; `folder` gets the files that travel with it, the
    ZIP and `registration.json`, which is returned. Raises `ModelError`.
    """
    registry.mkdir(parents=True, exist_ok=True)
    manifest = _manifest(trained, judged, exported.adapter, config)
    with FileLock(registry / ".versions.lock"):
        before, merged = _published(registry, manifest.name), exported.merged
        wholes = {old.version: old.base for old in _published(registry, f"{manifest.name}-merged")}
        base = _blob(merged) if merged else None
        alike = (old for old in before if _same(old, manifest) and base in (None, wholes.get(old.version, base)))
        if same := next(alike, None):
            manifest = same
            for name, blob in same.files.items():
                (folder / name).write_bytes(BlobStore(registry / "blobs").read(blob))
        else:
            created = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
            manifest = replace(manifest, version=next_version(_given(registry, manifest)), created=created)
            files = _attach(trained, judged, manifest, config, folder)
            manifest = replace(manifest, files={file.name: _blob(file) for file in files})
        # What is there already is written as it was: a process may have been killed between two of these.
        files = [folder / name for name in manifest.files]
        publish(registry, manifest, [*files, exported.adapter, trained.base])
        if merged and base:
            whole = replace(manifest, name=f"{manifest.name}-merged", base=base, adapter=None)
            publish(registry, whole, [*files, merged])
    bundle = f"{manifest.name}-v{manifest.version}.zip"
    write_bundle(manifest, BlobStore(registry / "blobs"), folder / bundle)
    told = {
        "name": f"{manifest.name}-v{manifest.version}",
        "model": manifest.label,
        "version": manifest.version,
        "is_update": bool([old for old in before if old.version != manifest.version]),
        "base_model": config.finetuning.base_model or trained.base.name,
        "repo_id": repository_name(config, manifest.name),
        "url": registry.resolve().as_uri(),
        "private": config.registration.private,
        "registered_at": manifest.created,
        "metrics": dict(manifest.metrics),
        "gates": dict(manifest.gates),
        "dataset": trained.data.get("version"),
        "bundle": bundle,
    }
    write_durably(folder / "registration.json", json.dumps(told, ensure_ascii=False, indent=2) + "\n")
    return told


def repository_name(config: Config, name: str) -> str | None:
    """Where it would be on Hugging Face, `OWNER/NAME`; None where no owner is named."""
    owner = config.registration.hf_username
    return f"{owner}/{config.registration.repo_name or name}" if owner else None


def _manifest(trained: Trained, judged: Judged, adapter: Path, config: Config) -> Manifest:
    """All but the version, the date and what travels with it."""
    measured = {**judged.report.metrics, **judged.export}
    if judged.report.combined is not None:
        measured["combined"] = judged.report.combined
    return Manifest(
        name=model_name(config),
        version="0.0",
        mode=trained.mode,
        base=_blob(trained.base),
        adapter=_blob(adapter),
        tokenizer=read_model(trained.base).tokenizer,
        prompt=PROMPT,
        data=f"sha256-{trained.data['version']}",
        licence=config.registration.licence,
        description=f"A LoRA of {trained.method.get('examples', 0):,} questions about {trained.data.get('commit')}",
        metrics={name: round(value, 6) for name, value in sorted(measured.items()) if math.isfinite(value)},
        gates={gate.name: gate.state != "failed" for gate in judged.gates if gate.state != "unmeasured"},
    )


def _same(old: Manifest, new: Manifest) -> bool:
    """Whether it was registered already: by a run that was killed before it could say so, or by the same again. With
    other verdicts it is another version."""
    told = [(each.base, each.adapter, each.data, each.gates, each.licence) for each in (old, new)]
    return told[0] == told[1]


def _published(registry: Path, name: str) -> list[Manifest]:
    folder = registry / "manifests" / name
    return [read_manifest(file.read_bytes()) for file in sorted(folder.glob("*.json"))]


def _given(registry: Path, manifest: Manifest) -> list[str]:
    """Every version that there ever was of it here: those of the index, and manifests that are in none."""
    index = registry / INDEX
    offers = read_index(index.read_bytes()) if index.exists() else {}
    listed = list(offers[manifest.name].versions) if manifest.name in offers else []
    return [*listed, *(old.version for old in _published(registry, manifest.name))]


def _attach(trained: Trained, judged: Judged, manifest: Manifest, config: Config, folder: Path) -> list[Path]:
    texts = {
        "adapter_config.json": (trained.adapter / "adapter_config.json").read_text("utf-8"),
        "training_data.json": json.dumps(dict(trained.data), indent=2) + "\n",
        "README.md": model_card(
            manifest, judged.comparison, judged.champion, judged.gates, judged.risks,
            trained.method, trained.data, config,
        ),
    }  # fmt: skip
    for name, text in texts.items():
        (folder / name).write_text(text, "utf-8")
    return [folder / name for name in texts]


def _blob(file: Path) -> Blob:
    return Blob(f"sha256-{digest_of(file)}", file.stat().st_size)
