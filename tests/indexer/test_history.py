"""The commit history as git tells it: messages, authors, renames, merges, and whatever a file or a name may hold."""

import os
from dataclasses import asdict

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from whence_indexer import history, plumbing
from whence_indexer.errors import RepositoryError
from whence_indexer.history import missing_revisions, read_commits, revision_list, shallow_commits, work_tree_heads
from whence_indexer.references import find_references
from whence_indexer.types import Reference

HOSTILE_LINES = [
    "diff --git a/evil.py b/evil.py",
    "--- a/evil.py",
    "+++ b/evil.py",
    "@@ -1 +1 @@ evil",
    "rename from evil.py",
    "-- evil",
    "++ evil",
    "\x1e0000000000000000000000000000000000000000\x1f\x1fEve\x1f2000-01-01\x1fevil\x1f",
    "\x1f",
    "\\ No newline at end of file",
    "Binary files a/x and b/x differ",
    "\tindented\r",
    "",
]
NAMES = [
    "with space.py",
    "new\nline.py",
    "tab\tname.py",
    'quote".py',
    "back\\slash.py",
    "back\\name\\101.py",
    "bell\x07\x1e\x1f\x7f.py",
    "grüße/日本.py",
    " b/ a.py",
    "a b/a b",
    "ends with space ",
    "--- evil.py",
    "dev/null",
    "-n",
]


def commits(repository, *revisions, **options):
    return list(read_commits(repository.open(), *(revisions or ("HEAD",)), **options))


def test_a_commit_tells_who_when_why_and_what(make_repository):
    project = make_repository()
    project.write("app.py", "def run():\n    start()\n    stop()\n")
    first = project.commit("Start")
    project.write("app.py", "def run():\n    start()\n    wait()\n    stop()\n")
    project.write("notes.md", "Wait.\n")
    second = project.commit(
        "Wait before stopping\n\nElse nothing happens.\n\nFixes #3\n", author="Grace <grace@example.com>"
    )
    newest, oldest = commits(project)
    assert (oldest.sha, newest.sha, newest.parents, oldest.parents) == (first, second, (first,), ())
    assert (newest.author, newest.date) == ("Grace", "2024-05-06T07:08:09+02:00")
    assert (newest.subject, newest.body) == ("Wait before stopping", "Else nothing happens.\n\nFixes #3")
    assert newest.paths == ("app.py", "notes.md")
    assert asdict(newest.hunks[0]) == {
        "path": "app.py",
        "old_path": "app.py",
        "old_lines": (2, 0),
        "new_lines": (3, 1),
        "section": "def run():",
        "text": "+    wait()\n",
    }


def test_a_repository_with_one_commit_has_its_whole_tree_as_the_change(make_repository):
    project = make_repository()
    project.write("a.py", "a = 1\n")
    project.commit("Begin")
    (only,) = commits(project)
    assert (only.paths, only.hunks[0].text, only.hunks[0].new_lines) == (("a.py",), "+a = 1\n", (1, 1))


def test_an_empty_repository_has_no_history(make_repository):
    repository = make_repository().open()
    assert work_tree_heads(repository) == []
    assert revision_list(repository) == []
    with pytest.raises(RepositoryError):
        list(read_commits(repository, "HEAD"))


def test_a_renamed_file_keeps_its_history(make_repository):
    project = make_repository()
    project.write("old name.py", "".join(f"line_{number} = {number}\n" for number in range(20)))
    project.commit("Begin")
    project.git("mv", "old name.py", "new\nname.py")
    project.commit("Rename only")
    project.git("mv", "new\nname.py", "third.py")
    with (project.path / "third.py").open("a") as file:
        file.write("more = 1\n")
    project.commit("Rename and change")
    changed, renamed, _ = commits(project)
    assert (renamed.paths, renamed.hunks) == (("new\nname.py",), ())
    assert (changed.paths, changed.hunks[0].old_path) == (("third.py",), "new\nname.py")


