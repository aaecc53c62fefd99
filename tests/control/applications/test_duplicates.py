"""Duplicates of applications, on both databases."""

import pytest

from control.partners.services import create_partner
from tests.control.applications.sample import BOSS, FIELDS, creators, sent


@pytest.mark.usefixtures("database")
def test_duplicates_are_found_with_what_shows_them() -> None:
    form = creators([
        *FIELDS, {"key": "firm", "type": "text", "label": {"en": "Firm"}, "fills": "company"},
        {"key": "vat", "type": "text", "label": {"en": "VAT"}, "fills": "tax_id"},
    ], verify_email=False)  # fmt: skip
    for name, values in (
        ("Domain", {"email": "office@runs.example"}), ("Site", {"website": "https://www.runs.example/shop"}),
        ("Firm", {"company": "RUNS GmbH"}), ("Tax", {"custom": {"tax_id": "DE123"}}),
        ("None", {"email": "x@gmail.com", "website": "https://notruns.example"}),
    ):  # fmt: skip
        create_partner(BOSS, {"name": name, **values}, "active")
    answers = {"site": "https://runs.example", "country": "DE", "firm": "Runs GmbH", "vat": "DE 123"}
    application = sent(form, "ana@runs.example", answers=answers)
    assert application is not None
    assert {entry["name"]: entry["kinds"] for entry in application.duplicates} == {
        "Domain": ["mail_domain"], "Site": ["site"], "Firm": ["company"], "Tax": ["tax_id"]
    }  # fmt: skip
