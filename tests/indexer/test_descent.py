"""The history of a definition: all of it, wherever the definition was."""

import pytest

from whence_indexer.definitions import definition_in
from whence_indexer.descent import trace_definition
from whence_indexer.ownership import find_ownership
from whence_indexer.source import find_source

OTHER = "def other():\n    return [letter for letter in 'abcdefgh']\n\n\n"
FIRST = "def charge(card, amount):\n    card.debit(amount)\n    card.log(amount)\n    return card\n"


def descent(project, path, symbol, seconds=60):
    repository = project.open()
    source = find_source(repository, path, 1, 1)
    return trace_definition(repository, source, definition_in(path, source.text, symbol), seconds)


def told(lineage):
    return {shaper.commit.subject: shaper.change for shaper in lineage.shapers}


@pytest.fixture
def shop(make_repository):
    project = make_repository("shop")
    project.write("pay.py", OTHER + FIRST)
    project.commit("Add paying")
    project.write("pay.py", OTHER + FIRST.replace("    return", "    card.close()\n    return"))
    project.commit("Close the card")
    return project


def test_what_added_and_what_changed_it_are_told_apart(shop):
    lineage = descent(shop, "pay.py", "charge")
    assert told(lineage) == {"Add paying": "added", "Close the card": "changed"}
    assert lineage.complete


def test_a_change_next_to_it_is_none_of_it(shop):
    shop.write("pay.py", (shop.path / "pay.py").read_text().replace("abcdefgh", "xyz"))
    shop.commit("Change the other one")
    assert "Change the other one" not in told(descent(shop, "pay.py", "charge"))


def test_it_is_followed_into_a_renamed_file_and_out_of_another_one(shop):
    shop.git("mv", "pay.py", "money.py")
    shop.commit("Rename the file")
    text = (shop.path / "money.py").read_text()
    shop.write("money.py", OTHER)
    shop.write("card.py", "import money\n\n\n" + text.removeprefix(OTHER).replace("card.log(amount)", "card.log()"))
    shop.commit("Put charge in a file of its own")
    lineage = descent(shop, "card.py", "charge")
    assert told(lineage) == {
        "Put charge in a file of its own": "moved",
        "Add paying": "added",
        "Close the card": "changed",
    }


def test_a_sweep_is_seen_through(shop):
    shop.write("pay.py", (shop.path / "pay.py").read_text().replace("    ", "\t"))
    sweep = shop.commit("Use tabs")
    lineage = descent(shop, "pay.py", "charge")
    assert [(commit.sha, kind) for commit, kind in lineage.seen_through] == [(sweep, "whitespace")]
    assert "Use tabs" not in told(lineage)


def test_what_is_not_committed_has_no_history_and_says_so(shop):
    shop.write("pay.py", (shop.path / "pay.py").read_text() + "\n\ndef refund(card):\n    card.credit()\n")
    lineage = descent(shop, "pay.py", "refund")
    assert (lineage.shapers, lineage.uncommitted) == ((), ((12, 13),))
    assert told(descent(shop, "pay.py", "charge"))["Add paying"] == "added"


def test_no_time_is_a_history_that_says_it_is_not_complete(shop):
    lineage = descent(shop, "pay.py", "charge", seconds=0)
    assert not lineage.complete
    assert "Add paying" in told(lineage)  # blame knows whose the lines are


def test_a_shallow_clone_ends_and_says_so(shop, make_repository, tmp_path):
    clone = tmp_path / "clone"
    shop.git("clone", "--quiet", "--depth=1", f"file://{shop.path}", clone)
    shop.path = clone
    lineage = descent(shop, "pay.py", "charge")
    assert lineage.shallow
    assert list(told(lineage)) == ["Close the card"]


def test_owners_of_lines_are_those_who_changed_them(shop):
    shop.write("pay.py", (shop.path / "pay.py").read_text().replace("abcdefgh", "xyz"))
    shop.commit("Change the other one", author="bob@example.com <bob@example.com>", date="2025-01-01T00:00:00Z")
    repository = shop.open()
    source = find_source(repository, "pay.py", 1, 1)
    assert {owner.author for owner in find_ownership(repository, source).owners} == {"Ada Author", "bob"}
    owners = find_ownership(repository, source, [(5, 9)]).owners
    assert [(owner.author, owner.lines, owner.commits) for owner in owners] == [("Ada Author", 5, 2)]
    assert find_ownership(repository, source).last.author == "bob"
