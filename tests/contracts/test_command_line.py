"""The command line as scripts use it: exact keys, exit codes, nothing but JSON on stdout.

Each command is run as a process once; what leads to a check and what repeats one is called, which saves a second each.
"""

import json
import subprocess
import sys

import pytest
from tests.commands import called as whence
from tests.commands import process


def answer(*arguments, run=whence, **options):
    done = run(*arguments, "--json", **options)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def shop(make_repository):
    """A repository with a reason in its history."""
    project = make_repository("shop")
    project.write(
        "shop/cart.py", 'def add_item(cart, item):\n    """Put an item into the cart."""\n    cart.append(item)\n'
    )
    project.commit("Add the cart")
    project.write(
        "shop/pay.py",
        'def charge(card, amount):\n    """Charge a card once, even if the bank repeats."""\n    card.debit(amount)\n',
    )
    reason = "The bank repeated its answers, so that customers paid twice."
    project.commit(f"Charge cards once (#7)\n\n{reason}\n\nFixes #5")
    return project.path


def test_index_prints_its_counts(shop):
    report = answer("index", "--repo", shop, run=process)
    assert {"files", "chunks", "commits", "threads", "embedded", "seconds", "index_bytes", "problems"} <= report.keys()
    assert (report["files"], report["commits"], report["problems"]) == (2, 2, [])


def test_search_prints_hits_with_their_places(shop):
    result = answer("search", "put an item into the cart", "--repo", shop, "-k", 3, run=process)
    first = result["hits"][0]
    assert list(first) == [
        "kind",
        "path",
        "start_line",
        "end_line",
        "symbol",
        "commit",
        "thread",
        "url",
        "score",
        "text",
    ]
    assert (first["kind"], first["path"], first["start_line"], first["symbol"]) == (
        "code",
        "shop/cart.py",
        1,
        "add_item",
    )
    assert result["stale"] is False
    assert isinstance(result["seconds"], float)


def test_search_can_be_narrowed_to_kinds_and_folders(shop):
    assert {hit["kind"] for hit in answer("search", "charge", "--repo", shop, "--kind", "commit")["hits"]} == {"commit"}
    paths = {hit["path"] for hit in answer("search", "charge", "--repo", shop, "--under", "shop/pay.py")["hits"]}
    assert paths == {"shop/pay.py"}
    assert answer("search", "charge", "--repo", shop, "--kind", "issue,pull")["hits"] == []


def test_ask_cites_the_commit_and_its_thread_for_a_reason(shop):
    result = answer("ask", "Why are cards charged once?", "--repo", shop, run=process)
    assert list(result) == [
        "answer", "confidence", "abstained", "citations", "source", "model", "timings", "stale",
    ]  # fmt: skip
    commits = [citation for citation in result["citations"] if citation["kind"] == "commit"]
    assert "customers paid twice" in commits[0]["quote"]
    assert result["source"]["issue_id"] == 5
    assert len(result["source"]["commit"]) == 40
    assert result["model"] == {"name": "extractive", "version": None}
    assert list(result["timings"]) == ["retrieve", "first_token", "total"]


def test_every_citation_of_a_file_quotes_its_lines(shop):
    result = answer("ask", "How is an item put into the cart?", "--repo", shop)
    cited = [citation for citation in result["citations"] if citation["path"]]
    assert list(cited[0]) == [
        "id", "kind", "quote", "path", "start_line", "end_line", "commit", "thread", "url",
    ]  # fmt: skip
    for citation in cited:
        lines = (shop / citation["path"]).read_text().split("\n")
        assert "\n".join(lines[citation["start_line"] - 1 : citation["end_line"]]) == citation["quote"]
        assert f"[{citation['id']}]" in result["answer"]


def test_why_prints_the_answer_and_the_history_without_an_index(shop):
    result = answer("why", "shop/pay.py:2-3", "--repo", shop, run=process)
    assert list(result) == [
        "answer", "confidence", "abstained", "citations", "source", "model", "timings", "stale",
        "history", "uncommitted", "seen_through", "shallow", "complete", "recorded",
    ]  # fmt: skip
    assert "customers paid twice" in result["answer"]
    assert result["source"]["issue_id"] == 5
    (change,) = result["history"]
    assert list(change) == ["commit", "date", "author", "subject", "lines", "threads", "earlier", "change"]
    assert (change["author"], change["lines"], change["threads"]) == ("Ada Author", [[2, 3]], [7, 5])
    assert (result["uncommitted"], result["seen_through"], result["stale"]) == ([], [], False)
    assert not (shop / ".git" / "whence").exists()


