"""An adapter as a ZIP: it comes back as it was, and a ZIP that wants more than that is refused."""

from __future__ import annotations

import io
import json
import pickle
import stat
import warnings
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.server.models.gguf_files import write_adapter, write_model

from whence_server.errors import BundleError, ModelError
from whence_server.models.bundle import import_bundle, write_bundle
from whence_server.models.installed import Home
from whence_server.models.naming import reference
from whence_server.models.places import open_place
from whence_server.models.pulling import Terms, pull
from whence_server.models.registry import Registry
from whence_server.models.upkeep import remove


@pytest.fixture
def bundle(home, registry, tmp_path) -> Path:
    """The ZIP of `tuned` 1.0; only its base is here."""
    source = Registry(open_place(str(registry.folder)))
    pull(home, source, reference("tuned"), Terms())
    pull(home, source, reference("reader"), Terms())
    write_bundle(home, "tuned@1.0", tmp_path / "tuned.zip")
    remove(home, reference("tuned"))
    return tmp_path / "tuned.zip"


def contents(bundle: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(bundle) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def rewritten(bundle: Path, files: dict[str, bytes | None]) -> Path:
    """The bundle with other or more files, without its list of digests."""
    path = bundle.with_name("other.zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in (contents(bundle) | {"SHA256SUMS": None} | files).items():
            if data is not None:
                archive.writestr(name, data)
    return path


def test_an_adapter_comes_back_as_it_was(home, bundle, registry, tmp_path):
    names = {"adapter.gguf", "adapter_config.json", "metrics.json", "training_data.json", "README.md", "SHA256SUMS"}
    assert set(contents(bundle)) == names
    manifest = import_bundle(home, bundle)
    assert manifest.label == "tuned@1.0"
    assert (manifest.base, manifest.adapter) == (registry.tuned.base, registry.tuned.adapter)
    assert manifest.metrics == {"rouge_l": 0.5}
    assert home.blobs.path(manifest.adapter.digest).read_bytes() == registry.adapter.read_bytes()
    write_bundle(home, "tuned@1.0", tmp_path / "again.zip")
    assert contents(tmp_path / "again.zip")["README.md"] == contents(bundle)["README.md"]


def test_a_base_has_nothing_to_export(home, bundle):
    with pytest.raises(BundleError, match=r"reader@1\.0 has no adapter; it is the file"):
        write_bundle(home, "reader@1.0", bundle.with_name("reader.zip"))


def test_without_its_base_an_adapter_is_refused(home, bundle):
    remove(home, reference("reader"))
    with pytest.raises(ModelError, match="is not here: pull or import it first"):
        import_bundle(home, bundle)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../../.ssh/authorized_keys", "a path out of the archive"),
        ("/etc/cron.d/x", "a path out of the archive"),
        ("..\\up.gguf", "a path out of the archive"),
        ("C:\\x", "a path out of the archive"),
        ("adapter_model.bin", "a pickle, which runs code"),
        ("weights.pkl", "a pickle, which runs code"),
        ("adapter_model.safetensors", "convert the adapter to GGUF"),
        ("setup.py", r"an adapter is adapter\.gguf"),
        ("adapter/", r"an adapter is adapter\.gguf"),
        ("README.md\0.py", r"README\.md.*: an adapter is"),
    ],
)
def test_a_name_that_is_none_of_an_adapter_is_refused(home, bundle, tmp_path, name, reason):
    before = sorted(tmp_path.rglob("*"))
    path = rewritten(bundle, {"README.md": None, "zzz": b"x"})
    data = path.read_bytes()
    if "\0" in name:  # Python's own writer would cut it there
        path = rewritten(bundle, {"README.md": None, "README.mdX.py": b"x"})
        data = path.read_bytes().replace(b"README.mdX.py", b"README.md\0.py")
        path.write_bytes(data)
    else:
        path = rewritten(bundle, {name: b"x"})
    with pytest.raises(BundleError, match=reason):
        import_bundle(home, path)
    assert [file for file in sorted(tmp_path.rglob("*")) if file not in before] == [path]


def test_a_pickle_under_an_honest_name_is_not_run(home, bundle):
    class Bomb:
        def __reduce__(self):
            return (pytest.fail, ("it was run",))

    with pytest.raises(BundleError, match=r"adapter\.gguf is refused: it is no GGUF file|does not begin with GGUF"):
        import_bundle(home, rewritten(bundle, {"adapter.gguf": pickle.dumps(Bomb())}))


