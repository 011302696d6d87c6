"""No message names a folder of this machine, however the folder is called, and every message still says what it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from whence_indexer.repository import open_repository
from whence_server.concealment import conceal, public


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("~/My Projects/shop/secret/x.py does not exist", "x.py does not exist"),
        ("cannot read '/srv/My Projects/acme corp/x.py'", "cannot read 'x.py'"),
        ("/srv/acme (old)/repo is no folder", "repo is no folder"),
        ("there is no /data", "there is no data"),
        (r"C:\Users\Ada Lovelace\shop\pay.py is gone", "pay.py is gone"),
        ("file:///srv/shop/pay.py is gone", "pay.py is gone"),
        ("shop/pay.py has 3 lines; there is no line 9", "shop/pay.py has 3 lines; there is no line 9"),
        ("see https://example.com/acme/shop/issues/7", "see https://example.com/acme/shop/issues/7"),
        ("either and/or both", "either and/or both"),
    ],
)
def test_paths_are_told_by_their_last_part(message, told):
    assert public(message) == told


def test_folders_that_are_known_are_left_out_whatever_is_in_their_names(make_repository, monkeypatch):
    project = make_repository("a very long name of, one customer: acme")
    repository = open_repository(project.path)
    conceal(repository)
    assert public(f"{project.path}/src/pay.py is gone") == "./src/pay.py is gone"
    assert public(f"no commit in {project.path}.") == "no commit in .."
    assert "acme" not in public(f"cannot write the index to {repository.index_dir}/tables: disk full")
    assert str(Path.home()) not in public(f"{Path.home()} is not there")
