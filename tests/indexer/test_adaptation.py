"""Adaptation as a user meets it: a repository's jargon is learnt, what is no better is refused, and off means off."""

import json
import random
import signal
import subprocess
import sys

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from whence_indexer import adapting, embedder
from whence_indexer.adaptation import Lessons, Recipe, contrastive_loss, sums, train, unit
from whence_indexer.adapted import open_embedder, save_adapted
from whence_indexer.adapting import adapt, describe, restore
from whence_indexer.attempts import is_due
from whence_indexer.errors import EmbedderError, LockedError
from whence_indexer.holdout import Change, read_changes, split, without_copies
from whence_indexer.indexing import update
from whence_indexer.lock import write_lock
from whence_indexer.pairs import commit_question
from whence_indexer.search import Searcher
from whence_indexer.store import Store
from whence_indexer.trial import gain

# What each part of this made-up product is called by the people who work on it, and what stands in its code.
JARGON = dict(
    zip(
        "wombat otter falcon badger heron lynx marten osprey puffin raven salmon tapir urchin viper walrus yak".split(),
        "invoice socket thumbnail password calendar printer elevator compiler thermostat playlist passport harbour "
        "furnace telescope orchard violin".split(),
        strict=True,
    )
)
VERBS = "simplify correct speed tidy rework guard shorten extend".split()


def history(pairs):
    """A stream for `git fast-import`: one commit for each (jargon word, word in the code), a minute apart."""
    chance = random.Random(7)
    contents = {}
    for number, (word, thing) in enumerate(pairs):
        lines = contents.setdefault(thing, [f"def {thing}_entry(value):", f"    return open_{thing}(value)", ""])
        lines.append(f"{thing}_limit_{len(lines)} = make_{thing}({chance.randrange(1000)})")
        verbs = " and ".join(chance.sample(VERBS, 2))
        message = f"{verbs.capitalize()} the {word} for case {number * 7919 % 10007}\n"
        text = "\n".join(lines) + "\n"
        yield f"commit refs/heads/main\ncommitter Ada <ada@example.com> {1700000000 + 60 * number} +0000\n"
        yield f"data {len(message)}\n{message}M 100644 inline src/{thing}_part.py\ndata {len(text)}\n{text}\n"


@pytest.fixture
def make_product(make_repository):
    """A repository of 400 commits whose messages name parts by jargon; `mixed`: by any part's, at random."""

    def make(mixed=False):
        chance = random.Random(3)
        touched = [chance.choice(list(JARGON)) for _ in range(400)]
        named = [chance.choice(list(JARGON)) if mixed else word for word in touched]
        product = make_repository("mixed" if mixed else "product")
        product.git("fast-import", "--quiet", stdin="".join(history(zip(named, map(JARGON.get, touched), strict=True))))
        product.git("checkout", "-q", "-f", "main")
        return product.open()

    return make


def first_files(repository, question):
    store = Store(repository.index_dir)
    hits = Searcher(repository, store, open_embedder(store)).search(question, 5, ["code"])
    return [hit.path for hit in hits]


def test_a_repository_teaches_its_jargon_and_off_forgets_it(make_product):
    repository = make_product()
    update(repository)
    shipped = Store(repository.index_dir).state.embedder
    known = [first_files(repository, f"tidy the {word}")[0] == f"src/{JARGON[word]}_part.py" for word in JARGON]

    outcome = adapt(repository)
    assert (outcome.tried, outcome.adapted) == (True, True), outcome.reason
    assert outcome.recall["hybrid recall@5"]["low"] > 0
    learnt = [first_files(repository, f"tidy the {word}")[0] == f"src/{JARGON[word]}_part.py" for word in JARGON]
    assert sum(learnt) > sum(known) + 3  # history alone knows some of it
    assert describe(Store(repository.index_dir))["pairs"] == outcome.pairs

    again = adapt(repository)
    assert (again.tried, again.adapted) == (False, True)
    assert "nothing is new" in again.reason

    assert restore(repository).adapted is False
    state = Store(repository.index_dir).state
    assert (state.embedder, state.adapted) == (shipped, "")
    assert not list((repository.index_dir / "adapted").glob("static-*"))
    assert not is_due(repository.index_dir)


def test_messages_that_tell_nothing_of_their_files_are_refused(make_product):
    repository = make_product(mixed=True)
    outcome = adapt(repository)
    assert (outcome.tried, outcome.adapted) == (True, False)
    assert "did not rise beyond noise" in outcome.reason
    assert describe(Store(repository.index_dir)) is None
    assert not list((repository.index_dir / "adapted").glob("static-*"))


