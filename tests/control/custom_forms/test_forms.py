"""Definitions of forms, answers, points, drawing, versions."""

from typing import Any

import pytest
from django import forms
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from control.accounts.actor import command_line
from control.custom_forms.answers import Upload, check_answers
from control.custom_forms.conditions import Condition, all_hold
from control.custom_forms.countries import COUNTRIES
from control.custom_forms.definition import FIELD_TYPES, Definition, field_types, read_definition
from control.custom_forms.draw import answers_of, form_fields
from control.custom_forms.models import CustomForm, FormVersion
from control.custom_forms.patterns import pattern_problem
from control.custom_forms.points import answer_parts, score_of
from control.custom_forms.services import publish_form, store_draft
from control.errors import Conflict, Invalid

FILLS = {"website": ("url",), "country": ("country",)}
BOSS = command_line()


def _field(key: str, kind: str = "text", **more: Any) -> dict[str, Any]:
    return {"key": key, "type": kind, "label": {"en": key.title()}, **more}


def _form(*fields: dict[str, Any]) -> Definition:
    return read_definition({"fields": list(fields)}, FILLS)


OPTIONS = [{"value": "blog"}, {"value": "mail", "label": {"en": "Newsletter", "de": "Newsletter per Mail"}}]
EVERY = [
    _field("name", required=True), _field("about", "long", max=20), _field("kind", "choice", options=OPTIONS),
    _field("ways", "multi", options=OPTIONS, max=1), _field("site", "url", fills="website"), _field("mail", "email"),
    _field("land", "country"), _field("proof", "file", max=1), _field("terms", "consent", required=True),
    _field("visits", "number", min=10, max=1_000), _field("since", "date"), _field("code", pattern="[A-Z]{2}[0-9]+"),
]  # fmt: skip
RIGHT = {
    "name": " Ana ", "about": "one\r\ntwo", "kind": "mail", "ways": ["blog"], "site": "ana-blog.example",
    "mail": "a@b.example",
    "land": "DE", "proof": Upload("proof.PDF", b"%PDF-1.7 x"), "terms": True, "visits": "500", "since": "2026-01-31",
    "code": "AB12",
}  # fmt: skip


def test_every_type_has_a_name_and_every_answer_is_checked() -> None:
    assert set(field_types()) == set(FIELD_TYPES) == {field["type"] for field in EVERY}
    found = check_answers(_form(*EVERY), RIGHT)
    assert found == {
        **RIGHT, "name": "Ana", "about": "one\ntwo", "site": "https://ana-blog.example", "visits": 500
    }  # fmt: skip


def test_all_mistakes_are_told_at_once_with_their_fields() -> None:
    wrong = {
        "name": "", "about": "x" * 21, "kind": "radio", "ways": ["blog", "mail"], "site": "javascript:alert(1)",
        "mail": "nobody", "land": "Germany", "proof": Upload("proof.pdf", b"MZ"), "terms": False, "visits": "9",
        "since": "31.1.", "code": "ab", "extra": "x",
    }  # fmt: skip
    with pytest.raises(Invalid) as caught:
        check_answers(_form(*EVERY), wrong)
    assert {error.field for error in caught.value.errors} == set(wrong)


@settings(max_examples=80, deadline=None)
@given(st.dictionaries(
    st.sampled_from([field["key"] for field in EVERY]),
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30) | st.lists(st.text(max_size=5)),
))  # fmt: skip
def test_any_content_is_checked_or_refused(answers: dict[str, Any]) -> None:
    form = _form(*EVERY)
    try:
        found = check_answers(form, answers)
    except Invalid as error:
        assert all(form.field(own.field) for own in error.errors)
    else:
        assert check_answers(form, found) == found


def test_a_field_whose_condition_fails_is_left_out() -> None:
    form = _form(
        _field("has_site", "choice", options=[{"value": "yes"}, {"value": "no"}]),
        _field("site", "url", required=True, visible_if={"field": "has_site", "values": ["yes"]}),
    )
    assert check_answers(form, {"has_site": "no", "site": "not an address"}) == {"has_site": "no"}
    with pytest.raises(Invalid, match="site"):
        check_answers(form, {"has_site": "yes"})


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ([_field("A")], "fields.0.key"),
        ([_field("a"), _field("a")], "fields.1.key"),
        ([_field("email")], "fields.0.key"),
        ([_field("a", "robot")], "fields.0.type"),
        ([_field("a", color="red")], "fields.0.color"),
        ([{"key": "a", "type": "text", "label": {}}], "fields.0.label"),
        ([_field("a", "choice")], "fields.0.options"),
        ([_field("a", options=OPTIONS)], "fields.0.options"),
        ([_field("a", "choice", options=[OPTIONS[0], OPTIONS[0]])], "fields.0.options"),
        ([_field("a", fills="shoe_size")], "fields.0.fills"),
        ([_field("a", fills="website")], "fields.0.fills"),
        ([_field("a", "url", fills="website"), _field("b", "url", fills="website")], "fields.1.fills"),
        ([_field("a", visible_if={"field": "b", "values": ["x"]}), _field("b")], "fields.0.visible_if"),
        ([_field("a", pattern="(a+)+")], "fields.0.pattern"),
        ([_field("a", pattern="(")], "fields.0.pattern"),
        ([_field("a", max=9_999)], "fields.0.max"),
        ([_field("a", score=[{"op": "is", "points": 5}])], "fields.0.score.0"),
        ([_field("a", score=[{"op": "filled", "points": 500}])], "fields.0.score.0.points"),
    ],
)
def test_a_definition_that_does_not_fit_names_the_place(fields: list[dict[str, Any]], place: str) -> None:
    with pytest.raises(Invalid) as caught:
        read_definition({"fields": fields}, FILLS, reserved=("email",))
    assert place in [error.field for error in caught.value.errors]


