"""The documents say what the code does: the code map, the commands, the targets."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_code_map_names_every_module_and_no_other():
    page = (ROOT / "docs" / "architecture.md").read_text()
    code_map = page.partition("## Code map")[2].partition("## Invariants")[0]
    named = {
        name for row in re.findall(r"^\| (`.*?) \|", code_map, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)
    }
    present = {
        file.stem
        for package in ("indexer/whence_indexer", "server/whence_server")
        for file in (ROOT / package).rglob("*.py")
        if not file.stem.startswith("__")
    }
    assert named == present


def test_every_target_is_documented_in_help_and_every_named_target_exists():
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+):.*##", makefile, re.MULTILINE))
    named = set()
    for page in ("README.md", "CONTRIBUTING.md", ".ci/run", ".pre-commit-config.yaml"):
        named |= set(re.findall(r"(?:^|`)make ([a-z-]+)", (ROOT / page).read_text(), re.MULTILINE))
    assert named <= targets


def test_the_documented_commands_are_the_commands():
    from whence_server.cli import cli

    page = (ROOT / "docs" / "architecture.md").read_text().partition("## Command line")[2]
    assert set(re.findall(r"^whence (\w+)", page, re.MULTILINE)) == set(cli.commands)
