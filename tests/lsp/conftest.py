"""A small shop with a history, and servers that have it open."""

from __future__ import annotations

import pytest
from tests.lsp.client import serving

PAY = '''"""Payments."""


def charge_card(card, amount):
    """Charge the card once; the bank repeats its answers."""
    return bank.charge(card, amount)


def refund(card, amount):
    """Give the money back."""
    return bank.refund(card, amount)
'''
ROUTES = '''from shop.pay import charge_card


class Router:
    """Match addresses to views."""

    def register_route(self, path, view):
        """Remember which view answers a path."""
        self.routes[path] = view
'''


@pytest.fixture
def shop(make_repository):
    return sells(make_repository("shop"))


def sells(made):
    """The shop in a new repository."""
    made.write("shop/pay.py", PAY.replace("once; the bank repeats its answers", "."))
    made.write("shop/routes.py", ROUTES)
    made.write("README.md", "# Shop\n\nSells things. Routes are registered with `register_route`.\n")
    made.commit("Sell things")
    made.write("shop/pay.py", PAY)
    about = "Charge cards once (#7)\n\nCustomers paid twice because the bank repeated its answers."
    made.commit(about, date="2024-07-01T08:00:00+02:00")
    return made


@pytest.fixture
def client(tmp_path):
    with serving(tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def open_shop(make_shared_repository):
    """The shop for tests that leave it as it was."""
    return sells(make_shared_repository("shop"))


@pytest.fixture(scope="module")
def reader(open_shop):
    """A server that answers from the files of `open_shop`, for tests that close what they open."""
    with serving(open_shop.path.parent) as made:
        made.initialize(open_shop.path, options={"index": False})
        made.wait(lambda: bool(made.ask("whence/status")["roots"]))
        yield made