@pytest.mark.parametrize("what", ["shop/pay.py#charge", "charge"])
def test_why_takes_a_definition_and_says_what_each_commit_did(shop, what):
    result = answer("why", what, "--repo", shop)
    assert "customers paid twice" in result["answer"]
    assert [(change["change"], change["earlier"]) for change in result["history"]] == [("added", False)]
    assert result["complete"] is True


def test_why_lists_the_definitions_of_a_name_that_has_several(shop):
    (shop / "shop" / "again.py").write_text("def charge():\n    pass\n")
    subprocess.run(["git", "add", "."], cwd=shop, check=True)
    run = whence("why", "charge", "--repo", shop)
    assert (run.returncode, run.stdout) == (1, "")
    assert "charge is defined 2 times; say which: shop/again.py#charge, shop/pay.py#charge" in run.stderr


@pytest.mark.parametrize(
    ("what", "lines", "symbol"),
    [
        ("shop/pay.py", (1, 3), None),
        ("shop/pay.py:2", (2, 2), None),
        ("shop/pay.py:2-3", (2, 3), None),
        ("shop/pay.py#charge", (1, 3), "charge"),
    ],
)
def test_who_prints_owners_by_name_without_an_index(shop, what, lines, symbol):
    result = answer("who", what, "--repo", shop)
    assert list(result) == [
        "path", "start_line", "end_line", "more", "symbol", "owners", "last", "seen_through", "shallow"
    ]  # fmt: skip
    assert (result["more"], result["seen_through"], result["shallow"]) == ([], [], False)
    assert (result["path"], (result["start_line"], result["end_line"]), result["symbol"]) == (
        "shop/pay.py",
        lines,
        symbol,
    )
    (owner,) = result["owners"]
    assert list(owner) == ["author", "lines", "commits", "last", "share"]
    assert (owner["author"], owner["share"], owner["commits"], result["last"]) == ("Ada Author", 1.0, 1, "Ada Author")
    assert not (shop / ".git" / "whence").exists()


def test_who_shows_people_a_table_of_names(shop):
    run = process("who", "pay.py", cwd=shop / "shop")
    assert run.returncode == 0, run.stderr
    assert "Last changed by Ada Author" in run.stdout
    assert "@" not in run.stdout


def test_why_takes_a_path_from_the_working_directory_and_shows_people_the_history(shop):
    run = process("why", "pay.py:3", cwd=shop / "shop")
    assert run.returncode == 0, run.stderr
    assert "The bank repeated its answers" in run.stdout
    assert "Charge cards once (#7)" in run.stdout


def test_why_imports_no_index(shop):
    script = (
        "import sys; from whence_server.cli import cli\n"
        f"cli.main(['why', 'shop/pay.py:3', '--json', '--repo', {str(shop)!r}], standalone_mode=False)\n"
        "print([name for name in ('lancedb', 'pyarrow', 'numpy', 'rich') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip().endswith("[]")


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ("shop/pay.py:99", "shop/pay.py has 3 lines; there is no line 99"),
        ("shop/none.py:1", "there is no file shop/none.py"),
        ("shop:1", "shop is a folder"),
        ("../elsewhere.py:1", "outside the repository"),
        (".git/config:1", ".git/config is not tracked by git"),
    ],
)
def test_lines_without_history_are_named_and_exit_with_1(shop, lines, reason):
    run = whence("why", lines, "--repo", shop)
    assert (run.returncode, run.stdout) == (1, "")
    assert reason in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize(
    ("command", "what", "typed"),
    [
        ("why", "shop/pay.py", "shop/pay.py is a file; say which lines or which definition: shop/pay.py:LINE"),
        ("why", "shop", "shop is a folder; name a file in it: shop/FILE"),
        ("who", "shop", "shop is a folder; name a file in it: shop/FILE"),
        ("who", "shop/", "shop is a folder; name a file in it: shop/FILE"),
    ],
)
def test_a_file_or_a_folder_alone_says_what_to_type(shop, command, what, typed):
    run = whence(command, what, "--repo", shop)
    assert (run.returncode, run.stdout) == (2, "")
    assert typed in run.stderr


def test_who_says_that_a_clone_is_shallow(shop, tmp_path):
    subprocess.run(["git", "clone", "-q", "--depth=1", f"file://{shop}", tmp_path / "cut"], check=True)
    run = whence("who", "shop/pay.py", "--repo", tmp_path / "cut")
    assert "The clone is shallow" in run.stdout, run.stderr
    assert "shallow" not in whence("who", "shop/pay.py", "--repo", shop).stdout


