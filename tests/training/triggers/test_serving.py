"""`whence-train serve` as a user runs it: a commit that arrives is learnt from once, and a stop leaves nothing."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest

pytest.importorskip("prefect")
pytest.importorskip("datasketch")

import psutil

from whence_server.notices import notices_from
from whence_training.configfile import read_config
from whence_training.run import runs_folder
from whence_training.triggers.watching import watch

pytestmark = [pytest.mark.filterwarnings("default"), pytest.mark.slow]


def until(what, seconds=300):
    """What `what` returns, as soon as it is something."""
    end = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < end
        time.sleep(0.1)
    return found


@contextmanager
def serving(project, config, cut_off=False):
    """`whence-train serve`, which has just started a server for itself.

    It is stopped as a service manager stops it, and then nothing that it started may be left; or it is `cut_off` with
    all that it started, as the power is.
    """
    command = [sys.executable, "-m", "whence_training", "serve", "--repo", project.path, "--config", config]
    env = {key: value for key, value in os.environ.items() if key != "PREFECT_API_URL"}
    env["PREFECT_HOME"] = str(config.parent / "prefect")
    with (config.parent / "said.log").open("w") as said, subprocess.Popen(command, env=env, stderr=said) as process:
        serves = psutil.Process(process.pid)
        (server,) = until(serves.children)
        told = until(lambda: (line := server.cmdline()) and line[1:3] == ["-m", "prefect"] and line)
        port = int(told[told.index("--port") + 1])
        try:
            yield
        finally:
            started = serves.children(recursive=True)
            for each in (serves, *started) if cut_off else ():
                each.kill()
            process.terminate()
            process.wait(180)
            left = psutil.wait_procs(started, timeout=5)[1]
            for each in left:
                each.kill()
    assert server in started
    assert left == []
    with socket.socket() as tried:
        assert tried.connect_ex(("127.0.0.1", port)) != 0


def heard(repository):
    """What an editor was told."""
    return [each.event for each in notices_from(repository.index_dir, 0)[0]]


@pytest.fixture
def config(tmp_path):
    file = tmp_path / "train.yaml"
    file.write_text("triggers: {buffer: {min: 1}, every: 5}\ndataset_generator: {gates: {minimum: 5000}}\n")
    return file


def test_a_commit_that_arrives_is_learnt_from_once(shop, config):
    repository = shop.open()
    looked = runs_folder(repository, read_config(config)) / "triggers.json"
    watch(repository, read_config(config), lambda: "learnt from what was there", lambda *told: None)

    with serving(shop, config):
        shop.write("shop/tax.py", "RATE = 19\n")
        shop.commit("Add the tax")
        until(lambda: len(heard(repository)) == 2)
        seen = looked.stat().st_mtime_ns
        until(lambda: looked.stat().st_mtime_ns != seen)
    # A gate wants more data: that ends it, and looking again starts none.
    assert heard(repository) == ["started", "blocked"]


def test_cut_off_while_it_learns_it_learns_when_it_serves_again(shop, config):
    repository = shop.open()
    with serving(shop, config, cut_off=True):
        until(lambda: heard(repository))
    assert heard(repository) == ["started"]
    with serving(shop, config):
        until(lambda: heard(repository)[-1] == "blocked")
    assert heard(repository) == ["started", "started", "blocked"]


def test_a_stop_while_it_starts_leaves_no_server(shop, config):
    with serving(shop, config):
        pass
