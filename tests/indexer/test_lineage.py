"""Lines and the commits that shaped them, in histories that a blame alone would misread."""

import subprocess

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from whence_indexer.errors import RepositoryError, SourceError
from whence_indexer.history import instant
from whence_indexer.lineage import prepare, trace
from whence_indexer.ownership import find_ownership
from whence_indexer.source import find_source, relative_path

PATIENT = 60.0  # seconds: a slow machine must not change what is found

CART = """\
def total(prices, discount):
    subtotal = sum(price for price in prices if price is not None)
    return round(subtotal * (1 - discount), 2)


def describe(cart):
    lines = [f"{item.name}: {item.price}" for item in cart.items if item.visible]
    return "\\n".join(lines)
"""
FORMATTED = """\
def total(
    prices,
    discount,
):
    subtotal = sum(
        price for price in prices if price is not None
    )
    return round(subtotal * (1 - discount), 2)


def describe(cart):
    lines = [
        f'{item.name}: {item.price}'
        for item in cart.items
        if item.visible
    ]
    return '\\n'.join(lines)
"""


@pytest.fixture
def shop(make_repository):
    """A cart with two commits that meant something."""
    project = make_repository("shop")
    project.write("cart.py", CART.replace(" if price is not None", ""))
    project.first = project.commit("Add the cart")
    project.write("cart.py", CART)
    project.second = project.commit("Pass over prices that are missing", author="Grace <grace@example.com>")
    return project


def lineage(project, path, first, last=None, **options):
    repository = project.open()
    source = find_source(repository, path, first, last or first)
    return trace(repository, source, first, last or first, seconds=PATIENT, **options)


def shas(traced, earlier=False):
    return [shaper.commit.sha for shaper in traced.shapers if shaper.earlier is earlier]


def test_a_line_names_who_wrote_it_last_and_what_it_was_before(shop):
    traced = lineage(shop, "cart.py", 2)
    assert (shas(traced), shas(traced, earlier=True)) == ([shop.second], [shop.first])
    assert [shaper.lines for shaper in traced.shapers] == [((2, 2),), ((2, 2),)]
    assert traced.complete


def test_a_prepared_file_is_told_the_same(shop):
    shop.write("cart.py", FORMATTED)
    shop.commit("Reformat with black")
    before = [lineage(shop, "cart.py", line) for line in range(1, 17)]
    repository = shop.open()
    prepare(repository, find_source(repository, "cart.py", 1, 1))
    assert [lineage(shop, "cart.py", line) for line in range(1, 17)] == before


def test_lines_of_several_commits_name_the_one_of_most_lines_first(shop):
    traced = lineage(shop, "cart.py", 1, 8)
    assert shas(traced) == [shop.first, shop.second]
    assert [shaper.lines for shaper in traced.shapers] == [((1, 1), (3, 8)), ((2, 2),)]


def test_a_sweep_of_a_formatter_is_seen_through_and_said(shop):
    shop.write("pyproject.toml", "[tool.black]\nline-length = 50\n")
    shop.write("cart.py", FORMATTED)
    sweep = shop.commit("Reformat with black")
    traced = lineage(shop, "cart.py", 6)
    assert shas(traced) == [shop.second]
    assert [(commit.sha, kind) for commit, kind in traced.seen_through] == [(sweep, "format")]


def test_an_indented_block_is_its_authors_still(shop):
    body = "".join(f"    {line}" if line.strip() else line for line in CART.splitlines(keepends=True))
    shop.write("cart.py", f"class Cart:\n{body}")
    indented = shop.commit("Put the functions into a class")
    assert shas(lineage(shop, "cart.py", 3)) == [shop.second]
    assert shas(lineage(shop, "cart.py", 1)) == [indented]


def test_a_renamed_file_keeps_its_lines(shop):
    shop.git("mv", "cart.py", "basket.py")
    shop.commit("Call it basket")
    assert shas(lineage(shop, "basket.py", 2)) == [shop.second]


def test_a_function_that_moved_to_another_file_keeps_its_author(shop):
    first, _, second = CART.partition("\n\n\n")
    shop.write("cart.py", second)
    shop.write("sums.py", f'"""Sums."""\n\n\n{first}\n')
    shop.commit("Move sums to a file of their own")
    assert shas(lineage(shop, "sums.py", 5)) == [shop.second]


