"""Indexing as a user meets it: edits, branches, renames, work trees, damage, another embedder."""

import json
import random
import subprocess
import sys

import pytest

from whence_indexer import schema
from whence_indexer.embedder import load_embedder
from whence_indexer.errors import EmbedderError, LockedError
from whence_indexer.indexing import update
from whence_indexer.lock import write_lock
from whence_indexer.search import Searcher
from whence_indexer.store import Store


@pytest.fixture
def project(make_repository):
    made = make_repository()
    made.write(
        "shop/cart.py", 'def add_item(cart, item):\n    """Put an item into the cart."""\n    cart.append(item)\n'
    )
    made.write("shop/pay.py", 'def charge(card, amount):\n    """Charge the card, once."""\n    card.debit(amount)\n')
    made.write("README.md", "# Shop\n\nA shop with a cart.\n\n## Paying\n\nCards are charged once.\n")
    made.commit("Open the shop (#1)")
    return made


def found(repository, query, **options):
    store = Store(repository.index_dir)
    return Searcher(repository, store, load_embedder(store.state.model)).search(query, **options)


def test_the_first_run_indexes_files_and_history(project):
    report = update(project.open())
    assert (report.files, report.commits, report.problems) == (3, 1, [])
    assert report.chunks >= 3
    assert report.embedded == report.chunks + report.commits
    assert report.index_bytes > 0


def test_nothing_changed_means_nothing_done(project):
    repository = project.open()
    update(repository)
    state = (repository.index_dir / "state.json").read_bytes()
    assert update(repository).embedded == 0
    assert (repository.index_dir / "state.json").read_bytes() == state


def test_an_edit_re_embeds_only_what_it_changed(project):
    repository = project.open()
    update(repository)
    project.write("shop/pay.py", "def refund(card, amount):\n    card.credit(amount)\n")
    assert update(repository).embedded == 1
    assert found(repository, "refund", kinds=["code"])[0].symbol == "refund"
    assert all(hit.symbol != "charge" for hit in found(repository, "charge the card", kinds=["code"]))


def test_an_untracked_file_is_found_and_a_deleted_one_is_not(project):
    repository = project.open()
    project.write("notes.md", "# Notes\n\nZebras graze at night.\n")
    update(repository)
    assert found(repository, "zebras")[0].path == "notes.md"
    project.remove("notes.md")
    update(repository)
    assert all(hit.path != "notes.md" for hit in found(repository, "zebras"))


def test_going_back_to_a_branch_embeds_nothing(project):
    repository = project.open()
    update(repository)
    project.git("checkout", "-q", "-b", "coupons")
    project.write("shop/coupon.py", "def redeem(code):\n    return discount(code)\n")
    project.commit("Add coupons")
    update(project.open())
    project.git("checkout", "-q", "main")
    assert update(project.open()).embedded == 0
    project.git("checkout", "-q", "coupons")
    assert update(project.open()).embedded == 0
    assert found(project.open(), "redeem a coupon", kinds=["code"])[0].path == "shop/coupon.py"


def test_a_rewritten_history_forgets_the_old_commits(project):
    update(project.open())
    project.git("commit", "-q", "--amend", "-m", "Open the shop properly")
    report = update(project.open())
    assert report.commits == 1
    assert found(project.open(), "open the shop", kinds=["commit"])[0].text == "Open the shop properly"


def test_linked_work_trees_share_vectors_and_keep_their_own_files(project, tmp_path):
    from whence_indexer.repository import open_repository

    update(project.open())
    other = tmp_path / "other tree"
    project.git("worktree", "add", "-q", "-b", "side", str(other))
    (other / "side.py").write_text("def only_here():\n    return True\n")
    linked = open_repository(other)
    assert update(linked).embedded == 1
    assert found(linked, "only_here", kinds=["code"])[0].path == "side.py"
    assert all(hit.path != "side.py" for hit in found(project.open(), "only_here"))


def test_history_can_be_left_out_and_added_later(project):
    assert update(project.open(), history=False).commits == 0
    assert update(project.open()).commits == 0
    assert update(project.open(), history=True).commits == 1


def test_a_plain_folder_has_files_and_no_history(tmp_path):
    from whence_indexer.repository import open_repository

    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a.py").write_text("def alone():\n    pass\n")
    repository = open_repository(tmp_path / "folder")
    report = update(repository)
    assert (report.files, report.commits) == (1, 0)
    assert not list((tmp_path / "folder").glob(".*"))
    assert found(repository, "alone")[0].path == "a.py"


def test_an_empty_repository_is_indexed_and_searched_without_complaint(make_repository):
    repository = make_repository().open()
    assert update(repository).files == 0
    assert found(repository, "anything") == []


@pytest.mark.parametrize("damage", ["state", "data", "tables"])
def test_a_damaged_index_is_rebuilt_and_said_so(project, damage):
    repository = project.open()
    update(repository)
    folder = repository.index_dir
    if damage == "state":
        (folder / "state.json").write_text("{")
    elif damage == "tables":
        (folder / "tables-0" / "commits.lance").rename(folder / "gone")
    else:
        for file in (folder / "tables-0").rglob("data/*"):
            file.write_bytes(b"")
    report = update(repository)
    assert [problem.where for problem in report.problems] == ["index"]
    assert "rebuilt" in report.problems[0].what
    assert found(repository, "add_item", kinds=["code"])[0].path == "shop/cart.py"


