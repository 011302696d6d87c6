"""Editors that nobody here wrote, set up by what README and docs/editors.md tell to write: Debian's Neovim, and Emacs
with eglot, each driving the server from end to end."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PAGES = (HERE.parents[1] / "README.md", HERE.parents[1] / "docs" / "editors.md")
pytestmark = pytest.mark.editors


def has_eglot():
    if shutil.which("emacs") is None:
        return False
    return subprocess.run(["emacs", "-q", "--batch", "--eval", "(require 'eglot)"], capture_output=True).returncode == 0


def snippet(page, language):
    """The first piece of a page that is to be written into an editor's own file."""
    found = re.search(rf"^```{language}\n(.*?)^```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert found, f"{page.name} has no {language}"
    return found[1]


def drive(shop, tmp_path, *command):
    """Run an editor; what it saw, by name."""
    out = tmp_path / "seen.jsonl"
    commands = tmp_path / "bin"
    commands.mkdir()
    (commands / "whence").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m whence_server "$@"\n')
    (commands / "whence").chmod(0o755)
    shop.write("whence.toml", "index = false\n")
    environment = os.environ | {
        "WHENCE_OUT": str(out), "WHENCE_FILE": str(shop.path / "shop" / "pay.py"), "LC_ALL": "C.UTF-8",
        "PATH": f"{commands}:{os.environ['PATH']}",
    }  # fmt: skip
    run = subprocess.run(command, cwd=shop.path, env=environment, capture_output=True, text=True, timeout=180)
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
    assert seen["after cancel"]["setting"] == "auto"  # it still answers
    assert seen["stopped"] is True


@pytest.mark.skipif(shutil.which("nvim") is None, reason="Neovim is not installed (apt-get install neovim)")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_neovim(shop, tmp_path, page):
    (tmp_path / "init.lua").write_text(snippet(page, "lua"))
    driving = ("-c", f"luafile {HERE / 'neovim.lua'}", "-c", "qall!")
    check(drive(shop, tmp_path, "nvim", "--headless", "-u", str(tmp_path / "init.lua"), "-n", "shop/pay.py", *driving))


@pytest.mark.skipif(not has_eglot(), reason="Emacs with eglot is not installed (apt-get install emacs-nox elpa-eglot)")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_emacs(shop, tmp_path, page):
    (tmp_path / "init.el").write_text(snippet(page, "elisp"))
    driving = ("-l", str(tmp_path / "init.el"), "-l", str(HERE / "emacs.el"))
    check(drive(shop, tmp_path, "emacs", "-q", "--batch", *driving))


def test_helix_is_told_to_start_the_server():
    told = tomllib.loads(snippet(PAGES[1], "toml"))
    assert told["language-server"]["whence"] == {"command": "whence", "args": ["lsp"]}
    assert [each["name"] for each in told["language"] if "whence" in each["language-servers"]] == ["python"]
