"""A challenger on trial: counted beside the champion, and taken back when it does worse beyond chance."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whence_server.models.choosing import challenge, record, use
from whence_server.models.naming import reference
from whence_server.models.places import open_place
from whence_server.models.pulling import Terms, pull
from whence_server.models.registry import Registry
from whence_server.models.roles import Roles
from whence_server.models.trials import Tally, fault

TRIAL = Roles(champion="reader@1.0", challenger="tuned@1.1", share=25)


@pytest.fixture
def trial(home, registry):
    source = Registry(open_place(str(registry.folder)))
    for name in ("reader", "tuned@1.1"):
        pull(home, source, reference(name), Terms())
    use(home, reference("reader"))
    challenge(home, reference("tuned"), 25)
    return home


def test_a_challenger_that_fails_three_times_is_taken_back_and_the_champion_stays(trial):
    for _ in range(2):
        assert not record(trial, "tuned@1.1", "failed")
    said = record(trial, "tuned@1.1", "failed")
    assert said == "the challenger tuned@1.1 is taken back: it failed at 3 of 3 questions"
    assert trial.state().roles_in("") == Roles(champion="reader@1.0")
    assert not record(trial, "tuned@1.1", "failed")  # what was under way is counted for nobody


def test_both_are_counted_and_good_opinions_keep_the_challenger(trial):
    for label in ("reader@1.0", "tuned@1.1"):
        for event in ("answered", "up", "answered", "up", "answered", "down"):
            assert not record(trial, label, event)
    assert trial.state().trials[""] == dict.fromkeys(("reader@1.0", "tuned@1.1"), Tally(answered=3, up=2, down=1))
    challenge(trial, reference("tuned"), 100)
    assert not trial.state().trials[""]


def test_people_who_dislike_it_take_it_back(trial):
    said = [record(trial, "tuned@1.1", "down") for _ in range(5)]
    assert said[0] == ""
    assert any("opinions of its answers were bad" in each for each in said)


def test_nothing_is_counted_without_a_challenger(trial):
    use(trial, reference("reader"))
    before = (trial.folder / "state.json").read_bytes()
    record(trial, "reader@1.0", "failed")
    assert (trial.folder / "state.json").read_bytes() == before


@given(st.integers(0, 60), st.integers(0, 60))
def test_a_challenger_as_good_as_the_champion_stays(failed, votes):
    tally = Tally(answered=60 - failed, failed=failed, up=60 - votes, down=votes)
    assert not fault(TRIAL, {"reader@1.0": tally, "tuned@1.1": tally})