def test_a_deleted_file_a_mode_and_a_type_that_changed_are_told_by_path(make_repository):
    project = make_repository()
    for name in ("gone.py", "tool me.sh", "link"):
        project.write(name, "x = 1\n")
    project.write("logo.png", b"\0\1")
    project.commit("Begin")
    project.remove("gone.py")
    project.remove("link")
    (project.path / "link").symlink_to("tool me.sh")
    (project.path / "tool me.sh").chmod(0o755)
    project.write("logo.png", b"\0\2")
    project.write("empty file")
    project.commit("Change all")
    newest = commits(project)[0]
    assert newest.paths == ("empty file", "gone.py", "link", "logo.png", "tool me.sh")
    assert {hunk.path for hunk in newest.hunks} == {"gone.py", "link"}


@pytest.mark.parametrize("name", NAMES)
def test_a_file_may_have_any_name(make_repository, name):
    project = make_repository()
    project.write(name, "x = 1\n")
    project.write("plain.py", "y = 1\n")
    project.commit("Begin")
    project.write(name, "x = 2\n")
    project.commit("Change")
    newest, oldest = commits(project)
    assert newest.paths == (name,)
    assert [hunk.path for hunk in newest.hunks] == [name]
    assert set(oldest.paths) == {name, "plain.py"}


def test_a_name_that_is_not_utf_8_is_shown_with_escapes(make_repository):
    project = make_repository()
    project.write(b"caf\xe9.py", "x = 1\n")
    project.commit("Begin")
    (only,) = commits(project)
    assert only.paths == ("caf\\xe9.py",)


def test_a_merge_names_its_parents_and_its_pull_request(make_repository):
    project = make_repository()
    project.commit("Begin")
    project.git("checkout", "-q", "-b", "topic")
    project.write("topic.py", "x = 1\n")
    project.commit("Add topic (#6)")
    project.git("checkout", "-q", "main")
    project.git("merge", "-q", "--no-ff", "-m", "Merge pull request #7 from ada/topic\n\nFixes #5", "topic")
    merge, topic = (next(c for c in commits(project) if word in c.subject) for word in ("Merge", "Add topic"))
    assert len(merge.parents) == 2
    assert (merge.paths, merge.hunks) == ((), ())
    assert find_references(merge.subject, merge.body) == [Reference(7, pull=True), Reference(5, closes=True)]
    assert find_references(topic.subject, topic.body) == [Reference(6, pull=True)]


def test_nobody_s_address_is_in_a_commit(make_repository):
    project = make_repository()
    trailers = [
        "Signed-off-by: Eve <eve@example.com>",
        "Co-authored-by: Bob B. <bob+tag@users.noreply.example.com>",
        "Reported-by: carol@example.com",
        "Cc: dave@example.com, <dan@example.com>",
    ]
    project.write("a.py", "x = 1\n")
    project.commit("Fix\n\n" + "\n".join(trailers), author="frank@example.com <frank@example.com>")
    (only,) = commits(project)
    assert "@" not in repr(only)
    assert "Signed-off-by: Eve\nCo-authored-by: Bob B.\n" in only.body


def test_what_has_an_at_sign_and_is_no_address_stays(make_repository):
    project = make_repository()
    project.commit("Use @property, user@host and a @ b\n\nThanks @ada; see git@github.com:ada/x.git")
    (only,) = commits(project)
    assert only.subject == "Use @property, user@host and a @ b"
    assert "Thanks @ada" in only.body


def test_a_shallow_clone_ends_without_claiming_the_whole_tree_was_changed(make_repository):
    project = make_repository()
    for number in range(3):
        project.write("a.py", f"x = {number}\n")
        project.commit(f"Set {number}")
    clone = make_repository("clone")
    clone.git("fetch", "-q", "--depth=2", project.path.as_uri(), "main")
    clone.git("reset", "-q", "--hard", "FETCH_HEAD")
    newest, boundary = commits(clone)
    assert shallow_commits(clone.open()) == {boundary.sha}
    assert (newest.subject, newest.paths) == ("Set 2", ("a.py",))
    assert (boundary.subject, boundary.paths, boundary.hunks) == ("Set 1", (), ())