def test_a_bomb_is_refused_before_it_goes_off(home, bundle):
    with pytest.raises(BundleError, match=r"README\.md in other\.zip would unpack to 1,000,000 bytes"):
        import_bundle(home, rewritten(bundle, {"README.md": b"0" * 1_000_000}))
    with pytest.raises(BundleError, match="would unpack to 60,000,000 bytes"):
        import_bundle(home, rewritten(bundle, {"adapter.gguf": b"\0" * 60_000_000}))


def test_a_size_that_lies_is_refused(home, bundle):
    path = rewritten(bundle, {"README.md": b"0" * 100_000})
    data = path.read_bytes()
    path.write_bytes(data.replace((100_000).to_bytes(4, "little"), (10).to_bytes(4, "little")))
    with pytest.raises(BundleError, match=r"README\.md|damaged"):
        import_bundle(home, path)


def test_links_doubles_and_gaps_are_refused(home, bundle):
    link = zipfile.ZipInfo("README.md")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    path = bundle.with_name("link.zip")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(BundleError, match=r"README\.md in link\.zip is no plain file"):
        import_bundle(home, path)
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w") as archive:
        warnings.simplefilter("ignore")
        archive.writestr("README.md", "one")
        archive.writestr("README.md", "two")
    with pytest.raises(BundleError, match=r"holds README\.md twice"):
        import_bundle(home, path)
    with pytest.raises(BundleError, match=r"has no training_data\.json"):
        import_bundle(home, rewritten(bundle, {"training_data.json": None}))


def test_a_digest_that_is_not_listed_is_refused(home, bundle):
    sums = contents(bundle)["SHA256SUMS"]
    with pytest.raises(BundleError, match=r"README\.md in other\.zip is not what SHA256SUMS says"):
        import_bundle(home, rewritten(bundle, {"README.md": b"changed", "SHA256SUMS": sums}))


def config(bundle: Path, **changed: object) -> bytes:
    fields = json.loads(contents(bundle)["adapter_config.json"])
    fields["whence"] |= changed
    return json.dumps(fields).encode()


def test_what_does_not_go_together_is_refused(home, bundle, tmp_path):
    for files, reason in (
        ({"adapter_config.json": b"{}"}, 'adapter_config.json has no "whence"'),
        ({"adapter_config.json": b"{"}, "adapter_config.json: no JSON"),
        ({"adapter_config.json": config(bundle, name="../up")}, "'../up' is no name"),
        ({"adapter_config.json": config(bundle, shell="rm")}, "unknown key 'shell'"),
        ({"adapter_config.json": config(bundle, tokenizer="sha256-" + "0" * 64)}, "another tokenizer"),
        ({"metrics.json": b'{"metrics": {"rouge": "high"}}'}, "'rouge' is 'high', no number"),
        ({"metrics.json": b'{"metrics": {"rouge": NaN}}'}, "NaN is no number"),
        ({"adapter.gguf": write_adapter(tmp_path / "x.gguf", inner=64).read_bytes()}, r"as \[64, 32\]"),
        ({"adapter.gguf": write_adapter(tmp_path / "y.gguf", architecture="llama").read_bytes()}, "is for llama"),
        (
            {"adapter.gguf": write_model(tmp_path / "z.gguf").read_bytes()},
            r"adapter\.gguf is refused: it holds no LoRA",
        ),
    ):
        with pytest.raises(BundleError, match=reason):
            import_bundle(home, rewritten(bundle, files))
    assert list(home.state().models) == ["reader@1.0"]
    assert not list(home.folder.glob("import-*"))


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_zip_is_refused_or_whole(home: Home, bundle: Path, data):
    content = bytearray(bundle.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    if data.draw(st.booleans()):
        content = content[: data.draw(st.integers(0, len(content)))]
    path = bundle.with_name("damaged.zip")
    path.write_bytes(content)
    try:
        manifest = import_bundle(home, path)
    except ModelError:
        return
    with zipfile.ZipFile(io.BytesIO(bundle.read_bytes())) as archive:
        assert home.blobs.path(manifest.adapter.digest).read_bytes() == archive.read("adapter.gguf")
    remove(home, reference(manifest.label))
