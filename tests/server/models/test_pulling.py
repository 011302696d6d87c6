"""Pulling models over a network that is slow, cut, lying or forbidden: nothing half done is ever used."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from collections import namedtuple
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.server.models.file_server import COMMIT, serving
from tests.server.models.gguf_files import write_model

from whence_server.errors import BlobError, GgufError, ManifestError, ModelError, OfflineError, RegistryError
from whence_server.models import blobs, capacity
from whence_server.models.choosing import use
from whence_server.models.manifest import Manifest, write_manifest
from whence_server.models.naming import Reference, digest_of, reference
from whence_server.models.places import Bucket, open_place
from whence_server.models.presets import PRESETS
from whence_server.models.publishing import publish, replace_file
from whence_server.models.pulling import Terms, fetch, import_gguf, pull, pull_hub_file
from whence_server.models.registry import Registry

from .conftest import blob_of


def pulled(home, spec, name="tuned", **terms):
    return pull(home, Registry(open_place(str(spec))), reference(name), Terms(**terms))


def whole(home, manifest):
    return all(home.blobs.damage(blob) is None for blob in manifest.blobs) and manifest.label in home.state().models


def test_a_model_comes_from_a_folder_with_its_base(home, registry):
    manifest = pulled(home, registry.folder)
    assert manifest == registry.tuned
    assert whole(home, manifest)
    assert home.blobs.path(manifest.base.digest).read_bytes() == registry.base.read_bytes()


def test_aliases_and_versions_choose(home, registry):
    assert pulled(home, registry.folder, "tuned@challenger").version == "1.1"
    assert pulled(home, registry.folder, "tuned").version == "1.0"
    with pytest.raises(RegistryError, match=r"no tuned@9; there are 1\.0, 1\.1"):
        pulled(home, registry.folder, "tuned@9")
    with pytest.raises(RegistryError, match="names no previous of tuned"):
        pulled(home, registry.folder, "tuned@previous")


def test_a_second_adapter_fetches_no_second_base(home, site, registry):
    pulled(home, site.url, "tuned@1.0")
    site.asked.clear()
    pulled(home, site.url, "tuned@1.1")
    assert not [path for _, path, _ in site.asked if registry.reader.base.digest in path]


def test_a_cut_connection_is_gone_on_with(home, site, registry):
    site.cut_after, site.cuts = 10_000, 5
    assert whole(home, pulled(home, site.url))
    ranges = [asked for _, path, asked in site.asked if registry.reader.base.digest in path]
    assert ranges == ["", *[f"bytes={count * 10_000}-" for count in range(1, 6)]]


def test_a_registry_that_goes_down_keeps_what_came_for_the_next_time(home, site, registry):
    site.cut_after, site.cuts = 50_000, 1
    site.statuses = []
    said = []

    def down(message):
        said.append(message)
        site.statuses = [503] * 10

    with pytest.raises(RegistryError, match="busy or broken: it answered 503"):
        pulled(home, site.url, say=down)
    assert "going on at 50,000 bytes" in said[0]
    assert home.state().models == {}
    assert home.blobs.partial() == [registry.reader.base.digest]
    site.statuses, site.cuts = [], 0
    site.asked.clear()
    assert whole(home, pulled(home, site.url))
    assert ("GET", f"/blobs/{registry.reader.base.digest}", "bytes=50000-") in site.asked
    assert home.blobs.partial() == []


def test_a_server_without_ranges_is_resumed_all_the_same(home, site):
    site.ranges, site.cut_after, site.cuts = False, 50_000, 1
    assert whole(home, pulled(home, site.url))


def test_a_blob_that_is_not_its_digest_is_refused_and_not_kept(home, site, registry):
    lying = registry.folder / "blobs" / registry.reader.base.digest
    data = bytearray(lying.read_bytes())
    data[-1] ^= 1
    lying.write_bytes(data)
    with pytest.raises(BlobError, match="was asked for, what came is sha256-"):
        pulled(home, site.url)
    assert home.state().models == {}
    assert home.blobs.partial() == []


def test_a_part_that_was_damaged_on_disk_is_fetched_anew(home, site, registry):
    part = home.blobs.folder / f"{registry.reader.base.digest}.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"\0" * 1000)
    assert whole(home, pulled(home, site.url))


@pytest.mark.parametrize("change", [-100, 100], ids=["too short", "too long"])
def test_a_blob_of_another_size_is_refused(home, site, registry, change):
    lying = registry.folder / "blobs" / registry.reader.base.digest
    data = lying.read_bytes()
    lying.write_bytes(data[:change] if change < 0 else data + b"x" * change)
    with pytest.raises(ModelError, match=r"ended after|more than that came"):
        pulled(home, site.url)
    assert home.state().models == {}


def test_a_manifest_that_is_not_what_the_index_says_is_refused(home, site, registry):
    other = write_manifest(Manifest("tuned", "1.0", "write", registry.reader.base))
    replace_file(registry.folder / "manifests" / "tuned" / "1.0.json", other)
    with pytest.raises(ManifestError, match=r"manifests/tuned/1\.0\.json is not what its index\.json says"):
        pulled(home, site.url)


def test_a_gguf_that_lies_is_refused_though_its_digest_is_right(home, registry, tmp_path):
    liar = write_model(tmp_path / "liar.gguf", block_count=3)
    publish(registry.folder, Manifest("liar", "1", "quote", blob_of(liar)), [liar])
    with pytest.raises(GgufError, match="claims to have 3 blocks"):
        pulled(home, registry.folder, "liar")
    assert home.state().models == {}
    assert not list(home.blobs.folder.glob("sha256-*"))


def test_an_adapter_for_another_tokenizer_is_refused(home, registry, tmp_path):
    other = write_model(tmp_path / "other.gguf", tokens=[f"u{number}" for number in range(40)])
    mixed = Manifest("mixed", "1", "write", blob_of(other), registry.tuned.adapter, registry.tuned.tokenizer)
    publish(registry.folder, mixed, [other])
    with pytest.raises(GgufError, match="another tokenizer"):
        pulled(home, registry.folder, "mixed")


def test_a_disk_without_room_is_said_before_anything_is_fetched(home, site, registry, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(blobs.shutil, "disk_usage", lambda path: usage(1, 1, 50_000))
    with pytest.raises(BlobError, match=r"0\.1 MB are to be stored in .*, where 0\.1 MB are free, of which 64 MB"):
        pulled(home, site.url)
    assert not [path for _, path, _ in site.asked if "/blobs/" in path]


def test_a_disk_that_fills_up_keeps_what_came(home, site, registry):
    """In a process whose files may not grow beyond 20 kB, which the system refuses as it does on a full disk."""
    script = (
        "import resource, signal, sys\n"
        "from whence_server.models import blobs\n"
        "from whence_server.models.installed import user_home\n"
        "from whence_server.models.manifest import Blob\n"
        "from whence_server.models.places import open_place\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
        f"blob = Blob({registry.reader.base.digest!r}, {registry.reader.base.size})\n"
        f"place = open_place({site.url!r})\n"
        "user_home().blobs.fetch(blob, lambda offset: place.stream('blobs/' + blob.digest, offset))\n"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert "BlobError" in run.stderr
    assert home.blobs.partial() == [registry.reader.base.digest]
    assert whole(home, pulled(home, site.url))


def test_memory_is_looked_at_before_anything_is_fetched(home, site, monkeypatch):
    monkeypatch.setattr(capacity, "memory_bytes", lambda: 10_000)
    with pytest.raises(ModelError, match="--anyway"):
        pulled(home, site.url)
    assert not [path for _, path, _ in site.asked if "/blobs/" in path]
    assert whole(home, pulled(home, site.url, anyway=True))


def test_two_processes_fetch_a_blob_once(home, site, registry):
    command = [sys.executable, "-m", "whence_server", "models", "pull", "reader", "--from", site.url, "--json"]
    runs = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    outputs = [run.communicate(timeout=60) for run in runs]
    assert [run.returncode for run in runs] == [0, 0, 0], outputs
    assert all(json.loads(output)["name"] == "reader" for output, _ in outputs)
    assert len([path for _, path, _ in site.asked if "/blobs/" in path]) == 1


@pytest.mark.parametrize("way", ["the same", "another over it", "the file itself"])
def test_taking_a_damaged_blob_in_again_mends_it(home, registry, way):
    manifest = pulled(home, registry.folder)
    path = home.blobs.path(manifest.base.digest)
    data = bytearray(path.read_bytes())
    data[-5] ^= 4
    path.write_bytes(data)
    assert not whole(home, manifest)
    if way == "the file itself":
        import_gguf(home, registry.base, Terms())
    else:
        pulled(home, registry.folder, "tuned" if way == "the same" else "tuned@1.1")
    assert whole(home, manifest)


def test_offline_nothing_is_asked(home, site, registry, monkeypatch):
    monkeypatch.setenv("WHENCE_OFFLINE", "1")
    for spec in (site.url, "hf://owner/name", "s3://bucket/models"):
        with pytest.raises(OfflineError, match="WHENCE_OFFLINE is set"):
            pulled(home, spec)
    with pytest.raises(OfflineError):
        pull_hub_file(home, "hf://owner/name/model.gguf", Terms())
    assert whole(home, pulled(home, registry.folder))
    monkeypatch.delenv("WHENCE_OFFLINE")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(OfflineError, match="HF_HUB_OFFLINE is set"):
        pulled(home, "hf://owner/name")
    assert not site.asked


def test_a_proxy_is_used(home, site, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", site.url)
    assert whole(home, pulled(home, "http://models.invalid"))
    assert site.asked[0][1] == "http://models.invalid/index.json"


def test_credentials_go_to_the_host_and_nowhere_else(home, site, registry):
    with_password = site.url.replace("http://", "http://ada:secret@")
    manifest = pulled(home, with_password)
    assert site.headers[0]["Authorization"].startswith("Basic ")
    assert home.state().models[manifest.label].origin == site.url
    assert "secret" not in (home.folder / "state.json").read_text()


def test_a_registry_on_hugging_face_is_read_through_its_mirror(home, registry, tmp_path, monkeypatch):
    (tmp_path / "mirror" / "team").mkdir(parents=True)
    (tmp_path / "mirror" / "team" / "models").symlink_to(registry.folder)
    monkeypatch.setenv("HF_TOKEN", "hf_token")
    with serving(tmp_path / "mirror") as mirror:
        monkeypatch.setenv("HF_ENDPOINT", mirror.url)
        assert whole(home, pulled(home, "hf://team/models"))
    assert mirror.asked[0][1] == "/team/models/resolve/main/index.json"
    assert mirror.headers[0]["Authorization"] == "Bearer hf_token"


def test_one_file_of_hugging_face_is_pulled_at_its_commit(home, registry, tmp_path, monkeypatch):
    folder = tmp_path / "mirror" / "Qwen" / "Small-GGUF"
    folder.mkdir(parents=True)
    (folder / "Small.Q4_K_M.gguf").symlink_to(registry.base)
    with serving(tmp_path / "mirror") as mirror:
        monkeypatch.setenv("HF_ENDPOINT", mirror.url)
        mirror.cut_after, mirror.cuts = 40_000, 1
        manifest = pull_hub_file(home, "hf://Qwen/Small-GGUF/Small.Q4_K_M.gguf", Terms())
    assert (manifest.name, manifest.mode, manifest.licence) == ("small-q4-k-m", "quote", "apache-2.0")
    assert manifest.base == registry.reader.base
    assert mirror.asked[-1] == ("GET", f"/Qwen/Small-GGUF/resolve/{COMMIT}/Small.Q4_K_M.gguf", "bytes=40000-")


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_here_under_the_name_it_was_pulled_by(home, registry, tmp_path, monkeypatch, name):
    file = tmp_path / "mirror" / PRESETS[name].spec.removeprefix("hf://")
    file.parent.mkdir(parents=True)
    file.symlink_to(registry.base)
    with serving(tmp_path / "mirror") as mirror:
        monkeypatch.setenv("HF_ENDPOINT", mirror.url)
        manifest = fetch(home, name, None, Terms())
    assert use(home, reference(name)).champion == manifest.label


def test_a_bucket_is_read_in_ranges(home, registry, tmp_path, monkeypatch):
    """Arrow's own S3 client against a server that answers as S3 does to reads; the request is signed."""
    (tmp_path / "s3" / "bucket").mkdir(parents=True)
    (tmp_path / "s3" / "bucket" / "models").symlink_to(registry.folder)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with serving(tmp_path / "s3") as s3:
        address = f"s3://bucket/models?scheme=http&region=us-east-1&endpoint_override={s3.url.removeprefix('http://')}"
        part = home.blobs.folder / f"{registry.reader.base.digest}.part"
        part.parent.mkdir(parents=True)
        part.write_bytes(registry.base.read_bytes()[:30_000])
        manifest = pulled(home, address)
        assert whole(home, manifest)
        with pytest.raises(RegistryError, match="is no registry"):
            pulled(home, address.replace("/models", "/nothing"))
    assert home.state().models[manifest.label].origin == "s3://bucket/models"
    assert all(headers["authorization"].startswith("AWS4-HMAC-SHA256") for headers in s3.headers)
    asked = [r for _, path, r in s3.asked if registry.reader.base.digest in path and r]
    assert asked
    assert all(r.startswith("bytes=30000-") for r in asked)


