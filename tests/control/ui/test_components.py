"""Components: documented, checked, and escaped in every text."""

import dataclasses
from inspect import signature
from typing import Any

import pytest
from django.http import HttpRequest, QueryDict
from django.template import Context, Template, TemplateSyntaxError
from django.template.loader import render_to_string
from django.test import RequestFactory
from django.utils.safestring import mark_safe

from control.ui import guide
from control.ui.charts.chart import Chart
from control.ui.components import DRAWN, Component, Parameter, component, component_names, parse_header
from control.ui.paths import COMPONENT_FOLDER
from control.ui.table import Cell, Column, Page, Row, Table
from control.ui.table_marks import foot_cells, table_rows
from tests.control.ui.pages import ATTACK, Elements, injections

STRUCTURE = {"icon", "tone", "state", "direction", "badge", "key", "order", "svg", "kind", "gutter", "colour"}
"""Values that come from code, never from people."""


def page(text: str, request: HttpRequest | None = None, **values: object) -> str:
    asked = request or RequestFactory().get("/console/partners/", {"q": "blue", "order": "name", "page": "2"})
    return Template(text).render(Context({"request": asked, "csrf_token": "token", **values}))


def poisoned(value: Any, name: str = "") -> Any:
    """Replace every text that people could have written."""
    if name in STRUCTURE:
        return value
    if isinstance(value, str):
        return "javascript:alert(1)" if name in ("href", "action") else ATTACK
    if isinstance(value, dict):
        return {key: poisoned(inner, key) for key, inner in value.items()}
    if isinstance(value, Chart):
        legend = tuple(dataclasses.replace(entry, name=ATTACK, value=ATTACK) for entry in value.legend)
        return dataclasses.replace(value, title=ATTACK, legend=legend, rows=((ATTACK,) * len(value.head),))
    if isinstance(value, list | tuple):
        return type(value)(poisoned(inner, name) for inner in value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return type(value)(**{key: poisoned(inner, key) for key, inner in fields.items()})
    return value


def test_every_component_is_documented_and_has_a_demo() -> None:
    for name in component_names():
        found = component(name)
        assert found.text.endswith((".", "?")), name
        assert (COMPONENT_FOLDER.parent / "guide" / "demos" / f"{name}.html").exists(), name
        assert all(parameter.text for parameter in found.parameters)
    assert len(component_names()) >= 25


@pytest.mark.parametrize("name", component_names())
def test_texts_are_escaped(name: str) -> None:
    values = guide.context("/console/components/")
    kept = {key: values.pop(key) for key in ("sections", "form", "wrong_form", "tokens")}
    request = RequestFactory().get("/console/partners/", {"q": ATTACK, "order": ATTACK, "page": ATTACK})
    bad = {key: poisoned(value, key) for key, value in values.items()}
    text = page(f'{{% include "guide/demos/{name}.html" %}}', request, **kept, **bad)
    assert injections(text) == []
    assert "42z" not in text


def test_attacks_are_seen() -> None:
    assert len(injections(ATTACK)) == 3
    assert injections('<a href=" JavaScript:x">') and injections('<p style="x">') and injections('<a href="//evil">')
    assert injections('<a href="/a" class="b">') == [] and injections("&lt;img&gt;") == []


def test_the_values_of_each_component_are_used() -> None:
    """A value that the header names and the template does not use would mislead."""
    for name in component_names():
        if name in DRAWN:
            assert sorted(signature(DRAWN[name]).parameters) == sorted(component(name).known), name
            continue
        source = (COMPONENT_FOLDER / f"{name}.html").read_text("utf-8").partition("{% endcomment %}")[2]
        unused = [parameter.name for parameter in component(name).parameters if parameter.name not in source]
        assert unused == [], name


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{% ui "badge" %}', "badge: text missing"),
        ('{% ui "badge" text="a" colour="red" %}', "colour unknown; it takes dot, text, tone"),
        ('{% ui "nothing" %}', "'nothing' is not a component"),
        ("{% uiblock %}{% enduiblock %}", "needs the name"),
        ('{% uiblock "card" title %}{% enduiblock %}', "name=value"),
        ('{% fill "a" %}{% endfill %}', "directly inside"),
        ("{% fill a %}{% endfill %}", "needs the name of one slot"),
        ('{% uiblock "card" %}{% fill "side" %}{% endfill %}{% enduiblock %}', "side unknown"),
    ],
)
def test_misuse_says_what_is_wrong(text: str, message: str) -> None:
    with pytest.raises(TemplateSyntaxError, match=message):
        page(text)


def test_slots() -> None:
    text = page('{% uiblock "card" title="A" %}one{% fill "actions" %}two{% endfill %}three{% enduiblock %}')
    assert text.index("two") < text.index("one") < text.index("three")


def test_components_see_only_their_values() -> None:
    assert "leak" not in page('{% ui "badge" text="a" %}', tone="leak")


