"""One writer at a time, told by two real processes."""

import json
import os
import signal
import subprocess
import sys
import threading

import pytest

from whence_indexer.errors import LockedError
from whence_indexer.lock import write_lock

HOLD = """
import sys
from pathlib import Path
from whence_indexer.lock import write_lock
with write_lock(Path(sys.argv[1]), wait=False):
    print("held", flush=True)
    sys.stdin.read(1)
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the lock until it is told otherwise."""
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        if process.poll() is None:
            process.kill()


def test_who_comes_second_is_told_who_holds_the_lock(tmp_path, holder):
    with (
        pytest.raises(LockedError, match=rf"process {holder.pid} on .* \(for \d+ s\) is writing the index"),
        write_lock(tmp_path, wait=False),
    ):
        pass
    assert json.loads((tmp_path / "writer.json").read_text())["pid"] == holder.pid


def test_who_waits_hears_for_whom_and_goes_on_after(tmp_path, holder):
    heard = []

    def waiting(who):
        heard.append(who)
        threading.Timer(0.2, holder.communicate, ["x"]).start()

    with write_lock(tmp_path, wait=True, waiting=waiting):
        assert holder.wait(timeout=10) == 0
        assert json.loads((tmp_path / "writer.json").read_text())["pid"] == os.getpid()
    assert [f"process {holder.pid} on" in who for who in heard] == [True]


def test_a_killed_holder_leaves_no_lock(tmp_path, holder):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert (tmp_path / "writer.json").exists()
    with write_lock(tmp_path, wait=False, waiting=lambda who: pytest.fail(f"waited for {who}")):
        pass
    assert not (tmp_path / "writer.json").exists()


def test_a_holder_that_fails_lets_go(tmp_path):
    with pytest.raises(KeyError), write_lock(tmp_path, wait=False):
        raise KeyError
    with write_lock(tmp_path, wait=False):
        pass
    assert not (tmp_path / "writer.json").exists()


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"pid": 1, "host": "h", "since": "then"}', "\udcff"])
def test_a_holder_that_cannot_be_told_is_another_process(tmp_path, holder, content):
    (tmp_path / "writer.json").write_bytes(os.fsencode(content))
    with pytest.raises(LockedError, match="another process is writing"), write_lock(tmp_path, wait=False):
        pass


def test_the_name_goes_when_the_lock_goes(tmp_path, holder):
    holder.communicate("x")
    assert not (tmp_path / "writer.json").exists()
