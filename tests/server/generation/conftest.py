"""Models made on the spot, and workers that run them, for tests that need llama.cpp."""

from __future__ import annotations

import importlib.util

import pytest
from tests.server.generation.gguf_models import write_adapter, write_model

from whence_server.generation.supervisor import Plan, Supervisor


def pytest_collection_modifyitems(items):
    if importlib.util.find_spec("llama_cpp") is None:
        skip = pytest.mark.skip(reason="llama-cpp-python is not installed: make test-model installs it")
        for item in items:
            if item.get_closest_marker("model"):
                item.add_marker(skip)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """A model of some 100,000 numbers."""
    return write_model(tmp_path_factory.mktemp("tiny") / "tiny.gguf")


@pytest.fixture(scope="session")
def slow(tmp_path_factory):
    """One of some seven million, which needs a while for a long prompt."""
    path = tmp_path_factory.mktemp("slow") / "slow.gguf"
    return write_model(path, width=384, inner=1024, blocks=4, context=4096)


@pytest.fixture(scope="session")
def adapter(tmp_path_factory):
    return write_adapter(tmp_path_factory.mktemp("adapter") / "adapter.gguf")


@pytest.fixture
def work(tmp_path):
    """`work(path)` starts a worker for the model; what was started ends with the test."""
    started = []

    def start(path, **changed):
        notes = []
        plan = Plan(**{"path": path, "cache": tmp_path / "cache", "context": 1024, "gpu_layers": 0} | changed)
        worker = Supervisor(plan, notes.append)
        worker.notes = notes
        worker.start()
        started.append(worker)
        return worker

    yield start
    for worker in started:
        worker.close()