def test_the_commits_that_the_project_ignores_are_ignored(shop):
    shop.write("cart.py", CART.replace("prices", "amounts").replace("price", "amount"))
    renamed = shop.commit("Rename prices")
    assert shas(lineage(shop, "cart.py", 2)) == [renamed]
    shop.write(".git-blame-ignore-revs", f"# names only\n{renamed}  # 2024\nnonsense\n{'0' * 40}\n")
    shop.commit("Ignore the renaming")
    assert shas(lineage(shop, "cart.py", 2)) == [shop.second]


def test_the_users_own_list_of_ignored_commits_may_be_missing(shop, tmp_path, monkeypatch):
    shop.git("config", "--file", tmp_path / "config", "blame.ignoreRevsFile", ".git-blame-ignore-revs")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "config"))
    assert shas(lineage(shop, "cart.py", 2)) == [shop.second]
    shop.git("config", "blame.ignoreRevsFile", "nowhere")
    with pytest.raises(RepositoryError, match="could not open object name list: nowhere"):
        lineage(shop, "cart.py", 1)


def test_uncommitted_lines_are_said_and_the_others_found(shop):
    shop.write("cart.py", CART.replace("def describe(cart):", 'def describe(cart):\n    """One line an item."""'))
    traced = lineage(shop, "cart.py", 6, 8)
    assert traced.uncommitted == ((7, 7),)
    assert shas(traced) == [shop.first]
    assert traced.shapers[0].lines == ((6, 6), (8, 8))


def test_a_file_that_is_only_staged_has_no_commit(shop):
    shop.write("new.py", "new = True\n")
    shop.git("add", "new.py")
    traced = lineage(shop, "new.py", 1)
    assert (traced.shapers, traced.uncommitted) == ((), ((1, 1),))


def test_a_commit_of_no_known_time_is_the_oldest(shop):
    assert instant("2024-05-06T07:08:09+02:00") > instant("2024-05-06T06:08:09+02:00") > instant("some day")


def test_a_line_that_came_by_a_merge_is_its_authors(shop):
    shop.git("checkout", "-q", "-b", "side", "HEAD")
    shop.write("cart.py", CART.replace("round(", "floor("))
    side = shop.commit("Round down")
    shop.git("checkout", "-q", "main")
    shop.write("other.py", "other = 1\n")
    shop.commit("Meanwhile")
    shop.git("merge", "-q", "--no-ff", "-m", "Merge pull request #3 from side", "side")
    assert shas(lineage(shop, "cart.py", 3)) == [side]


def test_a_shallow_clone_says_that_history_ends(shop, tmp_path, make_repository):
    shop.write("cart.py", CART + "\n# more\n")
    shop.commit("Say more")
    subprocess.run(
        ["git", "clone", "-q", "--depth=1", f"file://{shop.path}", tmp_path / "shallow"],
        check=True,
        capture_output=True,
    )
    clone = type(shop)(tmp_path / "shallow")
    assert lineage(clone, "cart.py", 2).shallow
    assert not lineage(shop, "cart.py", 2).shallow


def test_line_ends_of_windows_change_nothing(shop):
    shop.write("cart.py", CART.replace("\n", "\r\n"))
    ends = shop.commit("Use CRLF")
    traced = lineage(shop, "cart.py", 2)
    assert shas(traced) == [shop.second]
    assert ends not in shas(traced)


def test_a_file_in_another_encoding_or_with_any_name_is_traced(make_repository):
    project = make_repository()
    project.write("grüße/日 本\t.txt", "Grüße\nund mehr\n".encode("latin-1"))
    first = project.commit("Begrüßen")
    assert shas(lineage(project, "grüße/日 本\t.txt", 1, 2)) == [first]


def test_a_commit_at_the_top_of_many_files_about_rights_is_seen_through(shop):
    shop.write("cart.py", "# Copyright 2023 The Shop\n# SPDX-License-Identifier: MIT\n" + CART)
    written = shop.commit("Add licence headers")
    shop.write("cart.py", "# Copyright 2024 The Shop\n# SPDX-License-Identifier: MIT\n" + CART)
    shop.commit("Update copyright of the whitespace police")  # it says so, but two lines are few
    assert shas(lineage(shop, "cart.py", 2)) == [written]


def test_nothing_of_the_repository_is_run(shop, tmp_path):
    trace_file = tmp_path / "ran"
    for key in (
        "diff.evil.textconv",
        "diff.evil.command",
        "filter.evil.clean",
        "filter.evil.process",
        "core.fsmonitor",
    ):
        shop.git("config", key, f"touch {trace_file}; cat")
    shop.write(".gitattributes", "*.py diff=evil filter=evil\n")
    shop.write("cart.py", CART + "# more\n")
    lineage(shop, "cart.py", 1, 9)
    assert not trace_file.exists()


