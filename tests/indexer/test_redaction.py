"""Secrets and personal data: none reaches the index, the answers or the messages, and what is no secret stays."""

import hashlib
import json
from collections import Counter

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from tests.indexer.planted import planted, private_key

from whence_indexer import credentials, schema
from whence_indexer.allowing import parse_allowed
from whence_indexer.chunker import chunk_file
from whence_indexer.files import list_files, read_text
from whence_indexer.indexing import update
from whence_indexer.redaction import marker, redact
from whence_indexer.store import Store
from whence_indexer.workspace import Workspace
from whence_server.cli import cli

PLANTED = planted()
IN_FILE, IN_NOTEBOOK, IN_MESSAGE, IN_HUNK = (planted(seed) for seed in (1, 2, 3, 4))


def test_more_than_forty_kinds_are_known():
    assert len(PLANTED) >= 60


@pytest.mark.parametrize("kind", PLANTED)
def test_each_kind_is_replaced_by_its_name(kind):
    value, line = PLANTED[kind]
    redacted = redact(f"before\n{line}\nafter")
    assert [(place.kind, place.line) for place in redacted.found] == [(kind, 2)]
    assert marker(kind) in redacted.text
    assert value not in redacted.text


def test_a_private_key_keeps_its_lines():
    key = private_key()
    redacted = redact(f"# the key\n{key}# end\n")
    assert redacted.text.count("\n") == key.count("\n") + 2
    assert [(place.kind, place.line) for place in redacted.found] == [("private-key", 3)]
    assert not any(row in redacted.text for row in key.split("\n")[1:-2])


def test_a_key_of_putty_and_one_with_headers_lose_their_lines_once():
    rows = private_key().split("\n")[1:4]
    putty = [
        "PuTTY-User-Key-File-3: ssh-rsa",
        "Encryption: none",
        "Private-Lines: 3",
        *rows,
        "Private-MAC: " + "ab12" * 16,
    ]
    headed = [private_key().split("\n")[0], "Proc-Type: 4,ENCRYPTED", "DEK-Info: AES-128-CBC," + "0A" * 16, "", *rows]
    for lines, kind in ((putty, "putty-private-key"), ([*headed, private_key().split("\n")[-2]], "private-key")):
        redacted = redact("\n".join(lines))
        assert [place.kind for place in redacted.found] == [kind]
        assert not any(row in redacted.text for row in (*rows, "ab12"))
        assert redact(redacted.text).text == redacted.text


@pytest.mark.parametrize("end", ["", "-----END", "-----END RSA PRIVA"])
def test_half_a_private_key_is_one_too(end):
    rows = private_key().split("\n")[:4]
    assert not any(row in redact("\n".join([*rows, end])).text for row in rows[1:])


@pytest.mark.parametrize(
    "line",
    [
        'password = os.environ["DATABASE_PASSWORD_2"]',
        'password = "${DB_PASSWORD_1}"',
        'api_key = "your-api-key-1234"',
        "token = self.next_token2",
        'secret = "changeme123"',
        'PASSWORD_FIELD = "password1"',
        'token = "xxxxxxxxxxxxxxxxxxxx1"',
        'url = "http://user:password@host/"',
        'url = "postgres://postgres:postgres@localhost/x"',
        'HEADER = "-----BEGIN PRIVATE KEY-----"',
        'mail("ada@example.com", "foo@bar.com", "noreply@shop.io")',
        'auth("http://user:pass pass@host.shop.io/path", "LL@li.org", "ada@example.co.uk", "w1@example.com.dq")',
        "[personal access token]: https://meta.sr.ht/oauth2/personal-token",
        "class MissingAccessToken : io/ktor/server/auth/OAuth2Exception",
        "class MissingAccessToken : io.ktor.server.auth/OAuth2Exception",
        "git clone git@github.com:pallets/flask.git && ssh ada@build.shop.io:/srv",
        "@app.route('/')  # @scope/pkg@1.2.3 and ada@server:~$",
        "```python\n@click.group()\ndef main(): ...",
        "image@2x.png, a@b, 3 @ 4.50",
        "digest = '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08'",
        "commit 0123456789abcdef0123456789abcdef01234567",
        "ids = 4111111111111112, 2024-01-01T00:00:00+0200, 1e+10, x+15",
        "test_that_a_very_long_name_with_2_digits_is_no_secret()",
        'KEY = "a.b.c.public_key_1"',
        "12345678L, 0x12345678, DE00 3704 0044 0532 0130 00",
    ],
)
def test_what_is_no_secret_stays(line):
    assert redact(line).text == line


