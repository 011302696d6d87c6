"""Who answers: champion, challenger, previous; for one repository or everywhere; and always a way back."""

from __future__ import annotations

import json
import re
import shutil
import threading

import pytest
from tests.commands import called, process

from whence_server.errors import ManifestError, ModelError, SignatureError
from whence_server.models import roles as steps
from whence_server.models.choosing import active, challenge, roll_back, scope_of, use
from whence_server.models.manifest import Manifest, read_manifest, write_manifest
from whence_server.models.naming import reference
from whence_server.models.places import open_place
from whence_server.models.publishing import publish
from whence_server.models.pulling import Terms, import_gguf, pull
from whence_server.models.registry import Registry
from whence_server.models.roles import SHARES, Roles
from whence_server.models.upkeep import installed, remove, verify


@pytest.fixture
def stocked(home, registry):
    """A home with reader 1.0, tuned 1.0 and tuned 1.1."""
    source = Registry(open_place(str(registry.folder)))
    for name in ("reader", "tuned@1.0", "tuned@1.1"):
        pull(home, source, reference(name), Terms())
    return home


def whence(*arguments, run=called):
    done = run("models", *arguments, "--json")
    return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr


def test_a_model_answers_until_it_is_rolled_back_and_then_quotations_do(stocked):
    assert active(stocked) is None
    use(stocked, reference("reader"))
    assert use(stocked, reference("tuned@1.0")) == Roles(champion="tuned@1.0", previous="reader@1.0")
    found = active(stocked)
    assert found is not None
    assert found.adapter is not None
    assert (found.manifest.label, found.role) == ("tuned@1.0", "champion")
    assert roll_back(stocked) == (Roles(champion="reader@1.0"), "tuned@1.0")
    assert roll_back(stocked) == (Roles(), "reader@1.0")
    with pytest.raises(ModelError, match="nothing to roll back"):
        roll_back(stocked)


def test_the_choice_of_quotations_is_rolled_back_too(stocked):
    use(stocked, reference("reader"))
    use(stocked, None)
    assert roll_back(stocked) == (Roles(champion="reader@1.0"), None)


@pytest.mark.parametrize("share", SHARES)
def test_a_challenger_gets_its_share_of_the_questions_and_no_more(stocked, share):
    use(stocked, reference("reader"))
    roles = challenge(stocked, reference("tuned"), share)
    assert roles.challenger == "tuned@1.1"
    asked = [steps.chosen(roles, f"question {number}") for number in range(4000)]
    assert abs(asked.count("tuned@1.1") / 40 - share) <= 2
    assert asked[:100] == [steps.chosen(roles, f"question {number}") for number in range(100)]


def test_a_question_that_a_challenger_had_stays_with_it_as_its_share_grows():
    small, large = Roles("a@1", "b@1", share=5), Roles("a@1", "b@1", share=25)
    ids = [f"{number}" for number in range(1000)]
    had = [name for name in ids if steps.chosen(small, name) == "b@1"]
    assert all(steps.chosen(large, name) == "b@1" for name in had)


def test_a_challenger_is_rolled_back_first_and_may_be_promoted(stocked):
    use(stocked, reference("reader"))
    challenge(stocked, reference("tuned"), 5)
    assert roll_back(stocked) == (Roles(champion="reader@1.0"), "tuned@1.1")
    challenge(stocked, reference("tuned"), 100)
    promoted = use(stocked, reference("tuned@challenger"))
    assert promoted == Roles(champion="tuned@1.1", previous="reader@1.0")
    with pytest.raises(ModelError, match="cannot challenge itself"):
        challenge(stocked, reference("tuned@1.1"), 5)


def test_a_repository_may_have_a_model_of_its_own(stocked, make_repository):
    mine, other = (scope_of(make_repository(name).open()) for name in ("mine", "other"))
    use(stocked, reference("reader"))
    use(stocked, reference("tuned"), mine)
    labels = [found.manifest.label for scope in (mine, other) if (found := active(stocked, scope))]
    assert labels == ["tuned@1.1", "reader@1.0"]
    assert use(stocked, None, mine).champion is None
    assert active(stocked, mine) is None


def test_a_repository_may_give_up_its_choice_and_one_that_is_gone_holds_no_model(stocked, make_repository):
    repositories = [make_repository(name) for name in ("mine", "lost")]
    use(stocked, reference("tuned@1.0"))
    for repository in repositories:
        repository.open().index_dir.mkdir()
        called("models", "use", "reader", "--repo", repository.path)
    shutil.rmtree(repositories[1].path)
    code, reason = whence("remove", "reader")
    assert (code, f"in use in the repository whose index is {repositories[0].open().index_dir};" in reason) == (1, True)
    assert "--repo PATH" in whence("use", "auto")[1]
    assert whence("use", "auto", "--repo", repositories[0].path)[1]["champion"] == "tuned@1.0"
    assert whence("remove", "reader")[1]["removed"] == ["reader@1.0"]


