"""Navigation: pages of modules, in order, for those who may see them."""

from collections.abc import Iterator

import pytest
from django.test import RequestFactory

from control.ui import navigation as module
from control.ui.navigation import Entry, add_entry, navigation


@pytest.fixture(autouse=True)
def empty(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(module, "_entries", {"console": [], "portal": []})
    yield


def shown(path: str) -> list[tuple[str, list[tuple[str, bool, int]]]]:
    groups = navigation("console", RequestFactory().get(path))
    return [(group.label, [(link.label, link.current, link.count) for link in group.links]) for group in groups]


def test_order_groups_counts_and_rights() -> None:
    add_entry("console", Entry("Later", "account_login", "login", "Work", order=20, count=lambda _request: 3))
    add_entry("console", Entry("First", "ui_components", "home", order=10))
    add_entry("console", Entry("Hidden", "account_logout", "logout", order=15, visible=lambda _request: False))
    assert shown("/") == [("", [("First", False, 0)]), ("Work", [("Later", False, 3)])]
    assert navigation("portal", RequestFactory().get("/")) == []


def test_the_longest_address_is_current() -> None:
    add_entry("console", Entry("All", "ui_components", "home"))
    add_entry("console", Entry("Part", "ui_components_portal", "home"))
    assert shown("/console/components/portal/x") == [("", [("All", False, 0), ("Part", True, 0)])]
    assert shown("/console/components/") == [("", [("All", True, 0), ("Part", False, 0)])]


def test_a_page_is_listed_once() -> None:
    add_entry("console", Entry("Old", "ui_components", "home"))
    add_entry("console", Entry("New", "ui_components", "home"))
    assert shown("/") == [("", [("New", False, 0)])]