def test_a_bucket_whose_network_breaks_for_longer_than_arrow_waits_is_gone_on_with(home, registry):
    """A file that breaks off once, as Arrow's do when its own patience has ended."""
    broken = []

    class Torn(io.FileIO):
        def size(self):
            return registry.reader.base.size

        def read(self, size=-1):
            if self.tell() and not broken:
                broken.append(self.tell())
                raise OSError("AWS Error NETWORK_CONNECTION during GetObject operation: curlCode: 56")
            return super().read(min(size, 30_000))

    bucket = Bucket("s3://bucket/models")
    bucket.__dict__["_system"] = SimpleNamespace(open_input_file=Torn), str(registry.folder)
    said = []
    blob = registry.reader.base
    home.blobs.fetch(blob, lambda offset: bucket.stream(f"blobs/{blob.digest}", offset), say=said.append)
    assert "s3://bucket/models broke off: AWS Error" in said[0]
    assert (broken, home.blobs.damage(blob)) == ([30_000], None)


@pytest.mark.parametrize("secret", ["SECRET x", "SEC/RET"])
def test_the_keys_in_an_address_are_never_shown(home, secret):
    with pytest.raises(RegistryError, match="s3://bucket/models cannot be read") as raised:
        pulled(home, f"s3://AKIA:{secret}@bucket/models")
    assert not {"AKIA", "SEC"} & set(re.findall("[A-Z]+", str(raised.value)))


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ("/nowhere/at/all", "is no folder"),
        ("ftp://host/x", "no kind of registry"),
        ("hf://only-a-name", "is not hf://OWNER/NAME"),
        ("hf://../..", "is not hf://OWNER/NAME"),
        ("http://127.0.0.1:9", "cannot be reached"),
    ],
)
def test_a_place_that_is_none_is_named(home, spec, reason):
    with pytest.raises(RegistryError, match=reason):
        pulled(home, spec)


