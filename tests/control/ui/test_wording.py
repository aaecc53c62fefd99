"""Words of the account pages: what a person reads of allauth is written as the rest of the project."""

import re
from collections.abc import Iterator
from pathlib import Path

import allauth
import pytest
from django.core.validators import EmailValidator
from django.utils.translation import gettext

from control.ui.wording import WORDS

CATALOGUE = Path(allauth.__file__).parent / "locale/en/LC_MESSAGES/django.po"
READ = re.compile(
    r"(?:^| )(?:account/(?:adapter|fields|forms)|mfa/(?:adapter|\w+/forms)|templates/(?:account|mfa|usersess))"
)
ELSEWHERE = re.compile(
    r"sign\W?up|signup|phone|username|unknown_account|account_already_exists|verified_email_required|allauth/layouts"
    r"|Email \(|Email address confirmation|the same email|account/admin|account/models",
    re.I,
)
"""What nobody gets to see: there is no sign-up, no phone number and no name of a user."""
OTHER_WORDS = re.compile(r"(?<!-)\bemails?\b|\blog(?:ged)? ?in\b|two-factor", re.I)
TITLE = re.compile(r"(?:[A-Z][a-z]+[- ])+(?:[a-z]+ )?[A-Z][a-z]+[?]?")


DJANGOS = "Enter a valid email address."


def texts() -> Iterator[tuple[str, str]]:
    """Yield each text of allauth that a person may see, and the places that have it."""
    for entry in CATALOGUE.read_text().split("\n\n"):
        places = " ".join(re.findall(r"^#: (.*)$", entry, re.M))
        found = re.search(r'^msgid ((?:".*"\n?)+)', entry, re.M)
        if found is None or READ.search(places) is None:
            continue
        text = "".join(re.findall(r'"(.*)"', found[1])).replace(r"\"", '"').replace(r"\n", "\n")
        if not ELSEWHERE.search(text) and not all(ELSEWHERE.search(place) for place in places.split()):
            yield text, places


def test_all_texts_have_our_words() -> None:
    found = list(texts())
    assert len(found) > 150
    shown = [re.sub(r"%\(\w+\)s|\{\w+\}|href=\"\S+\"|mailto:", "", gettext(text)) for text, _ in found]
    assert [text for text in shown if OTHER_WORDS.search(text)] == []
    assert [text for text in shown if TITLE.fullmatch(text)] == []


def test_every_text_of_ours_replaces_one() -> None:
    known = {DJANGOS, *(text for text, _ in texts())}
    assert EmailValidator().message == gettext(DJANGOS) != DJANGOS
    assert [text for text in WORDS if text not in known] == []
    for text, ours in WORDS.items():
        assert set(re.findall(r"%\(\w+\)s|%d", ours)) == set(re.findall(r"%\(\w+\)s|%d", text)), text


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_the_sign_in_page(database: object, client: object) -> None:
    page = client.get("/accounts/login/").content.decode()  # type: ignore[attr-defined]
    assert ">E-mail<" in page and "Email" not in page
    reset = client.get("/accounts/password/reset/").content.decode()  # type: ignore[attr-defined]
    assert "Reset my password" in reset and "Enter your e-mail address." in reset
