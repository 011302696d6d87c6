"""A repository kept open, as an editor keeps it: each save is found at once, and costs nothing for the other files."""

import random

import pytest

from whence_indexer.lock import write_lock
from whence_indexer.repository import open_repository
from whence_indexer.store import Store
from whence_indexer.workspace import Workspace


@pytest.fixture
def project(make_repository):
    made = make_repository()
    for name in ("cart", "card", "bill", "shelf"):
        made.write(f"shop/{name}.py", f'def open_{name}(owner):\n    """Open the {name} of its owner."""\n')
    made.write(".gitignore", "*.log\n")
    made.write(".whenceignore", "private/\n")
    made.commit("Open the shop")
    return made


@pytest.fixture
def workspace(project):
    """The project, indexed, and asked once."""
    opened = Workspace(project.open())
    hits(opened, "open the cart")
    return opened


def hits(workspace, question, look=False, **options):
    """What a search finds now, without any look at the files unless it is asked for."""
    return workspace.ask(lambda searcher: searcher.search(question, **options), look=look)


def paths(workspace, question):
    """The Python files that a search finds now."""
    return {hit.path for hit in hits(workspace, question, kinds=["code"]) if hit.path.endswith(".py")}


def test_a_saved_file_is_found_and_no_other_is_looked_at(project, workspace):
    project.write("shop/cart.py", "def empty_trolley(owner):\n    owner.trolley.clear()\n")
    project.write("shop/card.py", "def unseen():\n    pass\n")
    assert workspace.saved(["shop/cart.py"]) == ["shop/cart.py"]
    assert hits(workspace, "empty_trolley")[0].symbol == "empty_trolley"
    assert "open_cart" not in {hit.symbol for hit in hits(workspace, "open_cart")}
    assert "unseen" not in {hit.symbol for hit in hits(workspace, "unseen")}
    assert "unseen" in {hit.symbol for hit in workspace.ask(lambda searcher: searcher.search("unseen"))}


def test_saving_what_the_index_has_changes_nothing(workspace):
    state = Store(workspace.repository.index_dir).state
    assert workspace.saved(["shop/cart.py", "shop/absent.py"]) == []
    assert workspace.saved([]) == []
    assert Store(workspace.repository.index_dir).state == state


def test_new_files_come_and_deleted_ones_go(project, workspace):
    project.write("shop/new folder/till.py", "def count_till():\n    pass\n")
    project.remove("shop/card.py")
    assert set(workspace.saved(["shop/new folder/till.py", "shop/card.py"])) == {
        "shop/new folder/till.py",
        "shop/card.py",
    }
    assert "shop/new folder/till.py" in paths(workspace, "count_till")
    assert "shop/card.py" not in paths(workspace, "open_card")


def test_what_is_ignored_linked_or_elsewhere_stays_out(project, workspace):
    project.write("debug.log", "open_log")
    project.write("private/key.py", "def open_key():\n    pass\n")
    project.write("node_modules/left/pad.js", "function open_pad() {}\n")
    (project.path / "linked.py").symlink_to("shop/cart.py")
    project.path.with_name("outside.py").write_text("def open_outside():\n    pass\n")
    named = ["debug.log", "private/key.py", "node_modules/left/pad.js", "linked.py", "../outside.py", "shop", ""]
    assert workspace.saved([*named, "shop/cart.py"]) == []
    project.write("shop/cart.py", "def fill_cart():\n    pass\n")
    assert workspace.saved([*named, "shop/cart.py"]) == ["shop/cart.py"]


def test_a_file_that_is_replaced_by_a_link_or_ignored_later_goes(project, workspace):
    project.remove("shop/card.py")
    (project.path / "shop/card.py").symlink_to("cart.py")
    project.write(".whenceignore", "bill.py\n")
    assert set(workspace.saved(["shop/card.py", "shop/bill.py"])) == {"shop/card.py", "shop/bill.py"}
    assert paths(workspace, "open the card and the bill") == {"shop/cart.py", "shop/shelf.py"}


def test_a_plain_folder_is_kept_fresh_too(tmp_path):
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / ".gitignore").write_text("old/\n")
    (folder / "plan.py").write_text("def plan():\n    pass\n")
    workspace = Workspace(open_repository(folder))
    assert paths(workspace, "plan") == {"plan.py"}
    (folder / "plan.py").write_text("def travel():\n    pass\n")
    (folder / "old").mkdir()
    (folder / "old" / "plan.py").write_text("def travel():\n    pass\n")
    assert workspace.saved(["plan.py", "old/plan.py", "../notes/plan.py"]) == ["plan.py"]
    assert paths(workspace, "travel") == {"plan.py"}


def test_after_any_edits_an_open_workspace_finds_what_a_fresh_one_finds(project, workspace):
    chance = random.Random(3)
    words = "open close cart card bill shelf owner trolley count clear fill".split()
    for _ in range(30):
        changed = chance.sample(["cart", "card", "bill", "shelf", "till"], chance.randint(1, 3))
        for name in changed:
            if (project.path / f"shop/{name}.py").exists() and chance.random() < 0.2:
                project.remove(f"shop/{name}.py")
            else:
                lines = [f"def {chance.choice(words)}_{name}():\n    {' '.join(chance.choices(words, k=6))}\n"] * 2
                project.write(f"shop/{name}.py", "\n".join(lines[: chance.randint(0, 2)]))
        workspace.saved([f"shop/{name}.py" for name in changed])
        question = " ".join(chance.choices(words, k=4))
        ours = hits(workspace, question, limit=50)
        if chance.random() < 0.2:
            assert workspace.store_edits()
            assert hits(workspace, question, limit=50) == pytest.approx(ours)
        fresh = hits(Workspace(project.open()), question, look=True, limit=50)
        assert sorted(map(str, fresh)) == sorted(map(str, ours))


