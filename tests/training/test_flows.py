"""The same stages as a Prefect flow: an end, a state and artifacts; what a gate holds back is blocked, not failed."""

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from whence_server.training.runs import read_run
from whence_training.cli import command
from whence_training.errors import BlockedError

os.environ["DO_NOT_TRACK"] = "1"
os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] = "false"
pytest.importorskip("prefect")
pytestmark = [pytest.mark.filterwarnings("default"), pytest.mark.slow]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=180):
        yield


def test_the_flow_makes_the_same_dataset_as_the_command(server, shop, permissive):
    from whence_training.configfile import read_config
    from whence_training.flows import learn
    from whence_training.stages import open_run, run_stages

    state = learn(str(shop.path), str(permissive), ["1", "2", "3"], return_state=True)
    assert (state.name, state.is_completed()) == ("Completed", True)
    told = read_run(Path(state.message))
    assert (told.status, [each.stage for each in told.stages]) == ("completed", ["1", "2", "3"])
    opened = open_run(shop.open(), read_config(permissive), "by the command")
    versions = [made.summary.get("version") for _, made in run_stages(opened, ["1", "2", "3"])]
    assert told.data.version == versions[2]


def test_a_gate_that_holds_back_is_no_failure(server, shop, tmp_path):
    from whence_training.flows import learn

    config = tmp_path / "strict.yaml"
    config.write_text("dataset_generator: {gates: {minimum: 5000}}\n")
    state = learn(str(shop.path), str(config), None, return_state=True)
    assert (state.name, state.is_completed()) == ("Blocked", True)
    assert "minimum" in state.message
    with pytest.raises(BlockedError, match="minimum"):  # whence-train exits 1
        CliRunner().invoke(
            command, ["--repo", str(shop.path), "--config", str(config), "--flow"], catch_exceptions=False
        )


def test_a_deployment_that_is_not_proved_is_rolled_back_by_the_transaction(server):
    from prefect import flow

    from whence_server.models.roles import Roles
    from whence_training.errors import CanaryError
    from whence_training.flows import guarded
    from whence_training.release.canary import Probe
    from whence_training.release.deploying import Deployment

    deployed, undone = Deployment("tuned@1.0", "champion", "", Roles()), []

    def failing(deployment):
        raise CanaryError("0 of 5 requests were sent")

    @flow
    def deploys(prove):
        return guarded(lambda: deployed, prove, undone.append)

    with pytest.raises(CanaryError):
        deploys(failing)
    assert undone == [deployed]
    assert deploys(lambda deployment: [Probe("?")]) == (deployed, [Probe("?")])
    assert undone == [deployed]


def test_a_new_commit_starts_the_flow_once_and_looking_again_does_nothing(server, shop, tmp_path):
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.sorting import FlowRunSort

    from whence_training.flows import watch

    config = tmp_path / "watch.yaml"
    config.write_text("triggers: {buffer: {min: 1}}\ndataset_generator: {gates: {minimum: 5000}}\n")

    def learnt():
        with get_client(sync_client=True) as client:
            runs = client.read_flow_runs(limit=200, sort=FlowRunSort.START_TIME_DESC)
        return len([run for run in runs if run.state_name == "Blocked"])

    begun = learnt()
    assert watch(str(shop.path), str(config))[0].startswith("new: 5 commits")
    assert watch(str(shop.path), str(config)) == []
    shop.write("shop/tax.py", "RATE = 19\n")
    shop.commit("Add the tax")
    assert watch(str(shop.path), str(config)) == ["new: 1 commits"]
    assert watch(str(shop.path), str(config)) == []
    assert learnt() == begun + 2


def test_an_event_names_the_repository_of_which_a_run_is_due_and_nothing_is_begun(
    shop, make_repository, tmp_path, monkeypatch
):
    from whence_training import flows

    said, other = [], make_repository("other")
    other.write("till.py", "def count():\n    return 0\n")
    other.commit("Count the till")
    monkeypatch.setattr(flows, "emit_event", lambda event, resource, payload: said.append((event, resource, payload)))
    config = tmp_path / "watch.yaml"
    config.write_text("triggers: {buffer: {min: 1}}\n")
    for project in (shop, other):
        for _ in range(2):
            assert flows.watch.fn(str(project.path), str(config), emit=True)
    assert [(event, payload["repository"], payload["config"]) for event, _, payload in said] == [
        (flows.DUE, str(project.path), str(config)) for project in (shop, shop, other, other)
    ]
    assert len({resource["prefect.resource.id"] for _, resource, _ in said}) == 2
    assert not (shop.open().index_dir / "notices.jsonl").exists()


def test_deployments_name_flows_that_there_are():
    import yaml

    from whence_training import flows

    root = Path(__file__).parents[2]
    for each in yaml.safe_load((root / "prefect.yaml").read_text())["deployments"]:
        path, _, name = each["entrypoint"].partition(":")
        assert (root / path).samefile(flows.__file__)
        accepted = getattr(flows, name).parameters.properties
        assert each["parameters"].keys() <= accepted.keys()
        filled = {name for trigger in each.get("triggers", []) for name in trigger["parameters"]}
        assert filled in (set(), {"repository", "config"})  # by the event: the automation is of no one repository
        expected = [event for trigger in each.get("triggers", []) for event in trigger["expect"]]
        assert expected in ([], [flows.DUE])


def test_a_retriever_with_too_little_history_stays_as_it_is(server, shop):
    from whence_training.flows import adapt

    state = adapt(str(shop.path), return_state=True)
    assert (state.name, state.is_completed()) == ("Kept", True)
    assert state.message
