"""A name is found where it is defined, once; where it is not, or too often, the answer says what to do."""

import pytest

from whence_indexer.definitions import definition_in, definitions_in, find_definition
from whence_indexer.errors import SourceError

CART = """import os

RATE = 3


# What a customer collects.
class Cart:
    def add(self, item):
        self.items.append(item)

    @property
    def total(self):
        return sum(self.items)

    @total.setter
    def total(self, value):
        self.items = [value]


def add(item):
    Cart().add(item)
"""


def test_definitions_have_their_scopes_and_their_comments():
    found = {each.symbol: (each.place.start_line, each.place.end_line) for each in definitions_in("cart.py", CART)}
    assert found["Cart"] == (6, 17)
    assert found["Cart.add"] == (8, 9)
    assert found["add"] == (20, 21)
    assert found["RATE"] == (3, 3)


@pytest.mark.parametrize("name", ["Cart.add", "Cart::add", "Cart#add"])
def test_a_scope_is_written_as_in_any_language(name):
    assert definition_in("cart.py", CART, name).place.start_line == 8


def test_the_whole_name_goes_before_the_end_of_a_longer_one():
    assert definition_in("cart.py", CART, "add").symbol == "add"


def test_a_property_and_its_setter_are_one():
    place = definition_in("cart.py", CART, "total").place
    assert (place.start_line, place.end_line) == (11, 17)


def test_a_name_that_is_defined_in_several_files_is_an_error_that_lists_them(make_repository):
    project = make_repository()
    project.write("cart.py", CART)
    project.write("pay.rb", "class Pay\n  def add(x)\n    x\n  end\nend\n")
    project.write("notes.md", "Call add.\n")
    project.commit("Add")
    repository = project.open()
    with pytest.raises(SourceError, match=r"add is defined 2 times; say which: cart.py#add, pay.rb#Pay.add"):
        find_definition(repository, "add")
    assert find_definition(repository, "Pay#add").place.path == "pay.rb"
    with pytest.raises(SourceError, match="nothing named missing is defined"):
        find_definition(repository, "missing")


def test_a_type_and_its_impl_are_one_definition():
    source = "struct Cart {\n    n: u32,\n}\n\n\n\nfn other() {}\n\n\nimpl Cart {\n    fn add(&self) {}\n}\n"
    found = definition_in("cart.rs", source, "Cart")
    assert [(place.start_line, place.end_line) for place in found.places] == [(1, 3), (10, 12)]


def test_a_definition_of_a_notebook_is_in_its_cell():
    cell = '{"cell_type": "code", "source": ["import os\\n", "\\n",\n"def load(x):\\n",\n"    return x"]}'
    text = f'{{"cells": [\n{{"cell_type": "markdown", "source": "def load"}},\n{cell}],\n"metadata": {{}}}}\n'
    place = definition_in("look.ipynb", text, "load").place
    assert (place.start_line, place.end_line) == (4, 5)
    assert definitions_in("look.ipynb", "no notebook") == []


def test_a_conflict_cuts_no_definition_outside_of_it():
    ours = "<<<<<<< HEAD\n    ours(\n        1)\n||||||| base\n    base(\n=======\n    theirs(\n>>>>>>> branch\n"
    source = f"def one(x):\n    two(x)\n{ours}    return x\n\n\ndef two(x):\n    return x\n"
    places = {each.symbol: (each.place.start_line, each.place.end_line) for each in definitions_in("a.py", source)}
    assert places == {"one": (1, 11), "two": (14, 15)}
    unfinished = "def one():\n    return '''\n<<<<<<< HEAD\n'''\n\n\ndef two():\n    pass\n"
    assert [each.symbol for each in definitions_in("a.py", unfinished)] == ["one", "two"]


def test_a_file_without_a_grammar_defines_nothing():
    with pytest.raises(SourceError, match=r"nothing named add is defined in notes\.md"):
        definition_in("notes.md", "# add\n", "add")
