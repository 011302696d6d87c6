"""The same stages as a Prefect flow: an end, a state and artifacts; what a gate holds back is blocked, not failed."""

import os

import pytest

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
    opened = open_run(shop.open(), read_config(permissive))
    versions = [made.summary.get("version") for _, made in run_stages(opened, ["1", "2", "3"])]
    assert state.data["3"]["version"] == versions[2] if isinstance(state.data, dict) else versions[2]


def test_a_gate_that_holds_back_is_no_failure(server, shop, tmp_path):
    from whence_training.flows import learn

    config = tmp_path / "strict.yaml"
    config.write_text("dataset_generator: {gates: {minimum: 5000}}\n")
    state = learn(str(shop.path), str(config), None, return_state=True)
    assert (state.name, state.is_completed()) == ("Blocked", True)
    assert "minimum" in state.message


def test_a_retriever_with_too_little_history_stays_as_it_is(server, shop):
    from whence_training.flows import adapt

    state = adapt(str(shop.path), return_state=True)
    assert (state.name, state.is_completed()) == ("Kept", True)
    assert state.message
