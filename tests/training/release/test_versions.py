"""What models are called."""

from __future__ import annotations

import pytest

pytest.importorskip("pydantic")

from hypothesis import given
from hypothesis import strategies as st

from whence_server.models.naming import checked_name, checked_version
from whence_training.config import Config, Finetuning
from whence_training.errors import ExportError
from whence_training.release.versions import model_name, next_version


def test_a_model_is_named_by_what_it_is_for():
    assert model_name(Config(domain="Flask", use_case="QA")) == "flask-qa-lora"
    assert model_name(Config(finetuning=Finetuning(quantization="4bit"))) == "repository-qa-qlora"


@pytest.mark.parametrize(
    ("given", "then"), [([], "1.0"), (["1.0"], "1.1"), (["1.9"], "2.0"), (["1.0", "3.4", "2.0"], "3.5"), (["x"], "1.0")]
)
def test_versions_count_up_and_leave_gaps(given, then):
    assert next_version(given) == then


@given(st.lists(st.from_regex(r"\A(\d{1,2}\.\d|[a-z]+)\Z")))
def test_no_version_is_given_twice(given):
    try:
        assert next_version(given) not in given
        assert checked_version(next_version(given))
    except ExportError:
        assert "99.9" in given


@given(st.text(max_size=80), st.text(max_size=80))
def test_any_domain_makes_a_name(domain, use_case):
    assert checked_name(model_name(Config(domain=domain, use_case=use_case)))
