"""Editors that nobody here wrote: Debian's Neovim, and Emacs with eglot, each driving the server from end to end."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
pytestmark = pytest.mark.editors


def has_eglot():
    if shutil.which("emacs") is None:
        return False
    return subprocess.run(["emacs", "-q", "--batch", "--eval", "(require 'eglot)"], capture_output=True).returncode == 0


def drive(shop, tmp_path, *command):
    """Run an editor; what it saw, by name."""
    out = tmp_path / "seen.jsonl"
    environment = os.environ | {
        "WHENCE_OUT": str(out), "WHENCE_FILE": str(shop.path / "shop" / "pay.py"), "WHENCE_ROOT": str(shop.path),
        "WHENCE_PYTHON": sys.executable, "LC_ALL": "C.UTF-8",
    }  # fmt: skip
    run = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=180)
    assert out.exists(), run.stderr
    seen = {each["name"]: each["value"] for each in map(json.loads, out.read_text().splitlines())}
    assert "stopped" in seen, (seen, run.stdout, run.stderr)
    return seen


def check(seen):
    assert "Charge the card once" in seen["hover"]["contents"]["value"]
    assert "Charge the card once" in seen["hover below what was typed"]["contents"]["value"]
    assert [each["title"] for each in seen["actions"]] == [
        "Explain this", "Why was this changed?", "Who knows this code?", "Find similar code"]  # fmt: skip
    assert "paid twice" in seen["why"]["answer"]
    assert "paid twice" in seen["message"]
    assert "shop/pay.py" in {each["path"] for each in seen["ask"]["citations"]}
    assert len(seen["pieces"]) > 1
    assert "".join(seen["pieces"]) == seen["ask"]["answer"]
    assert seen["after cancel"]["models"]
    assert seen["stopped"] is True


@pytest.mark.skipif(shutil.which("nvim") is None, reason="Neovim is not installed (apt-get install neovim)")
def test_neovim(shop, tmp_path):
    check(drive(shop, tmp_path, "nvim", "--headless", "-u", "NONE", "-n", "-c", f"luafile {HERE / 'neovim.lua'}"))


@pytest.mark.skipif(not has_eglot(), reason="Emacs with eglot is not installed (apt-get install emacs-nox elpa-eglot)")
def test_emacs(shop, tmp_path):
    check(drive(shop, tmp_path, "emacs", "-q", "--batch", "-l", str(HERE / "emacs.el")))