def test_an_eighth_required_field_is_refused() -> None:
    fields = [_field(f"f{number}", required=True) for number in range(8)]
    assert len(_form(*fields[:7]).fields) == 7
    with pytest.raises(Invalid, match="has 8 required fields; at most 7 are allowed, so make 1 optional"):
        _form(*fields)
    with pytest.raises(Invalid, match="has 8 required fields, 2 of them name and e-mail address"):
        read_definition({"fields": fields[:6]}, FILLS, required_by_form=2)


@pytest.mark.parametrize("pattern", [r"(a|b)*c(\d+)+", r"(x*)*", r"(a)\1", ".*.*.*.*", "[", r"(?:a{2,60}){2,9}"])
def test_a_pattern_that_may_take_for_very_long_is_refused(pattern: str) -> None:
    assert pattern_problem(pattern)


@pytest.mark.parametrize("pattern", [r"[A-Z]{2}\d+", r"https?://.+", r"(DE)?\d{9}", r"\w+@\w+"])
def test_a_usual_pattern_is_allowed(pattern: str) -> None:
    assert pattern_problem(pattern) == ""


@pytest.mark.parametrize(
    ("condition", "value", "holds"),
    [
        ({"values": ["DE", "AT"]}, "de", True),
        ({"values": ["DE"]}, None, False),
        ({"op": "is_not", "values": ["DE"]}, None, True),
        ({"op": "is_not", "values": ["mail"]}, ["blog", "mail"], False),
        ({"op": "contains", "values": ["shoe"]}, "Best Shoes", True),
        ({"op": "at_least", "values": [70]}, 70, True),
        ({"op": "at_least", "values": [70]}, None, False),
        ({"op": "at_most", "values": ["7"]}, "7.5", False),
        ({"op": "filled"}, 0, True),
        ({"op": "empty"}, [], True),
    ],
)
def test_conditions(condition: dict[str, Any], value: Any, holds: bool) -> None:
    assert all_hold([Condition(field="x", **condition)], {"x": value}) is holds


def test_points_for_answers_have_their_evidence() -> None:
    form = _form(
        _field("site", "url", score=[{"op": "filled", "points": 10}]),
        _field("ways", "multi", options=OPTIONS, score=[{"values": ["mail"], "points": -30}]),
    )
    parts = answer_parts(form, {"site": "https://a.example", "ways": ["blog", "mail"]})
    assert [(part.code, part.points, part.evidence) for part in parts] == [
        ("answer:site", 10, "Site: https://a.example (is filled in)"),
        ("answer:ways", -30, "Ways: blog, mail (is mail)"),
    ]
    assert score_of(parts) == 0


def test_a_form_is_drawn_in_the_language_and_read_back() -> None:
    form = _form(*EVERY)
    drawn = type("Drawn", (forms.Form,), form_fields(form, "de"))
    page = str(drawn())
    assert "Newsletter per Mail" in page and "Germany" in page and len(COUNTRIES) == 249
    upload = SimpleUploadedFile("proof.pdf", b"%PDF-1.7 x")
    sent = drawn({**RIGHT, "terms": "on"}, {"proof": upload})
    assert sent.is_valid()
    answers = answers_of(sent.cleaned_data, form)
    assert check_answers(form, answers)["proof"] == Upload("proof.pdf", b"%PDF-1.7 x")
    assert type("Drawn", (forms.Form,), form_fields(form, "en"))({}).is_valid()  # check_answers tells what is missing


@pytest.mark.usefixtures("database", "acting_test")
def test_a_published_version_never_changes() -> None:
    form = CustomForm(kind="test", name="Creators")
    store_draft(BOSS, form, {"fields": EVERY[:2]}, FILLS)
    version = publish_form(BOSS, form, FILLS)
    assert (version.number, version.definition.fields[0].key) == (1, "name")
    with pytest.raises(Conflict, match="nothing has changed"):
        publish_form(BOSS, form, FILLS)
    store_draft(BOSS, form, {"fields": EVERY[:3]}, FILLS)
    assert publish_form(BOSS, form, FILLS).number == 2
    for change in (lambda: FormVersion.objects.filter(pk=version.pk).update(number=9), version.delete):
        with pytest.raises(IntegrityError, match="never changes"), transaction.atomic():
            change()
    assert [row.number for row in form.versions.all()] == [1, 2]
