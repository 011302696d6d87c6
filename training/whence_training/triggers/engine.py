"""Prefect's own server on this machine, for as long as something is to be run by the clock.

The one that Prefect starts by itself for a flow has no scheduler: what is served over it never begins.
"""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import httpx2
from prefect.settings import PREFECT_API_URL, temporary_settings

from whence_training.errors import EngineError

_HOST, _PATIENCE = "127.0.0.1", 300.0  # seconds until it answers, on a busy machine


@contextmanager
def scheduler() -> Iterator[None]:
    """A server with a scheduler, at an address that no other machine reaches; the configured one where there is one.

    Raises `EngineError` where it does not start.
    """
    if PREFECT_API_URL.value():
        yield
        return
    # Until Prefect minds the signal itself, it would end this process and leave the server.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    port = _free_port()
    told = ["server", "start", "--host", _HOST, "--port", str(port), "--no-ui", "--log-level", "error"]
    server = subprocess.Popen([sys.executable, "-m", "prefect", *told], stdout=subprocess.DEVNULL)
    try:
        _wait(server, f"http://{_HOST}:{port}/api")
        with temporary_settings({PREFECT_API_URL: f"http://{_HOST}:{port}/api"}):
            yield
    finally:
        server.terminate()
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _wait(server: subprocess.Popen[bytes], address: str) -> None:
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until and server.poll() is None:
        with suppress(httpx2.HTTPError):
            if httpx2.get(f"{address}/health", timeout=5).status_code == httpx2.codes.OK:
                return
        time.sleep(0.2)
    raise EngineError("Prefect's server does not start: see `prefect server start`")


def _free_port() -> int:
    with socket.socket() as held:
        held.bind((_HOST, 0))
        return int(held.getsockname()[1])
