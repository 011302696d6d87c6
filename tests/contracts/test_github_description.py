"""The small GitHub of the tests, and what is asked of it, against GitHub's own OpenAPI description.

`make test-trackers` fetches the description and names it in `GITHUB_DESCRIPTION`; other runs leave this out.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from tests.indexer.test_github import Library, fill
from tests.indexer.tracker_server import FakeGitHub, serving

DESCRIPTION = os.environ.get("GITHUB_DESCRIPTION")
pytestmark = pytest.mark.skipif(not DESCRIPTION, reason="make test-trackers fetches GitHub's description")


@pytest.fixture(scope="module")
def description():
    return json.loads(Path(DESCRIPTION).read_text())


@pytest.fixture
def asked():
    """Every (address, status, body) of two runs, the second of which finds nothing new, and one for no such project."""
    site = fill(FakeGitHub())
    with serving(site):
        library = Library(site).update()
        asked = list(site.asked)
        asked += library.update().site.asked
        asked += library.update().site.asked
        site.answer("/repos/ada/motor/issues?state=all", {})
    return [(address, status, body) for address, _, status, body in (*asked, site.asked[-1])]


def operation(description, path):
    """The template that a path is of, and what is described there; literal parts count before variable ones."""
    for template in sorted(description["paths"], key=lambda template: template.count("{")):
        if re.fullmatch(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template)), path):
            return template, description["paths"][template]["get"]
    raise AssertionError(f"nothing like {path} is described")


def check(description, schema, value):
    from openapi_schema_validator import OAS30Validator

    OAS30Validator({**schema, "components": description["components"]}).validate(value)


def test_only_what_is_described_is_asked_and_answered(description, asked):
    templates = set()
    for address, status, body in asked:
        template, described = operation(description, urlsplit(address).path)
        templates.add(template)
        resolved = [resolve(description, parameter) for parameter in described["parameters"]]
        parameters = {parameter["name"]: parameter["schema"] for parameter in resolved}
        for name, value in parse_qsl(urlsplit(address).query):
            assert name in parameters, f"{template} has no parameter {name}"
            check(description, parameters[name], int(value) if parameters[name]["type"] == "integer" else value)
        if status == 304:  # described for some lists, promised for all
            continue
        answer = resolve(description, described["responses"][str(status)])
        check(description, answer["content"]["application/json"]["schema"], body)
    assert len(templates) == 5
    assert {status for _, status, _ in asked} == {200, 304, 404}


def resolve(description, part):
    if "$ref" not in part:
        return part
    for name in part["$ref"].removeprefix("#/").split("/"):
        description = description[name]
    return description


def test_an_answer_that_is_not_as_described_is_seen(description):
    schema = description["paths"]["/repos/{owner}/{repo}/issues"]["get"]["responses"]["200"]["content"]
    with pytest.raises(Exception, match="number"):
        check(description, schema["application/json"]["schema"], [{**fill(FakeGitHub()).issues[0], "number": "one"}])