def test_an_address_that_is_itself_a_secret_goes():
    assert redact('token = "https://hooks.shop.io/in/9f3kQ2LmZx81TbVw7YpR"').found != ()
    assert redact("secret: https://shop.io/hook?by=9f3kQ2LmZx81TbVw7YpR").found != ()


@pytest.mark.parametrize("note", ["whence: allow", "pragma: allowlist secret", "gitleaks:allow"])
def test_a_line_that_says_so_is_left(note):
    _, line = PLANTED["github-token"]
    assert redact(f"{line}  # {note}\n").found == ()
    assert [place.line for place in redact(f"{line}  # {note}\n{line}\n").found] == [2]


def test_the_line_above_may_say_so():
    _, line = PLANTED["github-token"]
    assert redact(f"# pragma: allowlist nextline secret\n{line}\n").found == ()


def test_the_list_allows_exact_values_and_patterns_and_names_what_it_does_not_understand():
    value, line = PLANTED["github-token"]
    digest = hashlib.sha256(value.encode()).hexdigest()
    allowed, problems = parse_allowed(f"# ours\n\nsha256:{digest}\nvalue:*@navy-yard.org\nvalue:*\nsha256:12\n")
    assert redact(f"{line}\n{PLANTED['email'][1]}\n", allowed).found == ()
    assert len(redact(PLANTED["npm-token"][1], allowed).found) == 1
    assert [problem.where for problem in problems] == [".whenceallow:5", ".whenceallow:6"]


LINES = st.lists(
    st.one_of(st.text(max_size=30), st.sampled_from([line for _, line in PLANTED.values()]), st.just(private_key())),
    max_size=6,
)


@given(LINES)
def test_lines_are_kept_and_nothing_is_left_to_redact(lines):
    text = "\n".join(lines)
    once = redact(text)
    assert once.text.count("\n") == text.count("\n")
    assert redact(once.text) == type(once)(once.text)
    assert bool(once.found) == (once.text != text)


@given(st.text(alphabet=st.sampled_from("ab \n.:=\"'(){}_-/@é€😀"), max_size=200))
def test_a_text_without_digits_capitals_and_domains_is_unchanged(text):
    assert redact(text).text == text


@given(st.text(alphabet="aA0@:/=\"'+-. \n\\«»", max_size=120))
def test_redacting_twice_is_redacting_once(text):
    once = redact(text).text
    assert redact(once).text == once
    assert once.count("\n") == text.count("\n")


@pytest.fixture
def leaky(make_repository):
    """A project with a secret of every kind in code, a notebook, a message, an added line and a removed line."""
    project = make_repository("leaky")
    project.write("settings.py", "def settings():\n" + "".join(f"    {line}\n" for _, line in IN_FILE.values()))
    cells = [
        {
            "cell_type": "code",
            "metadata": {},
            "outputs": [],
            "source": [line + "\n" for _, line in IN_NOTEBOOK.values()],
        },
        {"cell_type": "markdown", "metadata": {}, "source": "# Notes\n" + IN_NOTEBOOK["email"][1]},
    ]
    project.write(
        "notes.ipynb", json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, indent=1)
    )
    project.write("gone.env", "".join(f"{line}\n" for _, line in IN_HUNK.values()) + private_key())
    project.commit("Begin")
    project.remove("gone.env")
    project.commit("Remove what must not be there\n\n" + "\n".join(line for _, line in IN_MESSAGE.values()))
    return project