def test_a_forbidden_file_and_a_broken_index_are_named(home, site, registry):
    site.statuses = [403]
    with pytest.raises(RegistryError, match=r"does not give index\.json to you"):
        pulled(home, site.url)
    (registry.folder / "index.json").write_text('{"schema": 1, "models": {"../up": {"versions": {}}}}')
    with pytest.raises(ManifestError, match=r"index\.json: '\.\./up' is no name"):
        pulled(home, site.url)


def test_a_version_is_never_given_other_content(home, registry):
    with pytest.raises(ManifestError, match="published already, with other content"):
        publish(registry.folder, Manifest("reader", "1.0", "write", registry.reader.base), [])
    publish(registry.folder, registry.reader, [])
    with pytest.raises(ModelError, match="which is in none of its files"):
        publish(registry.folder, Manifest("new", "1", "write", blob_of(Path(__file__))), [])


def test_a_model_that_is_here_is_not_replaced_by_another_of_its_name(home, registry, tmp_path):
    pulled(home, registry.folder, "reader")
    other = tmp_path / "other"
    publish(other, Manifest("reader", "1.0", "write", registry.reader.base), [registry.base])
    with pytest.raises(ModelError, match="here already, with other content"):
        pulled(home, other, "reader")
    assert home.manifest("reader@1.0") == registry.reader