def test_killed_while_it_embeds_anew_the_old_index_serves_and_the_next_run_starts_over(make_product):
    repository = make_product()
    update(repository)
    before = (repository.index_dir / "state.json").read_bytes()
    script = (
        "import os, signal, sys\n"
        "from whence_indexer.adapting import adapt\n"
        "from whence_indexer.repository import open_repository\n"
        "stages = []\n"
        "def progress(stage, done, total):\n"
        "    stages.append(stage)\n"
        "    if 'Measuring' in stages and stage == 'Indexing history':\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "adapt(open_repository(sys.argv[1]), progress=progress)\n"
    )
    killed = subprocess.run([sys.executable, "-c", script, str(repository.root)], check=False, capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert (repository.index_dir / "state.json").read_bytes() == before
    assert first_files(repository, "invoice_entry")[0] == "src/invoice_part.py"
    outcome = adapt(repository)
    assert (outcome.tried, outcome.adapted) == (True, True)
    assert len(list((repository.index_dir / "adapted").glob("static-*"))) == 1


def test_too_little_history_is_said_and_changes_nothing(make_repository):
    project = make_repository()
    project.write("cart.py", "def add_item(cart, item):\n    cart.append(item)\n")
    project.commit("Put items into the cart")
    outcome = adapt(project.open())
    assert (outcome.tried, outcome.adapted) == (False, False)
    assert outcome.reason.startswith("too little history: 1 commit")
    assert adapt(project.open()).reason.startswith("nothing is new since the last try: too little history")


def test_another_try_is_due_when_a_tenth_and_two_hundred_commits_have_come(make_repository):
    project = make_repository()
    project.write("cart.py", "items = []\n")
    project.commit("Put items into the cart")
    update(project.open())
    assert not is_due(project.open().index_dir)
    adapt(project.open())
    assert not is_due(project.open().index_dir)
    stream = "".join(history([("otter", "socket")] * 250)).replace("refs/heads/main", "refs/heads/later")
    project.git("fast-import", "--quiet", stdin=stream)
    project.git("checkout", "-q", "-f", "later")
    update(project.open())
    assert is_due(project.open().index_dir)
    restore(project.open())
    assert not is_due(project.open().index_dir)


def test_one_process_adapts_at_a_time(adapted_project):
    with write_lock(adapted_project.index_dir / "adapted", wait=False):
        assert update(adapted_project, wait=False).problems == []  # indexing goes on
        with pytest.raises(LockedError, match="is writing the index"):
            adapt(adapted_project, wait=False)


@pytest.fixture
def adapted_project(make_repository, tiny_embedder):
    """A repository whose index was adapted, without a proof, from a tiny model."""
    project = make_repository()
    project.write("cart.py", "def add_item(cart, item):\n    cart.append(item)\n")
    project.commit("Put items into the cart")
    repository = project.open()
    update(repository, model=tiny_embedder)
    base = embedder.load_embedder(tiny_embedder)
    name = save_adapted(repository.index_dir, base, base.weights + 1, {"pairs": 1})
    update(repository, adapted=name)
    assert Store(repository.index_dir).state.adapted == name
    return repository


def test_the_adapted_model_survives_edits_and_rebuilds_but_no_other_model(adapted_project, tiny_embedder):
    folder = adapted_project.index_dir
    name = Store(folder).state.adapted
    assert update(adapted_project).problems == []
    assert update(adapted_project, rebuild=True).problems == []
    assert update(adapted_project, model=tiny_embedder).problems == []
    assert (Store(folder).state.adapted, open_embedder(Store(folder)).name) == (name, Store(folder).state.embedder)
    update(adapted_project, model="static")
    assert Store(folder).state.adapted == ""


def test_another_base_drops_the_adapted_model_and_says_so(adapted_project, tiny_embedder):
    module = embedder.load_embedder(tiny_embedder).folder
    weights = load_file(module / "model.safetensors")["embedding.weight"]
    save_file({"embedding.weight": weights * 2}, module / "model.safetensors")
    embedder.load_embedder.cache_clear()
    embedder.embedder_name.cache_clear()
    assert [problem.where for problem in update(adapted_project).problems] == ["adaptation"]
    assert Store(adapted_project.index_dir).state.adapted == ""
    assert update(adapted_project).problems == []


def test_an_adapted_model_that_is_gone_or_torn_is_replaced_by_its_base(adapted_project):
    (model,) = (adapted_project.index_dir / "adapted").glob("static-*")
    (model / "model.safetensors").write_bytes(b"torn")
    embedder.load_embedder.cache_clear()
    assert [problem.where for problem in update(adapted_project).problems] == ["adaptation"]
    assert first_files(adapted_project, "cart") == ["cart.py"]


def test_only_a_static_model_can_be_adapted(adapted_project, monkeypatch):
    class Transformer:
        name = "transformer"

    monkeypatch.setattr(adapting, "load_embedder", lambda model: Transformer())
    with pytest.raises(EmbedderError, match="transformer is none"):
        adapt(adapted_project)


def test_the_gradient_is_that_of_the_loss():
    chance = np.random.default_rng(0)
    queries, passages = chance.normal(size=(4, 6)), chance.normal(size=(6, 6))
    positives, ignored = np.array([0, 2, 3, 2]), np.zeros((4, 6), bool)
    ignored[0, 5] = ignored[1, 3] = True
    _, by_queries, by_passages = contrastive_loss(queries, passages, positives, ignored, 7.0)
    for values, gradient in ((queries, by_queries), (passages, by_passages)):
        for place in np.ndindex(values.shape):
            found = []
            for step in (1e-5, -1e-5):
                values[place] += step
                found.append(contrastive_loss(queries, passages, positives, ignored, 7.0)[0])
                values[place] -= step
            assert gradient[place] == pytest.approx((found[0] - found[1]) / 2e-5, abs=1e-6)


def test_training_brings_questions_to_their_answers_the_same_each_time():
    weights = np.random.default_rng(1).normal(size=(40, 16)).astype(np.float32)
    questions = [np.array([number], np.int32) for number in range(20)]
    answers = [np.array([20 + number], np.int32) for number in range(20)]
    order = np.arange(20)
    lessons = Lessons(questions, order, order, np.full((20, 1), -1), answers)
    recipe = Recipe(epochs=40, learning_rate=0.05)
    trained = train(weights, lessons, recipe)
    found = unit(sums(trained, questions)) @ unit(sums(trained, answers)).T
    assert found.argmax(axis=1).tolist() == order.tolist()
    assert np.array_equal(trained, train(weights, lessons, recipe))


def test_a_gain_that_luck_explains_has_an_interval_around_zero():
    before = np.random.default_rng(0).integers(0, 2, 200).astype(float)
    assert gain(before, np.ones(200)).low > 0.3
    assert gain(before, before[::-1].copy()).low < 0 < gain(before, before[::-1].copy()).high
    assert gain(before, before).high == 0


def change(number, question="", paths=("a.py",)):
    return Change(f"{number:040}", number, question or f"question number {number}", frozenset(paths), frozenset(paths))


def test_what_judges_is_later_than_what_teaches():
    parts = split([change(number) for number in range(600)])
    assert max(each.time for each in parts.training) < min(each.time for each in parts.validation)
    assert max(each.time for each in parts.validation) < min(each.time for each in parts.test)
    assert len(parts.test) >= 100
    assert split([change(number) for number in range(200)]) is None


def test_a_near_copy_of_what_judges_does_not_teach():
    later = change(9, "Close the socket when the peer hangs up")
    same = change(1, "Close the socket when the peer hangs up again")
    ported = change(2, "Backport of a fix")
    other = change(3, "Colour the thumbnails of invoices")
    hunks = {later.sha: ["+    self.socket.close(now=True)"], ported.sha: ["+    self.socket.close(now=True)"]}
    assert without_copies([same, ported, other], [later], hunks) == [other]


def test_a_changelog_answers_no_question_and_a_merge_asks_none():
    def row(number, paths, parents=("p",), date="2024-05-06T07:08:09+02:00"):
        return {
            "sha": str(number), "parents": parents, "date": date, "subject": "Close the socket earlier", "body": "",
            "paths": paths,
        }  # fmt: skip

    rows = [row(number, ["CHANGES", f"{number % 9}.py"]) for number in range(100)]
    rows += [row(100, ["0.py"], parents=("p", "q")), row(101, ["1.py"], date="2011-09-08T02:38:50+518:00")]
    changes = read_changes(rows, {"CHANGES", *(f"{number}.py" for number in range(9))})
    assert len(changes) == 101
    assert all(each.gold == each.paths - {"CHANGES"} for each in changes)


@pytest.mark.parametrize(
    "subject", ["Release 2.1", "bump version to 3", "fix", "Merge branch x into y z", "Typo (#12)"]
)
def test_a_message_without_a_reason_asks_nothing(subject):
    assert commit_question(subject, "") is None


def test_a_message_asks_without_its_trailers_and_numbers():
    body = "The peer hangs up.\n\nCo-authored-by: Ada"
    assert commit_question("Close the socket (#12)", body) == "Close the socket . The peer hangs up."


def test_an_outcome_is_plain_json(make_repository):
    project = make_repository()
    project.write("a.py", "a = 1\n")
    project.commit("Begin with the first letter")
    assert json.loads(json.dumps(adapt(project.open()).__dict__))["tried"] is False