def test_a_bare_repository_is_asked_at_its_head(shop, make_repository):
    bare = make_repository("bare", "--bare")
    shop.git("push", "-q", bare.path, "main")
    assert shas(lineage(bare, "cart.py", 2)) == [shop.second]


@pytest.mark.parametrize(
    ("path", "line", "reason"),
    [
        ("cart.py", 99, "cart.py has 8 lines; there is no line 99"),
        ("nowhere.py", 1, "there is no file nowhere.py"),
        ("gone.py", 1, "it was removed by [0-9a-f]{10}: Remove one for�$"),
        ("old/named.py", 1, "it is new/named.py now; [0-9a-f]{10} renamed it first: Rename$"),
        ("lost.py", 1, "lost.py is deleted in the work tree"),
        ("folder", 1, "folder is a folder"),
        ("untracked.py", 1, "untracked.py is not tracked by git"),
        ("logo.png", 1, "logo.png is binary"),
        ("empty.py", 1, "empty.py is empty"),
        ("link.py", 1, "link.py is a link"),
    ],
)
def test_what_has_no_history_is_named(shop, path, line, reason):
    for name in ("gone.py", "lost.py", "folder/inner.py"):
        shop.write(name, "x = 1\n")
    shop.write("old/named.py", "y = 1\n" * 9)
    shop.write("logo.png", b"\x89PNG\0\0\1")
    shop.write("empty.py")
    (shop.path / "link.py").symlink_to("cart.py")
    shop.commit("Add files")
    shop.remove("gone.py")
    shop.commit("Remove one for <ada@example.com>\x1b")
    shop.git("mv", "old/named.py", "older.py")
    shop.commit("Rename")
    (shop.path / "new").mkdir()
    shop.git("mv", "older.py", "new/named.py")
    shop.commit("Rename again")
    shop.remove("lost.py")
    shop.write("untracked.py", "x = 1\n")
    with pytest.raises(SourceError, match=reason):
        find_source(shop.open(), path, line, line)


def test_without_git_or_commits_there_is_no_history(make_repository, tmp_path):
    empty = make_repository()
    empty.write("a.py", "a = 1\n")
    with pytest.raises(SourceError, match="nothing has been committed"):
        find_source(empty.open(), "a.py", 1, 1)
    folder = type(empty)(tmp_path / "plain")
    folder.write("a.py", "a = 1\n")
    with pytest.raises(SourceError, match="not a git repository"):
        find_source(folder.open(), "a.py", 1, 1)


def test_a_path_may_be_given_from_anywhere_inside(shop, monkeypatch):
    shop.write("lib/tax.py", "tax = 1\n")
    repository = shop.open()
    monkeypatch.chdir(shop.path / "lib")
    for name in ("tax.py", "lib/tax.py", "./lib/../lib/tax.py", str(shop.path / "lib" / "tax.py")):
        assert relative_path(repository, name) == "lib/tax.py"
    assert relative_path(repository, "cart.py") == "cart.py"
    for outside in ("../../elsewhere.py", "/etc/passwd"):
        with pytest.raises(SourceError, match="outside the repository"):
            relative_path(repository, outside)


def test_owners_are_those_whose_lines_these_are_and_the_last_to_understand_is_no_formatter(shop):
    shop.write("cart.py", FORMATTED)
    sweep = shop.commit("Reformat with black", author="Bot <bot@example.com>", date="2025-01-01T00:00:00+00:00")
    repository = shop.open()
    found = find_ownership(repository, find_source(repository, "cart.py", 1, 1))
    assert [owner.author for owner in found.owners][:1] == ["Ada Author"]
    assert {"Grace", "Ada Author"} <= {owner.author for owner in found.owners}
    assert (found.last.author, found.commit) == ("Grace", shop.second)
    assert found.seen_through == ((sweep, "format"),)  # why it is not what `git log -1` names