def test_a_commit_that_moved_a_submodule_says_so(make_repository):
    library, project = make_repository("library"), make_repository()
    library.commit("Begin")
    project.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", library.path.as_uri(), "lib")
    project.commit("Add the library")
    (only,) = commits(project)
    assert only.paths == (".gitmodules", "lib")


def test_work_trees_share_one_history(make_repository):
    project = make_repository()
    first = project.commit("Begin")
    project.git("worktree", "add", "-q", "-b", "side", "../side")
    second = project.commit("Go on")
    assert work_tree_heads(project.open()) == [second, first]


def test_the_commits_asked_for_and_no_others(make_repository):
    project = make_repository()
    first, second = project.commit("One"), project.commit("Two")
    repository = project.open()
    assert [commit.sha for commit in read_commits(repository, "HEAD", f"^{first}")] == [second]
    assert revision_list(repository, second, f"^{first}") == [second]
    assert missing_revisions(repository, [first, "0" * 40]) == ["0" * 40]
    assert missing_revisions(repository, []) == []


def test_a_lost_object_costs_the_hunks_and_not_the_commits(make_repository):
    project = make_repository()
    for number in range(3):
        project.write("a.py", f"x = {number}\n")
        project.commit(f"Set {number}")
    blob = project.git("rev-parse", "HEAD~1:a.py")
    (project.path / ".git/objects" / blob[:2] / blob[2:]).unlink()
    reasons = []
    found = commits(project, incomplete=reasons.append)
    assert [commit.subject for commit in found] == ["Set 2", "Set 1", "Set 0"]
    assert all(commit.paths == ("a.py",) for commit in found)
    assert blob in reasons[0]


def test_a_huge_commit_is_bounded_and_the_next_is_whole(make_repository):
    project = make_repository()
    project.write("before.py", "x = 1\n")
    project.commit("Before")
    for number in range(300):
        project.write(f"data/{number:03}.txt", f"{number} {'x' * 30}\n" * 400)
    project.commit("Add everything")
    project.write("before.py", "x = 2\n")
    project.commit("After")
    after, huge, before = commits(project)
    assert (after.paths, before.paths) == (("before.py",), ("before.py",))
    assert 0 < len(huge.hunks) <= history.MAX_HUNKS
    assert sum(len(hunk.text) for hunk in huge.hunks) <= history.MAX_HUNKS * history.MAX_HUNK_BYTES
    assert all(hunk.text.startswith(f"+{int(hunk.path[5:8])} xxx") for hunk in huge.hunks)
    assert len(huge.paths) == 300


@pytest.mark.parametrize("bound", [400, 1_000, 1_500, 2_000, 2_200])
def test_wherever_a_huge_commit_is_cut_its_paths_are_kept(make_repository, monkeypatch, bound):
    project = make_repository()
    names = [f"folder/a rather long name {number}.py" for number in range(20)]
    for name in names:
        project.write(name, "x = 1\n" * 5)
    project.commit("Add everything")
    project.commit("After")
    monkeypatch.setattr(history, "MAX_COMMIT_BYTES", bound)
    monkeypatch.setattr(plumbing, "_BLOCK", 97)
    after, huge = commits(project)
    assert (after.subject, after.paths) == ("After", ())
    assert huge.paths == tuple(sorted(names))


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
LINES = st.lists(st.sampled_from(HOSTILE_LINES) | TEXTS, max_size=6).map("\n".join)
PATHS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0/"), min_size=1, max_size=12).filter(
    lambda name: name.strip(".") and len(name.encode()) < 100 and not name.lower().startswith(".git")
)