def test_what_is_in_use_is_not_removed_and_shared_blobs_stay(stocked, registry):
    use(stocked, reference("tuned@1.0"))
    with pytest.raises(ModelError, match=r"tuned@1\.0 is in use"):
        remove(stocked, reference("tuned"))
    assert remove(stocked, reference("reader")) == (["reader@1.0"], pytest.approx(400, abs=200))  # its manifest alone
    assert stocked.blobs.has(registry.reader.base)
    use(stocked, None)
    labels, freed = remove(stocked, reference("tuned"))
    assert labels == ["tuned@1.0", "tuned@1.1"]
    assert freed > registry.reader.base.size
    assert not list(stocked.blobs.folder.glob("sha256-*"))
    assert stocked.state().roles_in("").previous is None


def test_readers_see_one_whole_state_while_it_changes(stocked):
    """Requests in flight while models are switched: each finds a model with its files."""
    use(stocked, reference("reader"))
    done, failures, seen = threading.Event(), [], set()

    def ask():
        while not done.is_set():
            try:
                found = active(stocked)
                seen.add(found.manifest.label)
                assert found.base.is_file()
            except Exception as error:
                failures.append(error)

    readers = [threading.Thread(target=ask) for _ in range(4)]
    for reader in readers:
        reader.start()
    for number in range(30):
        use(stocked, reference(["tuned@1.0", "reader", "tuned@1.1"][number % 3]))
    done.set()
    for reader in readers:
        reader.join()
    assert failures == []
    assert len(seen) > 1


def test_damage_is_found_and_a_state_that_makes_no_sense_is_named(stocked, registry):
    assert verify(stocked, ["tuned@1.0"]) == {"tuned@1.0": []}
    path = stocked.blobs.path(registry.tuned.adapter.digest)
    path.write_bytes(path.read_bytes()[:-1] + b"\x01")
    assert "is damaged: its content is sha256-" in verify(stocked, ["tuned@1.0"])["tuned@1.0"][0]
    code, report = whence("verify")
    assert code == 1
    assert [model["ok"] for model in report["models"]] == [True, False, True]
    mend = re.search("`whence (.*)` mends it", report["models"][1]["problems"][1])[1].split()
    assert called(*mend).returncode == 0
    assert whence("verify")[0] == 0
    (stocked.folder / "state.json").write_text('{"schema": 1, "models": {"x": 1}, "roles": {}}')
    with pytest.raises(ModelError, match=r"state\.json is damaged"):
        stocked.state()


def test_a_file_of_this_machine_is_imported_under_its_digest(home, registry):
    manifest = import_gguf(home, registry.base, Terms())
    assert manifest.label == f"base@{registry.reader.base.digest[7:19]}"
    assert manifest.mode == "quote"  # it has a chat template, but is too small to write freely
    assert installed(home)[0].model.architecture == "qwen2"


def keys():
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    private = Ed25519PrivateKey.generate()
    return (
        private.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption()),
        private.public_key().public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo),
    )


def test_only_what_the_trusted_key_signed_is_taken(home, registry, tmp_path):
    (private, public), (_, stranger) = keys(), keys()
    folder = tmp_path / "signed"
    publish(folder, registry.reader, [registry.base], key=private)
    source = Registry(open_place(str(folder)))
    with pytest.raises(SignatureError, match="not by the key that is trusted"):
        pull(home, source, reference("reader"), Terms(key=stranger))
    with pytest.raises(SignatureError, match="cannot be read"):
        pull(home, source, reference("reader"), Terms(key=b"no key"))
    with pytest.raises(SignatureError, match="it is not signed"):
        pull(home, Registry(open_place(str(registry.folder))), reference("reader"), Terms(key=public))
    pull(home, source, reference("reader"), Terms(key=public))
    assert verify(home, ["reader@1.0"], public) == {"reader@1.0": []}
    assert verify(home, ["reader@1.0"], stranger) != {"reader@1.0": []}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"prise": 1}, "unknown key 'prise'; known are schema, name, version"),
        ({"schema": 2}, '"schema" is 2; this version of Whence reads 1'),
        ({"schema": True}, '"schema" is True'),
        ({"name": "../../up"}, "\"name\": '../../up' is no name"),
        ({"version": "1/2"}, "\"version\": '1/2' is no version"),
        ({"mode": "shout"}, "\"mode\": 'shout' is none of quote, write"),
        ({"base": None}, 'no "base"'),
        ({"base": {"digest": "sha256-XYZ", "size": 1}}, "\"base\": 'sha256-XYZ' is no digest"),
        ({"base": {"digest": "sha256-" + "0" * 64, "size": -1}}, '"base": "size" is -1'),
        ({"base": {"digest": "sha256-" + "0" * 64, "size": 1, "path": "/etc"}}, "unknown key 'path'"),
        ({"adapter": {"digest": "sha256-" + "0" * 64, "size": 1}}, 'no "tokenizer"'),
        ({"gates": {"quality": 1}}, "\"gates\": 'quality' is 1, neither true nor false"),
        ({"metrics": {"f1": 10**400}}, "\"metrics\": 'f1' is"),
        ({"files": {"run.sh": {}}}, "\"files\": unknown key 'run.sh'"),
        ({"created": "yesterday"}, "\"created\": 'yesterday' is no ISO 8601 date"),
    ],
)
def test_a_manifest_is_read_strictly(registry, change, reason):
    fields = json.loads(write_manifest(registry.reader)) | {"tokenizer": None} | change
    with pytest.raises(ManifestError) as error:
        read_manifest(json.dumps(fields).encode())
    assert reason in str(error.value)