def values():
    yield from (value for each in (IN_FILE, IN_NOTEBOOK, IN_MESSAGE, IN_HUNK) for value, _ in each.values())
    yield from private_key().split("\n")[1:-2]


def test_no_secret_is_in_any_row_or_byte_of_the_index(leaky):
    repository = leaky.open()
    report = update(repository)
    assert report.problems == []
    store = Store(repository.index_dir)
    rows = repr([store.rows(name, store._table(name).schema.names).to_pylist() for name in store.state.tables])
    data = b"".join(file.read_bytes() for file in repository.index_dir.rglob("*") if file.is_file())
    for value in values():
        assert value not in rows
        assert value.encode() not in data
    assert "«redacted:github-token»" in rows
    assert set(PLANTED) <= set(report.redacted)


def test_no_secret_is_in_what_a_user_sees(leaky):
    def whence(*arguments):
        run = CliRunner().invoke(cli, [*arguments, "--repo", str(leaky.path)])
        assert run.exit_code == 0
        return run.output  # stderr too

    seen = whence("index")
    seen += whence("status", "--redacted") + whence("status", "--redacted", "--json")
    for query in ("settings value", "Remove what must not be there", "github token", IN_FILE["github-token"][0][:30]):
        seen += whence("search", query, "-k", "50", "--json") + whence("ask", query) + whence("ask", query, "--json")
    asked = whence("ask", "where is settings defined", "--at", "settings.py:3", "--json")
    assert "«redacted:" in asked
    assert not [value for value in values() if value in seen + asked]
    assert "settings.py:2" in seen  # places are told


def test_a_quotation_with_a_marker_is_verified_against_the_file_as_it_is(leaky):
    from whence_indexer.query import parse_query
    from whence_server.answering import answer
    from whence_server.types import Question

    workspace = Workspace(leaky.open())
    asked = Question(parse_query("where is settings defined"), None)
    answered = workspace.ask(lambda searcher: answer(asked, searcher, workspace.repository))
    quoted = [citation.quote for citation in answered.citations if citation.path == "settings.py"]
    assert any("«redacted:" in quote for quote in quoted)
    assert "no longer match" not in answered.text


def test_a_redacted_notebook_is_still_one(leaky):
    repository = leaky.open()
    text, _ = read_text(repository, "notes.ipynb", list_files(repository).files["notes.ipynb"])
    json.loads(text)
    assert "notes.ipynb" in {
        chunk.span.path for chunk in chunk_file("notes.ipynb", text) if chunk.language == "markdown"
    }


def test_lines_written_in_one_string_of_json_stay_json():
    cell = json.dumps({"source": "mail\ngrace@" + "navy-yard.org\n" + private_key() + "\tlast"})
    assert json.loads(redact(cell).text)["source"].startswith(f"mail\n{marker('email')}\n-----BEGIN")


def test_what_was_taken_out_is_forgotten_with_the_line(make_repository):
    project = make_repository()
    project.write("a.py", PLANTED["github-token"][1] + "\n")
    project.commit("Begin")
    repository = project.open()
    assert update(repository, history=False).redacted == {"github-token": 1}
    project.write("a.py", "x = 1\n" + PLANTED["npm-token"][1] + "\n")
    update(repository, history=False)
    table = schema.redactions_table(repository.work_tree)
    rows = Store(repository.index_dir).rows(table, ["kind", "path", "line"]).to_pylist()
    assert [(row["kind"], row["path"], row["line"]) for row in rows] == [("npm-token", "a.py", 2)]