def test_an_index_of_another_schema_is_refilled_with_the_vectors_it_has(project):
    repository = project.open()
    update(repository)
    file = repository.index_dir / "state.json"
    state = json.loads(file.read_text())
    file.write_text(json.dumps(state | {"schema": schema.VERSION + 1}))
    report = update(repository)
    assert (report.files, report.embedded) == (3, 0)
    assert Store(repository.index_dir).state.schema == schema.VERSION
    assert found(repository, "add_item", kinds=["code"])[0].path == "shop/cart.py"


def test_another_embedder_re_embeds_everything_and_mixes_nothing(project, tiny_embedder):
    repository = project.open()
    first = update(repository)
    changed = update(repository, model=tiny_embedder)
    assert changed.embedded == first.embedded
    state = Store(repository.index_dir).state
    assert state.dimension == 8
    assert found(repository, "add_item", kinds=["code"])[0].path == "shop/cart.py"
    assert update(repository).embedded == 0


def test_an_embedder_that_cannot_be_loaded_leaves_the_index(project, tmp_path):
    repository = project.open()
    update(repository)
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "modules.json").write_text("{")
    with pytest.raises(EmbedderError, match="cannot be loaded"):
        update(repository, model=str(broken))
    assert found(repository, "add_item", kinds=["code"])[0].path == "shop/cart.py"


def test_a_locked_index_says_who_holds_it(project):
    repository = project.open()
    update(repository)
    hold = (
        "import sys, pathlib; from whence_indexer.lock import write_lock\n"
        "with write_lock(pathlib.Path(sys.argv[1]), wait=True): print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(repository.index_dir)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(LockedError, match=f"process {holder.pid} on"):
            update(repository, wait=False)
        heard = []
        holder.stdin.close()
        update(repository, waiting=heard.append)
    with write_lock(repository.index_dir, wait=False):
        pass


def test_progress_names_each_stage_with_its_total(project):
    heard = []
    update(project.open(), progress=lambda stage, done, total: heard.append((stage, total)))
    assert ("Indexing files", 3) in heard
    assert ("Indexing history", 1) in heard


def test_a_history_rewritten_and_cleaned_up_is_read_anew(project):
    update(project.open())
    project.git("commit", "-q", "--amend", "-m", "Open the shop properly")
    project.git("reflog", "expire", "--expire=now", "--all")
    project.git("gc", "-q", "--prune=now")
    report = update(project.open())
    assert (report.commits, report.problems) == (1, [])
    assert found(project.open(), "open the shop", kinds=["commit"])[0].text == "Open the shop properly"


def test_a_shallow_clone_says_where_history_ends_and_fills_up_when_it_is_fetched(project, tmp_path):
    from whence_indexer.repository import open_repository

    project.write("later.py", "later = True\n")
    project.commit("Add later")
    clone = tmp_path / "clone"
    project.git("clone", "-q", "--depth=1", project.path.as_uri(), clone)
    report = update(open_repository(clone))
    assert report.commits == 1
    assert "shallow" in report.problems[0].what
    subprocess.run(["git", "fetch", "-q", "--unshallow"], cwd=clone, check=True)
    report = update(open_repository(clone))
    assert (report.commits, report.problems) == (2, [])


def test_switching_history_off_forgets_the_commits(project):
    update(project.open())
    assert update(project.open(), history=False).commits == 0
    assert found(project.open(), "open the shop", kinds=["commit"]) == []


def test_a_removed_work_tree_leaves_nothing_behind(project, tmp_path):
    from whence_indexer.repository import open_repository

    update(project.open())
    project.git("worktree", "add", "-q", tmp_path / "gone")
    update(open_repository(tmp_path / "gone"))
    project.git("worktree", "remove", "--force", tmp_path / "gone")
    for number in range(20):
        project.write("notes.md", f"# Notes {number}\n")
        update(project.open())
    state = Store(project.open().index_dir).state
    assert set(state.trees) == {"main"}
    assert not [name for name in state.tables if "gone" in name]


def test_half_a_character_in_a_notebook_stops_nothing(project):
    cell = '{"cell_type": "code", "source": ["x = \'\\ud800\'"], "metadata": {}, "outputs": []}'
    project.write("odd.ipynb", '{"cells": [' + cell + '], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}')
    report = update(project.open())
    assert [problem.where for problem in report.problems] == ["odd.ipynb"]
    assert report.files == 3


def test_a_way_back_to_old_commits_keeps_the_vectors_they_need(project):
    for number in range(40):
        project.write("log.txt", f"{number}\n")
        project.commit(f"Write entry {number} into the log of the shop")
    update(project.open())
    project.git("checkout", "-q", "--orphan", "other")
    project.git("rm", "-rfq", ".")
    project.write("only.py", "def only():\n    pass\n")
    project.commit("Begin again with nothing")
    update(project.open())
    while Store(project.open().index_dir).state.uncompacted < 7:
        project.write("only.py", f"def only():\n    return {random.random()}\n")
        update(project.open())
    project.git("checkout", "-q", "-f", "main")
    assert update(project.open()).problems == []
    assert found(project.open(), "entry 5 of the log", kinds=["commit"])