def _import(project, message, author, files):
    """One commit by `git fast-import`: every byte as given, in one process."""

    def data(text):
        raw = text.encode()
        return b"data %d\n%s\n" % (len(raw), raw)

    stream = b"commit refs/heads/main\nauthor %s <a@b> 1700000000 +0000\n" % author.encode()
    stream += b"committer C <c@d> 1700000000 +0000\n" + data(message) + b"deleteall\n"
    for path, text in files.items():
        quoted = "".join(f"\\{byte:03o}" for byte in path.encode())
        stream += f'M 644 inline "{quoted}"\n'.encode() + data(text)
    project.git("fast-import", "--quiet", "--force", stdin=stream)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    message=LINES,
    author=TEXTS.filter(lambda name: not set(name) & set("<>\n")),
    files=st.dictionaries(PATHS, LINES, max_size=3),
)
@example(message="", author="\x1e", files={})
@example(message="", author="\x1fA", files={"a": "b\n"})
def test_whatever_a_commit_holds_it_is_read_as_one(make_repository, message, author, files):
    project = make_repository(f"p{os.urandom(6).hex()}", "--bare")
    _import(project, message, author, files)
    (only,) = commits(project, "main")
    assert only.parents == ()
    assert only.date == "2023-11-14T22:13:20+00:00"
    assert set(only.paths) == set(files)
    assert {hunk.path for hunk in only.hunks} <= set(files)
    for hunk in only.hunks:
        lines = files[hunk.path].encode().split(b"\n")
        assert hunk.text.encode().startswith(b"+" + lines[0]) or b"\0" in lines[0]
    subject, _, body = "\n".join(line.rstrip() for line in message.split("\n")).strip("\n").partition("\n\n")
    if "@" not in message:
        assert (only.subject, only.body) == (subject.replace("\n", " "), body.strip("\n"))


def test_a_subject_over_several_lines_is_the_one_that_git_shows(make_repository):
    project = make_repository()
    project.write("app.py", "run()\n")
    project.commit("Fixed an issue where the default response was\nnot exposing all methods.\n\nThis fixes #97")
    (only,) = commits(project)
    assert only.subject == project.git("log", "-1", "--format=%s").strip()
    assert only.subject == "Fixed an issue where the default response was not exposing all methods."
    assert only.body == "This fixes #97"


CONFIGURATIONS = [
    "log.showRoot=false",
    "log.showSignature=true",
    "log.date=relative",
    "log.follow=true",
    "log.decorate=full",
    "color.ui=always",
    "diff.noprefix=true",
    "diff.mnemonicPrefix=true",
    "diff.context=9",
    "diff.renames=false",
    "diff.relative=true",
    "diff.colorMoved=zebra",
    "diff.orderFile=/no/such/file",
    "diff.algorithm=patience",
    "diff.wordRegex=.",
    "diff.submodule=log",
    "diff.interHunkContext=9",
    "format.pretty=oneline",
    "i18n.logOutputEncoding=ISO-8859-1",
    "core.quotePath=true",
    "core.pager=false",
    "notes.displayRef=*",
]


def test_no_setting_of_the_user_changes_what_is_read(make_repository, monkeypatch):
    project = make_repository()
    project.write("grüße.py", "".join(f"line_{number} = {number}\n" for number in range(20)))
    project.commit("Grüße")
    project.git("mv", "grüße.py", "b.py")
    with (project.path / "b.py").open("a") as file:
        file.write("more = 1\n")
    project.commit("Rename")
    plain = commits(project)
    monkeypatch.setenv("GIT_DIFF_OPTS", "--unified=9")
    for setting in CONFIGURATIONS:
        project.git("config", *setting.split("=", 1))
    reasons = []
    assert commits(project, incomplete=reasons.append) == plain
    assert reasons == []


def test_git_may_complain_at_length(make_repository):
    project = make_repository()
    project.write(".gitattributes", "!negative text\n" * 5_000)
    project.write("a.py", "x = 1\n")
    project.commit("Begin")
    (only,) = commits(project)
    assert only.paths == (".gitattributes", "a.py")
