"""docs/protocol.md says what the language server does: methods, parameters, commands, settings, errors, shapes."""

from __future__ import annotations

import json
import re
from dataclasses import MISSING, fields
from pathlib import Path

import pytest

from whence_server import feedback
from whence_server.lsp import failures, features
from whence_server.lsp.settings import Settings

PAGE = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text()


def section(title):
    return re.split(r"^##+ ", PAGE.partition(f"{title}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]


def first_cells(text):
    return re.findall(r"^\| `([^`]+)`", text, re.MULTILINE)


def test_the_methods_are_the_methods():
    assert re.findall(r"^### `(whence/\w+)`", PAGE, re.MULTILINE) == list(features.METHODS)


@pytest.mark.parametrize("method", features.METHODS)
def test_the_parameters_are_the_parameters(method):
    kind, _ = features.METHODS[method]
    taken = [each.name + ("" if each.default is MISSING else "?") for each in fields(kind)]
    assert first_cells(section(f"### `{method}`")) == taken


def test_the_commands_are_the_commands():
    assert set(first_cells(section("## Commands"))) == set(features.COMMANDS)


def test_the_settings_and_their_defaults_are_those():
    shown = re.findall(r"^\| `(\w+)` \| `([^`]+)`", section("## Settings"), re.MULTILINE)
    told = {True: "true", False: "false"}
    assert shown == [(each.name, told.get(each.default, json.dumps(each.default))) for each in fields(Settings)]


def test_the_errors_are_those():
    codes = {value for name, value in vars(failures).items() if name.isupper() and isinstance(value, int)}
    assert {int(code) for code in re.findall(r"^\| (-\d+)", section("## Errors"), re.MULTILINE)} == codes


def test_feedback_is_kept_as_the_page_says():
    shown = re.search(r'`(\{"id", "at".*?\})`', section("### `whence/feedback`"), re.DOTALL)
    assert re.findall(r'"(\w+)"', shown[1]) == [each.name for each in fields(feedback.Feedback)]
