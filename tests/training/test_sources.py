"""What the model learns from never meets what measures it."""

import pytest

from whence_training.sources import EXCLUDED, SOURCES, excluded

PERMISSIVE = {"MIT", "Apache-2.0", "BSD-3-Clause", "curl"}


def test_no_source_is_an_excluded_project():
    assert [source.project for source in SOURCES if excluded(source.project.partition("/")[2])] == []


def test_every_source_is_pinned_and_permissively_licensed():
    assert {source.licence for source in SOURCES} <= PERMISSIVE
    assert all(len(source.revision) >= 10 for source in SOURCES)
    assert len({source.project for source in SOURCES}) == len(SOURCES)


@pytest.mark.parametrize(
    "path",
    ["pip/_vendor/requests/api.py", "include/spdlog/fmt/core.h", "site-packages/click/core.py", "typer/_click/core.py"],
)  # fmt: skip
def test_copies_inside_other_projects_are_left_out(path):
    assert excluded(path)


def test_other_paths_are_not():
    assert not excluded("src/format/printer.py")
    assert {"flask", "telescope.nvim", "scikit-learn"} <= EXCLUDED