def test_edits_are_stored_when_there_is_time(project, workspace):
    for number in range(3):
        project.write("shop/cart.py", f"def cart_{number}():\n    pass\n")
        workspace.saved(["shop/cart.py"])
    stored = Store(workspace.repository.index_dir).state
    with write_lock(workspace.repository.index_dir, wait=False):
        assert not workspace.store_edits()
    assert Store(workspace.repository.index_dir).state == stored
    assert workspace.store_edits()
    assert "cart_2" in {hit.symbol for hit in hits(Workspace(project.open()), "cart_2")}


def test_edits_outlive_what_another_process_writes(project, workspace):
    project.write("shop/till.py", "def count_till():\n    pass\n")
    Workspace(project.open()).update()
    project.write("shop/till.py", "def empty_till():\n    pass\n")
    project.write("shop/cart.py", "def fill_cart():\n    pass\n")
    workspace.saved(["shop/till.py", "shop/cart.py"])
    Workspace(project.open()).update()
    project.write("shop/bill.py", "def pay_bill():\n    pass\n")
    Workspace(project.open()).update()
    assert {"empty_till", "fill_cart", "pay_bill"} <= {hit.symbol for hit in hits(workspace, "till cart bill")}


def test_a_file_that_is_again_as_it_was_is_no_edit(project, workspace):
    before = (project.path / "shop/cart.py").read_text()
    project.write("shop/cart.py", "def fill_cart():\n    pass\n")
    workspace.saved(["shop/cart.py"])
    project.write("shop/cart.py", before)
    assert workspace.saved(["shop/cart.py"]) == ["shop/cart.py"]
    assert workspace.store_edits()
    assert "open_cart" in {hit.symbol for hit in hits(workspace, "open_cart")}


def test_a_look_at_the_repository_sees_what_nobody_told(project, workspace):
    project.write("shop/cart.py", "def fill_cart():\n    pass\n")
    workspace.saved(["shop/cart.py"])
    project.git("checkout", "-q", "shop/cart.py")
    assert "open_cart" in {hit.symbol for hit in hits(workspace, "open_cart", look=True)}
    assert workspace.store_edits()


def test_a_file_that_git_converts_is_not_taken_for_edited(make_repository):
    project = make_repository()
    project.write(".gitattributes", "*.py text eol=crlf\n")
    project.write("a.py", "def first():\r\n    pass\r\n")
    project.commit("Begin")
    project.git("checkout", "-q", ".")
    workspace = Workspace(project.open())
    hits(workspace, "first")
    assert workspace.saved(["a.py"]) == []


def test_a_file_that_a_sparse_checkout_leaves_out_stays(project):
    project.git("sparse-checkout", "set", "--no-cone", "/*", "!/shop/card.py")
    assert not (project.path / "shop/card.py").exists()
    workspace = Workspace(project.open())
    assert "shop/card.py" in paths(workspace, "open_card")
    assert workspace.saved(["shop/card.py"]) == []
    assert "shop/card.py" in paths(workspace, "open_card")


def test_only_names_relative_to_the_root_name_files(tmp_path):
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "plan.py").write_text("def plan():\n    pass\n")
    outside = tmp_path / "outside.py"
    outside.write_text("def secret():\n    pass\n")
    workspace = Workspace(open_repository(folder))
    paths(workspace, "plan")
    (folder / "plan.py").write_text("def travel():\n    pass\n")
    assert workspace.saved([str(outside), "./plan.py", ".//plan.py", "a\0b", "../outside.py"]) == []
    assert workspace.saved(["plan.py", "plan.py"]) == ["plan.py"]


def test_more_files_than_a_command_line_takes(workspace):
    assert workspace.saved([f"{'long' * 20}/{number}.py" for number in range(30_000)]) == []


def test_what_is_saved_can_be_cited(project, workspace):
    project.write("shop/till.py", "def count_till(coins):\n    return sum(coins)\n")
    workspace.saved(["shop/till.py"])
    assert workspace.ask(lambda searcher: searcher.at("shop/till.py", 2), look=False).symbol == "count_till"
    assert workspace.ask(lambda searcher: searcher.blob("shop/till.py"), look=False)


def test_what_another_process_wrote_is_seen(project, workspace):
    project.write("shop/till.py", "def count_till():\n    pass\n")
    Workspace(project.open()).update()
    assert "shop/till.py" in paths(workspace, "count_till")


def test_a_commit_made_meanwhile_is_found_when_the_repository_is_looked_at(project, workspace):
    project.commit("Grease the hinges of the door")
    found = workspace.ask(lambda searcher: searcher.search("hinges of the door", kinds=["commit"]))
    assert found[0].text == "Grease the hinges of the door"


def test_a_save_while_another_process_writes_is_found_too(project, workspace):
    project.write("shop/till.py", "def count_till():\n    pass\n")
    with write_lock(workspace.repository.index_dir, wait=False):
        assert workspace.saved(["shop/till.py"]) == ["shop/till.py"]
        assert "count_till" in {hit.symbol for hit in hits(workspace, "count_till")}


def test_a_save_before_there_is_an_index_makes_none(project):
    workspace = Workspace(project.open())
    assert workspace.saved(["shop/cart.py"]) == []
    assert workspace.store_edits()
    assert "shop/cart.py" in paths(workspace, "open_cart")


def test_the_first_file_of_an_empty_repository_is_found_when_it_is_saved(make_repository):
    project = make_repository()
    workspace = Workspace(project.open())
    assert hits(workspace, "anything") == []
    project.write("first.py", "def first():\n    pass\n")
    assert workspace.saved(["first.py"]) == ["first.py"]
    assert paths(workspace, "first") == {"first.py"}
