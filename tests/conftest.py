"""What holds for all tests."""

from __future__ import annotations

import pytest
from hypothesis import settings

# How long an example takes is the machine's affair.
settings.register_profile("housing", deadline=None)
settings.load_profile("housing")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The commands of the documents first: one after the other they take longest, and nothing should wait for them."""
    items.sort(key=lambda item: item.path.name != "test_documents.py")


# A package of its own, whose tests run where it is installed: see test_packages.py.
collect_ignore = ["example"]