def test_lines_that_were_moved_here_are_of_a_commit_too(shop):
    shop.write("sum.py", CART)
    shop.remove("cart.py")
    shop.commit("Move the sum", author="Bot <bot@example.com>")
    shop.write("sum.py", CART + "\n\nend = 1\n")
    shop.commit("End", author="Bot <bot@example.com>")
    repository = shop.open()
    found = find_ownership(repository, find_source(repository, "sum.py", 1, 1), [(1, 5)])
    assert all(owner.commits for owner in found.owners)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    versions=st.lists(
        st.lists(st.sampled_from("abcdef \n"), min_size=1, max_size=12).map("".join), min_size=1, max_size=4
    ),
    data=st.data(),
)
def test_every_line_of_a_history_is_inside_the_file(tmp_path_factory, make_repository, versions, data):
    project = make_repository(tmp_path_factory.mktemp("any").name)
    for number, text in enumerate(versions):
        project.write("any.txt", text)
        project.commit(f"Version {number}")
    project.write("any.txt", data.draw(st.sampled_from(versions)) + "end\n")
    count = (project.path / "any.txt").read_bytes().count(b"\n")
    first = data.draw(st.integers(1, count))
    last = data.draw(st.integers(first, count))
    traced = lineage(project, "any.txt", first, last)
    ranges = [span for shaper in traced.shapers for span in shaper.lines] + list(traced.uncommitted)
    assert all(first <= start <= end <= last for start, end in ranges)
    current = [span for shaper in traced.shapers if not shaper.earlier for span in shaper.lines] + list(
        traced.uncommitted
    )
    covered = [line for start, end in current for line in range(start, end + 1)]
    assert sorted(covered) == list(range(first, last + 1))


@pytest.mark.parametrize("date", ["2024-05-06T07:08:09+99:99", "9999-12-31T23:00:00-12:00"])
def test_owners_are_found_whatever_time_a_broken_client_wrote(shop, date):
    shop.write("cart.py", CART + "\n")
    shop.git("add", "--all")
    tree = shop.git("write-tree")
    stamp = {"2024-05-06T07:08:09+99:99": "1714979289 +9999", "9999-12-31T23:00:00-12:00": "253402297199 -1200"}[date]
    raw = f"tree {tree}\nparent {shop.second}\nauthor Grace <g@example.com> {stamp}\n"
    commit = shop.git("hash-object", "-t", "commit", "-w", "--stdin", "--literally",
                      stdin=f"{raw}committer Grace <g@example.com> 1714979289 +0000\n\nAdd a line\n")  # fmt: skip
    shop.git("reset", "-q", "--hard", commit)
    repository = shop.open()
    source = find_source(repository, "cart.py", 1, 1)
    assert {owner.author for owner in find_ownership(repository, source).owners} == {"Ada Author", "Grace"}
    assert {owner.author for owner in find_ownership(repository, source, [(8, 9)]).owners} == {"Ada Author", "Grace"}


def test_the_last_to_understand_is_so_by_the_instant_not_by_the_clock_on_their_wall(shop):
    shop.write("cart.py", CART + "# one\n")
    shop.commit("One", author="East <e@example.com>", date="2024-10-27T02:30:00+02:00")
    shop.write("cart.py", CART + "# two\n")
    shop.commit("Two", author="West <w@example.com>", date="2024-10-27T02:10:00+01:00")
    repository = shop.open()
    found = find_ownership(repository, find_source(repository, "cart.py", 1, 1)).last
    assert (found.author, found.last) == ("West", "2024-10-27T01:10:00Z")


def test_an_author_may_have_any_character_in_the_name(shop):
    shop.write("cart.py", CART + "\n")
    shop.commit("Add a line", author="Two\u2028Lines <two@example.com>")
    repository = shop.open()
    assert "Two\u2028Lines" in {
        each.author for each in find_ownership(repository, find_source(repository, "cart.py", 1, 1)).owners
    }


@pytest.mark.parametrize("name", [":cart.py", ":(top)cart.py", "ca[r]t.py"])
def test_a_name_that_git_could_take_for_a_pattern_is_that_of_a_file(shop, name):
    shop.write(name, "unlike = 'anything else'\n")
    shop.commit("Add a file with another name")
    repository = shop.open()
    (owner,) = find_ownership(repository, find_source(repository, name, 1, 1)).owners
    assert (owner.lines, owner.commits) == (1, 1)


def test_a_project_may_ignore_any_number_of_commits(shop):
    data = "".join(
        f"commit refs/heads/many\ncommitter A <a@example.com> {number} +0000\ndata 1\nx\n" for number in range(50_000)
    )
    shop.git("fast-import", "--quiet", stdin=data)
    shop.write(".git-blame-ignore-revs", shop.git("rev-list", "many") + f"\n{shop.second}\n")
    assert shas(lineage(shop, "cart.py", 2)) == [shop.first]
