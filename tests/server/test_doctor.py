"""`whence doctor` finds what a person would have to find, says what mends it, and mends the index when told to."""

from __future__ import annotations

import json

import pytest
from tests.commands import called

from whence_indexer.errors import ProcessorError
from whence_server import doctor


@pytest.fixture
def shop(make_repository):
    project = make_repository("shop")
    project.write("pay.py", "def charge(card):\n    return card.debit()\n")
    project.commit("Charge cards")
    return project


def examined(project, *options):
    done = called("doctor", "--repo", project.path, "--json", *options)
    checks = json.loads(done.stdout)["checks"]
    assert done.returncode == (0 if all(check["ok"] for check in checks) else 1)
    return {check["what"]: check for check in checks}


def test_a_repository_without_an_index_is_told_how_to_make_one_or_gets_it(shop):
    before = examined(shop)
    assert (before["index"]["problem"], before["index"]["fix"]) == ("there is none yet", "whence index makes it")
    assert "index (1 files, 1 commits)" in examined(shop, "--repair")


def test_a_damaged_index_is_found_and_made_anew(shop):
    called("index", "--repo", shop.path)
    for table in (shop.path / ".git" / "whence").rglob("*.lance"):
        if table.is_file():
            table.write_bytes(b"torn")
    assert "--repair" in examined(shop)["index"]["fix"]
    assert "index (1 files, 1 commits)" in examined(shop, "--repair")


def test_settings_that_cannot_be_used_are_named(shop):
    shop.write("whence.toml", "hovr = true\n")
    assert "hovr" in examined(shop)["settings of the repository"]["problem"]


def test_a_disk_that_is_nearly_full_is_told(shop, monkeypatch):
    monkeypatch.setattr(doctor, "_ROOM", 10**18)
    assert "MB are free" in examined(shop)["room for the index"]["problem"]


def test_a_processor_that_cannot_run_the_index_is_told(shop, monkeypatch):
    def lacks(module):
        raise ProcessorError(f"{module} uses instructions that this processor lacks")

    monkeypatch.setattr(doctor.processor, "check", lacks)
    done = called("doctor", "--repo", shop.path)
    assert done.returncode == 1
    assert "✗ processor\n  lancedb uses instructions" in done.stdout