def test_a_manifest_is_the_same_bytes_each_time_and_no_key_comes_twice(registry):
    data = write_manifest(registry.tuned)
    assert read_manifest(data) == registry.tuned
    assert write_manifest(read_manifest(data)) == data
    for bad, reason in ((b'{"schema": 1, "schema": 1}', "a key comes twice"), (b"[1]", "no JSON object"),
                        (b"\xff", "no JSON"), (b"[" * 100_000, "no JSON")):  # fmt: skip
        with pytest.raises(ManifestError, match=reason):
            read_manifest(bad)
    assert read_manifest(write_manifest(Manifest("a", "1", "quote", registry.reader.base))).metrics == {}


def test_the_command_line_from_nothing_to_nothing(home, registry, tmp_path, make_repository):
    code, listed = whence("list", run=process)
    assert (code, listed["models"], listed["roles"], listed["partial"]) == (0, [], vars(Roles()), [])
    assert "qwen3-4b" in {preset["name"] for preset in listed["presets"]}
    code, offers = whence("list", "--from", registry.folder)
    assert (code, offers["offers"][1]["versions"]) == (0, ["1.0", "1.1"])
    code, pulled = whence("pull", "tuned", "--from", registry.folder, run=process)
    assert (code, pulled["name"], pulled["version"], pulled["parameters"]) == (0, "tuned", "1.0", 20_000)
    assert whence("use", "tuned", run=process) == (0, vars(Roles(champion="tuned@1.0")))
    whence("pull", "tuned@1.1", "--from", registry.folder)
    code, roles = whence("use", "tuned@1.1", "--share", "5")
    assert (roles["challenger"], roles["share"]) == ("tuned@1.1", 5)
    assert whence("rollback")[1]["gone"] == "tuned@1.1"
    mine = make_repository("mine").path
    assert whence("use", "tuned@1.1", "--repo", mine)[1]["champion"] == "tuned@1.1"
    assert (whence("list")[1]["own"], whence("list", "--repo", mine)[1]["own"]) == (False, True)
    assert f"a choice of its own: {mine}" in called("models", "list").stdout
    code, exported = whence("export", "tuned@1.0", tmp_path / "tuned.zip")
    assert (code, exported["model"]) == (0, "tuned@1.0")
    code, imported = whence("import", tmp_path / "tuned.zip")
    assert (code, imported["digest"]) == (0, pulled["digest"])  # it is here already
    assert whence("verify")[0] == 0
    code, reason = whence("remove", "tuned")
    assert code == 1
    assert "is in use" in reason
    assert "`whence models pull qwen3-4b` fetches it" in whence("use", "qwen3-4b")[1]
    for arguments, said in (
        (("pull", "tuned"), "from where?"),
        (("verify", "--key", tmp_path / "none.pem"), "does not exist"),
        (("use", "none", "--share", "5"), "none cannot challenge"),
        (("use", "auto"), "auto takes back the choice of one repository"),
    ):
        code, reason = whence(*arguments)
        assert code == 2
        assert said in reason
    assert called("models", "use", "none").stdout == "quotations answer\n"


def test_the_environment_names_a_registry_for_pulling_and_list_asks_no_one(home, site, monkeypatch):
    monkeypatch.setenv("WHENCE_REGISTRY", site.url)
    assert whence("list")[0] == 0
    assert site.asked == []
    assert whence("pull", "reader")[0] == 0
