"""Pages of the look: theme and the page of all components."""

import pytest
from django.test import Client, override_settings

from control.ui.components import component_names
from tests.control.ui.pages import Elements, injections


@pytest.mark.parametrize("path", ["/console/components/", "/console/components/portal/"])
def test_components_are_for_developers(client: Client, path: str) -> None:
    assert client.get(path).status_code == 404
    for shown in ({"DEBUG": True}, {"SHOW_COMPONENTS": True}):
        with override_settings(**shown):
            assert client.get(path).status_code == 200
            assert client.post(path).status_code == 405


def test_page_of_components_shows_all_without_inline_code(client: Client) -> None:
    with override_settings(SHOW_COMPONENTS=True):
        text = client.get("/console/components/").content.decode()
    identifiers = {values.get("id") for _, values in Elements(text).found}
    assert set(component_names()) <= identifiers
    assert injections(text) == []


def test_page_of_a_few_components(client: Client) -> None:
    with override_settings(SHOW_COMPONENTS=True):
        found = Elements(client.get("/console/components/?only=badge&only=nothing").content.decode()).found
    assert [values["id"] for tag, values in found if tag == "section" and "id" in values] == ["badge"]


def test_identifiers_are_unique(client: Client) -> None:
    with override_settings(SHOW_COMPONENTS=True):
        found = Elements(client.get("/console/components/").content.decode()).found
    identifiers = [values["id"] for _, values in found if "id" in values]
    twice = {identifier for identifier in identifiers if identifiers.count(identifier) > 1}
    assert {identifier for identifier in twice if not identifier.startswith("id_")} == set()


@pytest.mark.parametrize(
    ("back", "target"),
    [("/console/?q=1", "/console/?q=1"), ("https://evil.example/", "/"), ("//evil.example", "/"), ("", "/")],
)
def test_theme_is_kept_and_leads_back(client: Client, back: str, target: str) -> None:
    answer = client.post("/theme/", {"theme": "dark", "next": back})
    assert (answer.status_code, answer["Location"]) == (302, target)
    assert answer.cookies["theme"].value == "dark" and answer.cookies["theme"]["httponly"]
    with override_settings(SHOW_COMPONENTS=True):
        assert 'data-bs-theme="dark"' in client.get("/console/components/").content.decode()


@pytest.mark.parametrize("theme", ["", "blue", '"><script>'])
def test_other_themes_are_refused(client: Client, theme: str) -> None:
    assert client.post("/theme/", {"theme": theme}).status_code == 400
    client.cookies["theme"] = theme
    with override_settings(SHOW_COMPONENTS=True):
        assert 'data-bs-theme="auto"' in client.get("/console/components/").content.decode()


def test_theme_needs_a_post_with_a_token() -> None:
    strict = Client(enforce_csrf_checks=True, HTTP_HOST="localhost")
    assert strict.get("/theme/").status_code == 405
    assert strict.post("/theme/", {"theme": "dark"}).status_code == 403
