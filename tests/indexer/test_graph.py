"""Which pull request a commit came by: from the shape of the history, and through it in search."""

from hypothesis import given
from hypothesis import strategies as st

from whence_indexer.graph import Graph, arrivals
from whence_indexer.workspace import Workspace


def test_a_merge_brings_in_what_was_made_beside_the_main_line():
    #  a - b - - - M   b was made on the main line, c and d beside it
    #   \- c - d -/
    parents = {"a": [], "b": ["a"], "c": ["a"], "d": ["c"], "M": ["b", "d"]}
    assert arrivals(parents, ["M"]) == {"c": "M", "d": "M"}


def test_what_came_by_a_merge_within_a_branch_came_by_that_one():
    # A fix is merged into the branch of a release, and that into the main line.
    parents = {"a": [], "fix": ["a"], "pull": ["a", "fix"], "back": ["a", "pull"]}
    assert arrivals(parents, ["back"]) == {"fix": "pull", "pull": "back"}


def test_a_branch_that_took_over_the_main_line_did_not_bring_that_in():
    parents = {"a": [], "b": ["a"], "c": ["a"], "took": ["c", "b"], "M": ["b", "took"]}
    assert arrivals(parents, ["M"]) == {"c": "M", "took": "M"}


def test_what_two_merges_hold_was_brought_in_by_the_earlier():
    parents = {"a": [], "x": ["a"], "y": ["x"], "M1": ["a", "x"], "M2": ["M1", "y"]}
    assert arrivals(parents, ["M2"]) == {"x": "M1", "y": "M2"}


@given(st.lists(st.sets(st.integers(0, 30), max_size=3), max_size=30))
def test_every_commit_arrives_at_most_once_and_by_a_merge_above_it(choices):
    parents = {str(n): [str(p % n) for p in sorted(choice)] if n else [] for n, choice in enumerate(choices)}
    parents = {sha: list(dict.fromkeys(found)) for sha, found in parents.items()}
    found = arrivals(parents, list(parents)[::-1])
    for sha, merge in found.items():
        assert len(parents[merge]) > 1
        assert sha in _ancestors(merge, parents)


def _ancestors(sha, parents):
    found, waiting = set(), [sha]
    while waiting:
        waiting += [each for each in parents[waiting.pop()] if each not in found and not found.add(each)]
    return found


def test_the_commits_of_a_pull_request_are_those_that_name_it_and_those_it_brought():
    graph = Graph(
        threads={"a": [7], "b": [], "M": [12]},
        closes={"a": [7], "b": [], "M": []},
        pulls={"a": None, "b": None, "M": 12},
        merges={"a": "M", "b": "M"},
    )
    assert graph.commits_of() == {7: ["a"], 12: ["a", "b", "M"]}
    assert (graph.thread_of("a"), graph.thread_of("b"), graph.thread_of("gone")) == (7, 12, None)


def test_a_commit_that_names_no_number_is_found_with_that_of_its_merge(make_repository):
    project = make_repository()
    project.write("app.py", "def run():\n    pass\n")
    project.commit("Begin")
    project.git("checkout", "-qb", "brakes")
    project.write("brakes.py", "def stop_slowly():\n    pass\n")
    project.commit("Stop the wheels slowly")
    project.git("checkout", "-q", "main")
    project.git("merge", "-q", "--no-ff", "-m", "Merge pull request #12 from ada/brakes", "brakes")
    hits = Workspace(project.open()).ask(lambda searcher: searcher.search("stop the wheels slowly", 3, ["commit"]))
    assert (hits[0].text, hits[0].thread) == ("Stop the wheels slowly", 12)