def test_another_list_makes_the_index_anew(make_repository):
    project = make_repository()
    value, line = PLANTED["github-token"]
    project.write("a.py", line + "\n")
    project.commit("Begin")
    workspace = Workspace(project.open())
    text = workspace.ask(lambda searcher: searcher.at("a.py", 1)).text
    assert value not in text
    project.write(".whenceallow", f"value:{value}\nnonsense\n")
    assert workspace.ask(lambda searcher: searcher.at("a.py", 1)).text == line + "\n"
    assert [problem.where for problem in update(project.open()).problems] == [".whenceallow:2"]
    project.remove(".whenceallow")
    assert value not in workspace.ask(lambda searcher: searcher.at("a.py", 1)).text


def test_nothing_is_kept_of_an_index_from_before_redaction(make_repository):
    project = make_repository()
    project.write("a.py", "x = 1\n")
    project.commit("Begin")
    repository = project.open()
    first = update(repository)
    file = repository.index_dir / "state.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"schema": schema.REDACTED_SINCE - 1}))
    assert update(repository).embedded == first.embedded


def test_a_clipped_hunk_and_a_clipped_section_hold_no_part_of_a_secret(make_repository):
    project = make_repository()
    token = PLANTED["github-token"][0]
    padding = "x = 1\n" * 247
    project.write("long.txt", f"{padding}key {token}\n" + "y = 2\n" * 100)
    project.write("app.env", f"LONG_NAME_OF_A_VARIABLE_IN_A_FILE_FOR_THE_ENVIRONMENT={token}\n" + "-\n" * 20 + "A=1\n")
    project.commit("Begin")
    project.write("app.env", (project.path / "app.env").read_text().replace("A=1", "A=2"))
    project.commit("Change")
    repository = project.open()
    update(repository)
    hunks = Store(repository.index_dir).rows(schema.HUNKS_TABLE, ["text", "section"]).to_pylist()
    assert len(hunks) == 3
    assert not [hunk for hunk in hunks if token[:12] in hunk["text"] or token[:12] in hunk["section"]]


def test_a_rotated_key_leaves_nothing_in_the_history(make_repository):
    """With no lines around a change, those that say that it is a key are not in the hunk."""
    project = make_repository()
    begin, *rows, end, _ = private_key().split("\n")
    body = lambda seed: [row[seed:] + row[:seed] for row in rows]  # noqa: E731 - each another key of the same length

    def written(seed):
        rsa = body(seed)
        elliptic = [rsa[0], rsa[1], rsa[2][:36]]
        project.write("tls.key", "\n".join([begin, *rsa, end, ""]))
        project.write("tls.yaml", "tls: |\n" + "".join(f"  {row}\n" for row in [begin, *elliptic, end]) + "port: 1\n")
        project.write(
            "tls.json.py", "KEY = (\n" + "".join(f'    "{row}\\n"\n' for row in [begin, *elliptic, end]) + ")\n"
        )
        project.write("one.pem", f"{begin}\nMC4CAQAwBQYDK2VwBCIE{rsa[3][:44]}\n{end}\n")
        project.write(".netrc", f"machine git.test\n  login ada\n  password Tr0ub4dor{seed}\n")
        return [*(row[:36] for row in rsa), f"Tr0ub4dor{seed}"]

    secrets = written(0)
    project.commit("Begin")
    secrets += written(7)
    project.commit("Rotate")
    project.write("one.pem", "-\n")
    project.write(".netrc", f"machine git.test\n  login ada\n  password Tr0ub4dor{8}\n")
    project.commit("Rotate again")
    repository = project.open()
    update(repository)
    hunks = Store(repository.index_dir).rows(schema.HUNKS_TABLE, ["text", "section"]).to_pylist()
    kept = "\n".join(hunk["section"] + hunk["text"] for hunk in hunks)
    assert [secret for secret in secrets if secret in kept] == []
    assert "Tr0ub4dor8" not in kept
    assert marker("private-key") in kept
    assert marker("netrc-password") in kept


def test_lines_behind_the_beginning_of_a_certificate_that_does_not_end_are_none_of_it():
    begin, *rows, _, _ = private_key().replace("RSA PRIVATE KEY", "CERTIFICATE").split("\n")
    assert not any(row in redact("\n".join([begin, *rows, *rows]), fragment=True).text for row in rows)


