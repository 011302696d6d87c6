"""A registered model answers in the server, or is taken back: the canary asks it, in a process of its own."""

from __future__ import annotations

import pytest
from tests.lsp.conftest import sells
from tests.server.generation.gguf_models import write_model

from whence_indexer.workspace import Workspace
from whence_server.models.choosing import use
from whence_server.models.installed import EVERYWHERE, user_home
from whence_server.models.manifest import Blob, Manifest
from whence_server.models.naming import digest_of
from whence_server.models.publishing import publish
from whence_training.config import Serving
from whence_training.errors import CanaryError
from whence_training.release.canary import Probe, fault, probe
from whence_training.release.deploying import alone, deploy, guarded, prove, settled, withdraw

QUESTIONS = ("What happens when a card is charged?", "What does the router match?")
GOOD = Probe("?", "tuned@1.0", 2)


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    for name in ("XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))


@pytest.fixture
def registry(tmp_path):
    """Offers `tuned` 1.0 to 1.3; 1.2 was refused by a gate."""
    for number in range(4):
        file = write_model(tmp_path / f"{number}.gguf", seed=number)
        blob = Blob(digest_of(file.read_bytes()), file.stat().st_size)
        manifest = Manifest("tuned", f"1.{number}", "quote", blob, gates={"weakest category": number != 2})
        publish(tmp_path / "registry", manifest, [file])
    return tmp_path / "registry"


def roles():
    return user_home().state().roles_in(EVERYWHERE)


@pytest.mark.parametrize(
    ("probes", "wanted", "said"),
    [
        ([], 5, "0 of 5 requests were sent"),
        ([], 0, "0 of 1 requests were sent"),
        ([GOOD] * 4, 5, "4 of 5 requests were sent"),
        ([GOOD, Probe("?", problem="no answer within 60 s")], 2, "1 of 2 requests failed: no answer within 60 s"),
        ([GOOD, Probe("?", "older@0.9", 3)], 2, "older@0.9 answered in its place"),
        ([Probe("?", "extractive", 3)] * 2, 2, "it answered none of 2 questions with a receipt"),
        ([Probe("?", "tuned@1.0", 0, abstained=True)] * 2, 2, "it answered none of 2 questions with a receipt"),
        ([GOOD, Probe("?", "extractive", 3, abstained=True)], 2, ""),
    ],
)
def test_a_canary_shows_nothing_unless_it_was_asked_and_answered(probes, wanted, said):
    assert fault(probes, "tuned@1.0", wanted) == said


def proved(registry, label, scope=EVERYWHERE, **told):
    """Deploy it, and its canary has shown it to work."""
    deployed = deploy(user_home(), registry, label, Serving(**told), scope)
    settled(user_home(), scope)
    return deployed


def test_policy_decides_what_a_new_model_becomes(registry):
    proved(registry, "tuned@1.0", policy="champion")
    assert roles().champion == "tuned@1.0"
    proved(registry, "tuned@1.1", policy="challenger", share=25)
    assert (roles().challenger, roles().share) == ("tuned@1.1", 25)
    deploy(user_home(), registry, "tuned@1.2", Serving(policy="offer"), EVERYWHERE)
    assert "tuned@1.2" in user_home().state().models
    assert roles().challenger == "tuned@1.1"
    assert not withdraw(user_home(), EVERYWHERE)


def test_what_a_gate_refused_never_answers_everything(registry):
    proved(registry, "tuned@1.0", policy="champion")
    deployed = proved(registry, "tuned@1.2", policy="champion")
    assert (deployed.role, roles().champion, roles().share) == ("challenger", "tuned@1.0", 5)


@pytest.mark.parametrize(
    ("policy", "killed", "scope"),
    [("champion", False, EVERYWHERE), ("champion", True, "/a/repository/.whence"), ("challenger", True, EVERYWHERE)],
)
def test_a_failing_canary_brings_back_all_that_was_before_also_after_a_kill(registry, tmp_path, policy, killed, scope):
    """A champion, the one before it and a challenger on trial are what they were."""
    use(user_home(), None)
    proved(registry, "tuned@1.0", policy="champion")
    proved(registry, "tuned@1.1", policy="challenger", share=25)
    before, told = user_home().state(), Serving(policy=policy, canary_requests=1)

    def deployed():
        return deploy(user_home(), registry, "tuned@1.3", told, scope)

    if killed:
        deployed()
        with alone(user_home(), scope):
            told_apart = {each.name.split("-")[0] for each in user_home().folder.iterdir() if each.is_file()}
        assert {"unproved", ".deploying"} <= told_apart  # a scope is a path, and made no folders
    with pytest.raises(CanaryError, match=r"tuned@1\.3 is taken back: 0 of 1 requests were sent"):
        guarded(
            deployed,
            lambda deployed: prove(deployed, tmp_path, (), told),
            lambda deployed: withdraw(user_home(), deployed.scope),
        )
    assert user_home().state().roles == before.roles
    assert not withdraw(user_home(), scope)


def test_the_next_model_takes_back_one_that_was_killed_before_it_was_proved(registry):
    proved(registry, "tuned@1.0", policy="champion")
    deploy(user_home(), registry, "tuned@1.1", Serving(policy="champion"), EVERYWHERE)
    proved(registry, "tuned@1.2", policy="challenger")
    assert (roles().champion, roles().challenger) == ("tuned@1.0", "tuned@1.2")


@pytest.mark.model
@pytest.mark.parametrize("policy", ["champion", "challenger"])
def test_a_server_of_its_own_answers_with_the_new_version_and_cites(make_repository, registry, policy):
    pytest.importorskip("llama_cpp", reason="make test-model installs it")
    shop = sells(make_repository("shop"))
    Workspace(shop.open()).update()
    told = Serving(policy=policy, canary_requests=2)
    deployed, probes = guarded(
        lambda: deploy(user_home(), registry, "tuned@1.0", told, EVERYWHERE),
        lambda deployed: prove(deployed, shop.path, QUESTIONS, told),
        lambda deployed: withdraw(user_home(), deployed.scope),
    )
    assert (deployed.role, len(probes)) == (policy, 2)
    assert any(each.model == "tuned@1.0" and each.cited for each in probes)
    assert fault(probe(shop.path, QUESTIONS, "none", 60), "tuned@1.0", 2).startswith("it answered none")


def test_a_server_without_the_model_is_a_fault_and_says_why(make_repository):
    shop = sells(make_repository("shop"))
    Workspace(shop.open()).update()
    probes = probe(shop.path, QUESTIONS, "unheard-of@1.0", 60)
    assert fault(probes, "unheard-of@1.0", 2).startswith("2 of 2 requests failed: there is no model")
