"""Pairs: what a person would ask, and the text that answers without giving the question away."""

import random

from whence_indexer.chunker import chunk_file
from whence_indexer.pairs import chunk_pairs
from whence_training.pairs import collect_pairs

SOURCE = '''def retry_request(url, attempts):
    """Send the request again when the server is busy.

    :param url: where to send it
    """
    for attempt in range(attempts):
        if send(url).status != 503:
            return
        sleep(2 ** attempt)
'''


def pairs_of(path, text, seed=0):
    chance = random.Random(seed)
    return [pair for chunk in chunk_file(path, text) for pair in chunk_pairs(chunk, chance)]


def test_a_doc_comment_asks_for_its_definition():
    (pair,) = pairs_of("net.py", SOURCE)
    assert pair.kind == "doc"
    assert pair.query.lower().endswith("send the request again when the server is busy")
    assert "server is busy" not in pair.passage
    assert pair.passage.startswith("net.py")
    assert "sleep(2 ** attempt)" in pair.passage


def test_at_times_the_name_is_taken_out():
    passages = [pairs_of("net.py", SOURCE, seed)[0].passage for seed in range(20)]
    assert any("retry_request" in passage for passage in passages)
    assert any("retry_request" not in passage for passage in passages)


def test_comments_of_other_languages_are_read():
    comment = "// Opens the file and returns its handle.\n"
    text = comment + "func openFile(name string) (*File, error) {\n\treturn open(name, 0)\n}\n"
    (pair,) = pairs_of("file.go", text)
    assert pair.query.lower().endswith("opens the file and returns its handle")
    assert "Opens the file" not in pair.passage


def test_licence_headers_teach_nothing():
    text = "# Copyright 2020 The Authors of this file here\ndef first(items):\n    return items[0] if items else None\n"
    assert all(pair.kind != "doc" for pair in pairs_of("a.py", text))


def test_a_project_gives_the_same_pairs_each_time(make_repository):
    project = make_repository()
    project.write("net.py", SOURCE)
    project.write("vendor/requests/api.py", SOURCE.replace("busy", "elsewhere"))
    project.commit("Retry requests when the server is busy")
    pairs = collect_pairs(project.path)
    assert pairs == collect_pairs(project.path)
    assert {"doc", "commit"} <= {pair.kind for pair in pairs}
    assert not any("elsewhere" in pair.query + pair.passage for pair in pairs)