def test_what_looks_a_little_like_half_a_key_stays_in_the_history():
    digests = "\n".join(hashlib.sha256(bytes([number])).hexdigest() for number in range(3))
    rulers = "=" * 64 + "\n" + "/" * 64 + "\n" + "+" * 64
    names = "ANameOfAClassThatIsVeryLongAndThatGoesOnAndOnAndOnUntilTheEndOfLine\n" * 2
    fields = "    password string\n    password varchar(255) NOT NULL,\n  password $PASSWORD1\n"
    begin, *rows, end, _ = private_key().replace("RSA PRIVATE KEY", "CERTIFICATE").split("\n")
    certificate = "\n".join([begin, *rows, end, begin, *rows, end])
    for text in (digests, rulers, names, fields, certificate):
        assert redact(text, fragment=True).text == text


@pytest.mark.parametrize(("joint", "kind"), [
    ("eyJ_", "jwt"), ("eyJ-xxxxxx_", "jwt"), ("xoxb-", "slack-token"), ("tfp_", "typeform-token"),
    ("sk-ant-", "anthropic-key"), ("glpat-", "gitlab-token"), ("glpat-xxxxxx-", "gitlab-token"),
    ("glpat-" + "a" * 20 + ".", "gitlab-token"), ("fm1_", "fly-token"), ("fm1_" + "a" * 20 + ",", "fly-token"),
])  # fmt: skip
def test_a_long_run_of_beginnings_is_not_read_again_from_each_of_them(joint, kind, monkeypatch):
    tried = Counter()

    class Watched:
        """A pattern that counts how often it is tried."""

        def __init__(self, pattern):
            self.pattern = pattern

        def __hash__(self):
            return hash(self.pattern)

        def __eq__(self, other):
            return self.pattern == (other.pattern if isinstance(other, Watched) else other)

        def match(self, text, at):
            tried[self.pattern] += 1
            return self.pattern.match(text, at)

    watched = {
        first: [(name, Watched(pattern) if name == kind else pattern) for name, pattern in patterns]
        for first, patterns in credentials._BEGINNINGS.items()
    }
    monkeypatch.setattr(credentials, "_BEGINNINGS", watched)
    redact(joint * 2_000 + "1" * 40)
    assert tried
    assert max(tried.values()) <= 16


def test_a_token_behind_a_masked_one_and_one_behind_a_made_up_beginning_go(monkeypatch):
    real = PLANTED["gitlab-token"][0]
    assert real not in redact(f"glpat-xxxxxxxxxxxxxxxxxxxx1-{real}").text
    jwt = PLANTED["jwt"][0]
    assert jwt not in redact(f"eyJ_eyJ_xxxxxx_{jwt}").text
    assert jwt[40:] not in redact(f"eyJ0{'a' * 20}.{jwt}").text


def test_a_file_that_is_named_by_a_secret_is_left_out_and_said_to_be(make_repository):
    project = make_repository()
    token = PLANTED["github-token"][0]
    project.write(f"keys/{token}.txt", "a\nb\nc\n")
    project.write("other.py", "x = 1\n")
    project.commit("Begin")
    project.git("mv", f"keys/{token}.txt", "key.txt")
    project.commit("Rename")
    project.write(f"{token}.py", "y = 1\n")
    project.write("key.txt", "a\nb\nd\n")
    project.commit("Go on")
    repository = project.open()
    report = update(repository)
    assert report.skipped == {"secret in its name": 1}
    held = b"".join(path.read_bytes() for path in repository.index_dir.rglob("*") if path.is_file())
    assert token.encode() not in held
    paths = Store(repository.index_dir).rows(schema.COMMITS_TABLE, ["paths"]).to_pylist()
    assert sorted(path for row in paths for path in row["paths"]) == ["key.txt", "key.txt", "other.py"]
