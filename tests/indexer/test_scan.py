"""The files alone answer while there is no index: by words and meaning, as they are on screen, without secrets."""

import pytest

from whence_indexer.errors import QueryError
from whence_indexer.scan import Scan
from whence_indexer.types import Span


@pytest.fixture
def zoo(make_repository):
    made = make_repository()
    made.write("zoo/birds.py", "def feed_pelican(fish):\n    '''Throw fish to the pelican.'''\n    return fish\n")
    made.write("zoo/cats.py", "def brush_lion(comb):\n    '''Brush the mane.'''\n    return comb\n")
    made.write("README.md", "# Zoo\n\nAnimals are fed at noon.\n")
    made.write("ignored.py", "def feed_pelican_secretly(): ...\n")
    made.write(".gitignore", "ignored.py\n")
    made.commit("Open")
    return made.open()


def test_the_file_that_holds_the_words_comes_first(zoo):
    scan = Scan(zoo)
    (best, *_) = scan.search("how is the pelican fed?")
    assert (best.path, best.start_line, best.symbol) == ("zoo/birds.py", 1, "feed_pelican")
    assert scan.complete
    assert not any(hit.path == "ignored.py" for hit in scan.search("feed_pelican", 20))


def test_a_search_is_narrowed_and_refused_as_an_index_would(zoo):
    scan = Scan(zoo)
    assert {hit.path for hit in scan.search("fed", under="README.md")} == {"README.md"}
    assert scan.search("pelican", kinds=["commit"]) == []
    for bad in ({"under": "nowhere"}, {"limit": 0}, {"kinds": ["poem"]}):
        with pytest.raises(QueryError):
            scan.search("pelican", **bad)
    with pytest.raises(QueryError):
        scan.search("  ")


def test_text_on_screen_is_searched_and_stands_for_the_file(zoo):
    scan = Scan(zoo, {"zoo/cats.py": "\n\ndef wash_tiger(soap):\n    return soap\n", "new.py": "def nothing(): ..."})
    (best, *_) = scan.search("wash_tiger")
    assert (best.path, best.symbol) == ("zoo/cats.py", "wash_tiger")
    assert scan.unsaved("zoo/cats.py").startswith("\n\ndef wash")
    assert scan.at("zoo/cats.py", 3).symbol == "wash_tiger"
    assert scan.at("zoo/none.py", 1) is None
    assert scan.blob("new.py") != Scan(zoo).blob("new.py") == ""


def test_similar_code_is_other_code(zoo):
    text = "def feed_pelican(fish):\n    return fish\n"
    hits = Scan(zoo).similar(text, 5, Span("zoo/birds.py", 1, 3))
    assert hits
    assert all(hit.path != "zoo/birds.py" for hit in hits)


def test_without_time_nothing_is_complete(zoo):
    scan = Scan(zoo, seconds=0)
    assert not scan.complete
    assert scan.search("pelican") == []