def test_eval_prints_its_measures(shop, tmp_path):
    questions = tmp_path / "questions.jsonl"
    questions.write_text(
        json.dumps({"question": "put an item into the cart", "paths": ["shop/cart.py"], "answer": "`add_item` does"})
        + "\n"
        + json.dumps({"question": "cards charged twice", "commits": ["nonsense"]})
    )
    result = answer("eval", questions, "--repo", shop, run=process)
    assert {"queries", "recall@1", "recall@5", "recall@10", "mrr", "ndcg@10", "p50_ms", "p95_ms"} <= result.keys()
    assert result["queries"] == 2
    assert result["recall@1"] == 0.5


def test_adapt_says_why_it_left_the_index_alone(shop):
    result = answer("adapt", "--repo", shop, run=process)
    assert list(result) == ["adapted", "tried", "reason", "pairs", "queries", "factor", "recall", "seconds"]
    assert (result["adapted"], result["tried"]) == (False, False)
    assert "too little history" in result["reason"]
    assert answer("status", "--repo", shop)["adapted"] is None
    assert answer("index", "--repo", shop)["adaptation"] is None
    assert answer("adapt", "--off", "--repo", shop)["adapted"] is False


def test_index_tries_to_adapt_again_once_there_is_enough_that_is_new(shop):
    answer("adapt", "--repo", shop)
    assert answer("index", "--repo", shop)["adaptation"] is None
    commit = "commit refs/heads/more\ncommitter Ada <ada@example.com> {} +0000\ndata 5\nagain\n"
    stream = "".join(commit.format(1_800_000_000 + number) for number in range(250))
    subprocess.run(["git", "fast-import", "--quiet"], input=stream, cwd=shop, text=True, check=True)
    subprocess.run(["git", "checkout", "-q", "-f", "more"], cwd=shop, check=True)
    assert "no history to learn from" in answer("index", "--repo", shop)["adaptation"]["reason"]
    assert answer("index", "--repo", shop)["adaptation"] is None


def test_status_says_what_is_pending(shop):
    answer("index", "--repo", shop)
    assert answer("status", "--repo", shop)["fresh"] is True
    (shop / "later.py").write_text("later = True\n")
    status = answer("status", "--repo", shop, run=process)
    assert status["memory_bytes"] > 0
    assert (status["fresh"], status["pending"]) == (False, {"files": 1, "commits": 0})


def test_the_working_directory_is_the_default_and_may_be_a_subfolder(shop):
    assert answer("search", "cart", cwd=shop / "shop")["hits"][0]["path"].startswith("shop/")


def test_a_large_change_is_left_for_whence_index_and_said(shop):
    answer("index", "--repo", shop)
    for number in range(150):
        (shop / f"bulk_{number}.py").write_text(f"bulk = {number}\n")
    run = process("search", "cart", "--repo", shop, "--json")
    assert json.loads(run.stdout)["stale"] is True
    assert "behind the repository" in run.stderr


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["search", ""], "the question is empty"),
        (["search", "   "], "the question is empty"),
        (["search", "x" * 100_000], "100,000 characters"),
        (["search", "x", "-k", "-1"], "-1 is not in the range"),
        (["search", "x", "-k", "many"], "not a valid integer"),
        (["search", "x", "--kind", "poem"], "'poem' is none of"),
        (["ask", "x", "--at", "nowhere"], "'nowhere' is not PATH:LINE"),
        (["why", "no where"], "'no where' is neither lines"),
        (["why", "a/b.py"], "'a/b.py' is neither lines"),
        (["who", "no where"], "'no where' is neither lines"),
        (["why", "a.py:0"], "'a.py:0' names no lines"),
        (["why", "a.py:5-3"], "'a.py:5-3' names no lines"),
        (["ask", "x", "--model", "oracle"], "no model 'oracle'"),
        (["eval", "missing.jsonl"], "cannot be read"),
        (["dance"], "No such command"),
        (["search", "x", "--loud"], "No such option"),
    ],
)
def test_bad_usage_is_named_and_exits_with_2(tmp_path, arguments, reason):
    run = (process if arguments in (["search", ""], ["dance"]) else whence)(*arguments, cwd=tmp_path)
    assert run.returncode == 2
    assert reason in run.stderr
    assert run.stdout == ""
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize(
    "command", [["index"], ["search", "x"], ["ask", "x"], ["why", "x:1"], ["why", "x"], ["who", "x.py"], ["status"]]
)
def test_a_repository_that_is_none_is_named_and_exits_with_1(tmp_path, command):
    (tmp_path / "file").write_text("not a folder")
    for name, reason in (("missing", "does not exist"), ("file", "is not a folder")):
        run = (process if command == ["index"] else whence)(*command, "--repo", tmp_path / name)
        assert run.returncode == 1
        assert reason in run.stderr
        assert "Traceback" not in run.stderr


