"""What the tests of answers share."""

import pytest


@pytest.fixture(autouse=True)
def _patience(monkeypatch):
    """How much of a history is read in the time that a person waits is not what tests on a busy machine are about."""
    monkeypatch.setattr("whence_server.discussions._SECONDS", 30.0)
    monkeypatch.setattr("whence_server.inquiry._SECONDS", 30.0)