def test_a_pull_that_is_killed_leaves_nothing_in_use_and_is_gone_on_with(home, site, registry):
    site.cut_after, site.cuts = 30_000, 1
    script = (
        "import os\n"
        "from whence_server.models.installed import user_home\n"
        "from whence_server.models.naming import reference\n"
        "from whence_server.models.places import open_place\n"
        "from whence_server.models.pulling import Terms, pull\n"
        "from whence_server.models.registry import Registry\n"
        f"registry = Registry(open_place({site.url!r}))\n"
        "pull(user_home(), registry, reference('reader'), Terms(say=lambda message: os.kill(os.getpid(), 9)))\n"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert run.returncode == -9, run.stderr
    assert home.state().models == {}
    assert whole(home, pulled(home, site.url, "reader"))


def test_what_killed_processes_left_goes_with_the_next_model(home, registry):
    manifest = pulled(home, registry.folder, "reader")
    blobs, scratch = home.blobs.folder, home.folder / "import-x"
    old, begun, new = (blobs / name for name in (f"sha256-{'1' * 64}", f"sha256-{'2' * 64}.part", f"sha256-{'3' * 64}"))
    scratch.mkdir()
    for path in (old, begun, new, scratch / "0"):
        path.write_bytes(b"x" * 1000)
    for path in (old, begun, scratch, home.blobs.path(manifest.base.digest)):
        os.utime(path, (0, 0))
    (blobs / "sha256-of-someone").touch()
    pulled(home, registry.folder, "tuned")
    assert [path.exists() for path in (old, begun, new, scratch)] == [False, False, True, False]
    assert whole(home, manifest)


def test_a_reference_is_data():
    assert reference("reader@champion") == Reference("reader", "champion")
    for hostile in ("../x", "a/b", "a@../b", "a@", "@1", "A", "a..b", "x" * 65, "a\nb", "a@1\n", "con\0", ""):
        with pytest.raises(ManifestError):
            reference(hostile)
    assert digest_of(b"") == "sha256-e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.mark.parametrize("spec", ["https://ada:secret@[oops", "s3://[oops", "file://[oops"])
def test_an_address_that_is_none_is_refused_without_its_password(spec):
    with pytest.raises(RegistryError, match=r"\[oops is no address") as refused:
        open_place(spec)
    assert "secret" not in str(refused.value)