def test_a_damaged_index_is_mended_by_the_next_question(shop):
    answer("index", "--repo", shop)
    for file in (shop / ".git" / "whence").rglob("*.lance"):
        if file.is_file():
            file.write_bytes(b"")
    run = process("search", "put an item into the cart", "--repo", shop, "--json")
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout)["hits"][0]["path"] == "shop/cart.py"
    assert "rebuilt" in run.stderr


def test_a_time_that_means_nothing_here_is_said(shop):
    run = whence("search", "cart since 99.0", "--repo", shop)
    assert (run.returncode, "there is no version 99.0 here" in run.stderr) == (0, True)


def test_help_imports_nothing_heavy():
    script = (
        "import sys, whence_server.cli\n"
        "try: whence_server.cli.cli.main(['--help'])\n"
        "except SystemExit: pass\n"
        "print([name for name in ('torch', 'lancedb', 'numpy', 'git', 'rich') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip().endswith("[]")


def test_issues_of_a_file_are_imported_searched_exported_and_bad_lines_named(shop, tmp_path):
    threads = tmp_path / "threads.jsonl"
    page = "https://tracker.example/5"
    good = {
        "number": 5,
        "title": "Customers pay twice",
        "body": "The bank repeats its answers at midnight.",
        "url": page,
    }
    threads.write_text(json.dumps(good) + "\nnonsense\n")
    run = process("index", "--issues", threads, "--repo", shop, "--json")
    assert run.returncode == 0, run.stderr
    report = json.loads(run.stdout)
    assert report["threads"] == 1
    assert report["problems"] == [{"where": f"{threads}:2", "what": "not JSON: Expecting value at column 1"}]
    hits = answer("search", "customers pay twice at midnight", "--kind", "issue", "--repo", shop)["hits"]
    assert [(hit["kind"], hit["thread"], hit["url"]) for hit in hits] == [("issue", 5, page)]
    assert hits[0]["score"] == 1.0  # the only one there is, and it says all that is asked
    for command in ("search", "ask"):
        assert page in process(command, "Why do customers pay twice at midnight?", "--repo", shop).stdout
    assert answer("export", tmp_path / "out.jsonl", "--repo", shop, run=process) == {"threads": 1}
    assert json.loads((tmp_path / "out.jsonl").read_text())["body"] == good["body"]
    assert answer("status", "--repo", shop)["sources"] == [str(threads)]


def test_issues_of_which_none_can_be_read_are_an_error_that_keeps_the_index(shop, tmp_path):
    threads = tmp_path / "threads.jsonl"
    threads.write_text('nonsense\n{"number": 0}\n')
    for again in (process, whence):
        run = again("index", "--issues", threads, "--repo", shop, "--json")
        assert run.returncode == 1
        report = json.loads(run.stdout)
        assert (report["commits"], report["threads"]) == (2, 0)
        assert [problem["where"] for problem in report["problems"]] == [f"{threads}:1", f"{threads}:2"]
        assert f"no issues and pull requests could be read: {threads}:1: not JSON" in run.stderr
    assert answer("status", "--repo", shop)["sources"] == []


def test_nothing_is_exported_where_no_threads_are(shop, tmp_path):
    answer("index", "--repo", shop)
    for file in (tmp_path / "out.jsonl", tmp_path / "earlier.jsonl.gz"):
        (tmp_path / "earlier.jsonl.gz").write_text("of before")
        run = whence("export", file, "--repo", shop)
        assert (run.returncode, run.stdout) == (1, "")
        assert "no threads are in the index" in run.stderr
    assert [(file.name, file.read_text()) for file in tmp_path.glob("*.jsonl*")] == [("earlier.jsonl.gz", "of before")]


def test_a_redacted_thread_is_named_but_not_what_was_in_it(shop, tmp_path):
    (tmp_path / "threads.jsonl").write_text(
        json.dumps({"number": 8, "title": "Help", "body": "ghp_16C7e42F292c6912E7710c838347Ae178B4a"})
    )
    report = answer("index", "--issues", tmp_path / "threads.jsonl", "--repo", shop)
    assert report["redacted"] == {"github-token": 1}
    run = whence("status", "--redacted", "--repo", shop)
    assert "github-token  thread #8" in run.stdout
    assert "ghp_" not in run.stdout


@pytest.mark.parametrize("spec", ["nowhere.jsonl", "upstream", "https://git.example.com/a/b"])
def test_a_source_of_issues_that_is_none_exits_with_1(shop, spec):
    run = whence("index", "--issues", spec, "--repo", shop)
    assert run.returncode == 1
    assert "Traceback" not in run.stderr
    assert spec in run.stderr or "what kind of tracker" in run.stderr