def test_header_is_read() -> None:
    source = "{% comment %}\nA thing.\n\nname*   text\n        and more\n[body]  content\n{% endcomment %}<b></b>"
    assert parse_header("x", source) == Component(
        "x", "A thing.", (Parameter("name", "text and more", True, False), Parameter("body", "content", False, True))
    )
    with pytest.raises(ValueError, match="does not open with"):
        parse_header("x", "<b></b>")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("/console/", "/console/"),
        ("/", "/"),
        ("?a=b", "?a=b"),
        ("#top", "#top"),
        ("page/", "page/"),
        ("https://a.example/x", "https://a.example/x"),
        ("mailto:a@b.example", "mailto:a@b.example"),
        ("javascript:alert(1)", "#"),
        (" JaVaScRiPt:alert(1)", "#"),
        ("java\nscript:alert(1)", "#"),
        ("data:text/html,x", "#"),
        ("//evil.example", "#"),
        ("/\\evil.example", "#"),
        (None, "#"),
    ],
)
def test_addresses(value: object, shown: str) -> None:
    assert page("{% autoescape off %}{{ value|address }}{% endautoescape %}", value=value) == shown


def test_query_keeps_what_it_does_not_change() -> None:
    shown = page("{% autoescape off %}{% query page=3 order=None %}{% endautoescape %}")
    assert QueryDict(shown[1:]).dict() == {"q": "blue", "page": "3"}


@pytest.mark.parametrize(
    ("name", "letters"),
    [
        ("Olivia Stone", "OS"),
        ("Anna Maria van Berg", "AB"),
        ("ana.ruiz@x.example", "AR"),
        ("", "?"),
        ("李雷", "李"),
        ("<b>", "B"),
    ],
)
def test_initials(name: str, letters: str) -> None:
    assert page("{{ name|initials }}", name=name) == letters


def test_lines() -> None:
    assert page("{{ codes|lines }}", codes=["<a>", 2]) == "&lt;a&gt;\n2"


def test_table_heads_sort_and_say_so() -> None:
    values = guide.context("/")
    found = Elements(page('{% ui "table" table=table %}', table=values["table"])).found
    sorts = [entry["aria-sort"] for tag, entry in found if tag == "th" and "aria-sort" in entry]
    links = [QueryDict(entry["href"][1:]) for tag, entry in found if tag == "a" and entry.get("class") == "cl-sort"]
    assert sorts == ["descending"]
    assert [link["order"] for link in links] == ["name", "status", "-clicks", "revenue"]
    assert all("page" not in link and link["q"] == "blue" for link in links)


def test_rows_of_another_length_are_an_error() -> None:
    table = Table("Sums", [Column("A"), Column("B")], [], foot=["one"])
    with pytest.raises(ValueError, match="shorter"):
        foot_cells(table)


def test_marks_have_names() -> None:
    found = Elements(page('{% ui "table" table=table %}', table=guide.context("/")["table"])).found
    names = [entry["aria-label"] for tag, entry in found if tag == "input"]
    assert names[:2] == ["Mark all rows of this page", "Mark Blue Lagoon Media"]


def test_pagination_leaves_gaps() -> None:
    values = guide.context("/")
    text = page('{% ui "pagination" page=page %}', page=values["page"])
    assert "301–350 of 1,204" in text and text.count("…") == 2
    assert [entry.get("rel") for tag, entry in Elements(text).found if entry.get("rel")] == ["prev", "next"]


def test_a_list_of_one_part_has_no_links_to_others() -> None:
    assert page('{% ui "pagination" next=next %}', next=None).strip() == ""
    assert "1–3 of 3" in page('{% ui "pagination" page=page %}', page=Page(1, 50, 3))


def test_dialog_posts_with_a_token() -> None:
    text = page('{% ui "dialog" id="d" title="Sure?" action="/x/" %}')
    found = Elements(text).found
    assert ("form", {"method": "post", "action": "/x/"}) in found
    assert ("input", {"type": "hidden", "name": "csrfmiddlewaretoken", "value": "token"}) in found
    assert any(tag == "dialog" and "popover" in entry for tag, entry in found)


def test_empty_table_shows_what_to_do() -> None:
    values = guide.context("/")
    text = page('{% uiblock "table" table=table %}make one{% enduiblock %}', table=values["empty_table"])
    assert text.strip() == "make one"


def test_changes_of_cells_are_said_in_words() -> None:
    text = table_rows(Table("Changes", [Column("Tier")], [Row([Cell("new", old="old")])]))
    assert "before:" in text and "after:" in text and "<del" in text and "<ins" in text


@pytest.mark.parametrize(
    "kind",
    [
        {}, {"note": ATTACK}, {"href": ATTACK}, {"href": "/x/", "code": True}, {"code": True}, {"badge": "good"},
        {"avatar": True, "note": ATTACK}, {"error": True}, {"old": ATTACK}, {"spark": [1.0, 2.0]},
    ],
)  # fmt: skip
def test_texts_of_cells_are_escaped_even_if_they_are_called_safe(kind: dict[str, Any]) -> None:
    text = table_rows(Table("Attacks", [Column(ATTACK)], [Row([Cell(mark_safe(ATTACK), **kind)])]))
    assert injections(text) == [] and "&lt;script&gt;" in text and "<script" not in text


def test_pages_without_a_request_render() -> None:
    """The page of error 500 has none."""
    assert 'data-bs-theme="auto"' in render_to_string("layouts/bare.html")
