"""A model and an adapter over it, published in a folder, and the same folder on the web."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.server.models.file_server import Site, serving
from tests.server.models.gguf_files import write_adapter, write_model

from whence_server.models import blobs
from whence_server.models.gguffile import read_model
from whence_server.models.installed import Home, user_home
from whence_server.models.manifest import Blob, Manifest
from whence_server.models.naming import digest_of
from whence_server.models.publishing import publish


@dataclass(frozen=True)
class Published:
    """A registry in a folder with `reader` 1.0, a base, and `tuned` 1.0 and 1.1, adapters over it."""

    folder: Path
    base: Path
    adapter: Path
    reader: Manifest
    tuned: Manifest


def blob_of(path: Path) -> Blob:
    return Blob(digest_of(path.read_bytes()), path.stat().st_size)


@pytest.fixture
def registry(tmp_path: Path) -> Published:
    base = write_model(tmp_path / "base.gguf", template="{{ messages }}")
    adapter = write_adapter(tmp_path / "adapter.gguf")
    newer = write_adapter(tmp_path / "newer.gguf", rank=2)
    about = {"base": blob_of(base), "tokenizer": read_model(base).tokenizer}
    reader = Manifest("reader", "1.0", "quote", licence="Apache-2.0", **about)
    tuned = Manifest("tuned", "1.0", "write", adapter=blob_of(adapter), metrics={"rouge_l": 0.5}, **about)
    folder = tmp_path / "registry"
    publish(folder, reader, [base], ["champion"])
    publish(folder, tuned, [adapter], ["champion"])
    publish(folder, Manifest("tuned", "1.1", "write", adapter=blob_of(newer), **about), [newer], ["challenger"])
    return Published(folder, base, adapter, reader, tuned)


@pytest.fixture
def site(registry: Published) -> Iterator[Site]:
    with serving(registry.folder) as served:
        yield served


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Home:
    """Empty, as on a fresh machine; nothing of the environment points to a network, and nobody waits."""
    for name in ("WHENCE_OFFLINE", "HF_HUB_OFFLINE", "WHENCE_REGISTRY", "WHENCE_MODEL_KEY", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setattr(blobs, "BACKOFF", (0.0, 0.0, 0.0))
    return user_home()
