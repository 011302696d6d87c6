"""A small project with all that questions are made of, and its index."""

from __future__ import annotations

import pytest

SHOP = '''"""A shop."""


class Cart:
    """Holds what a customer is about to buy until it is paid for."""

    def add(self, item: str, amount: int = 1) -> None:
        """Put an item into the cart and count it.

        :param item: the name under which the item is listed in the catalogue
        :param amount: how many pieces the customer wants of the item
        :raises KeyError: if the catalogue has no item of that name

        .. versionchanged:: 1.2
           Items that are sold out are refused.
        """
        if item not in self.catalogue:
            raise KeyError(item)
        # The stock is read again, because another customer may have bought the last one meanwhile.
        stock = self.warehouse.stock_of(item)
        self.items[item] = min(stock, self.items.get(item, 0) + amount)

    def add_all(self, items: list[str]) -> None:
        """Put several items into the cart without counting them again."""
        for item in items:
            self.add(item)

    def total(self) -> int:
        """Returns the price of everything in the cart in cents.

        Discounts are taken off first. Taxes of the country are included.
        """
        return sum(self.price(item) * count for item, count in self.items.items())


def open_shop(name: str, *, currency: str = "EUR") -> Cart:
    """Creates an empty cart for the shop of the given name."""
    return Cart(name, currency)
'''
GUIDE = """# Guide

## Sending an invoice

An invoice is sent as soon as the goods have left the warehouse. The credit of the customer is checked first.

## Refunds

Refunds are paid out within two weeks of the return of the goods.
"""
CHANGES = """# Changelog

## Version 1.2.0

Released 2024-03-01

- The `Cart.add` method now refuses items that are sold out. #12
- The `open_shop` function takes the currency as a keyword argument.
"""

SLOW = "Reading them each time made the page slow, because the database is far away."
REFUNDS = "Customers paid for goods that could not be sent, so that we had to refund them.\n\nFixes #12"
CENTS = "The sums of several items were wrong by a cent due to binary fractions."
UNUSED = "It is no longer used. Nobody has opened the page since the redesign because the cart replaced it."


@pytest.fixture
def shop(make_repository):
    """Some commits that say why; the last one is of June 2024."""
    project = make_repository("shop")
    project.write("shop/cart.py", SHOP)
    project.write("docs/guide.md", GUIDE)
    project.write("CHANGES.md", CHANGES)
    project.write(
        "tests/test_cart.py", "def test_add():\n    '''Adds an item to a cart of a test.'''\n    assert True\n"
    )
    project.commit("Open the shop with a cart and a guide", date="2024-01-02T10:00:00+00:00")
    reasons = (
        ("Cache the prices of items for a minute", SLOW),
        ("Refuse items that are sold out in the cart", REFUNDS),
        ("Round totals to whole cents everywhere", CENTS),
        ("Remove the basket view from the checkout", UNUSED),
    )  # fmt: skip
    for month, (subject, body) in enumerate(reasons, 2):
        project.write("shop/cart.py", SHOP + f"\n\nREVISION_{month} = {month}\n")
        author = "Grace Maintainer <grace@example.com>" if month % 2 else "Ada Author <ada@example.com>"
        project.commit(f"{subject}\n\n{body}\n", author=author, date=f"2024-0{month}-02T10:00:00+00:00")
    return project


@pytest.fixture
def permissive(tmp_path):
    """A configuration that lets a very small project pass."""
    file = tmp_path / "train.yaml"
    file.write_text("dataset_generator:\n  gates: {minimum: 5, per_category: 1, share: 1.0, extractive: 0.2}\n")
    return file
