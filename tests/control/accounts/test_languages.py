"""Pages are in the language and time zone of their reader; the console is English."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils import timezone, translation

from control.accounts.actor import command_line
from control.accounts.invitations import invite
from control.accounts.languages import language_of, zone_of
from control.accounts.models import User
from control.accounts.people import add_operator
from control.partners.services import create_partner
from control.ui.local_formats import count_text, money_text, percent_text
from control.ui.moments import minute_text
from tests.control.accounts.mails import last_mail, link_in
from tools import catalogues

BOSS = command_line()
EMAIL, PASSWORD = "fay@blue.example", "correct horse battery"
pytestmark = [
    pytest.mark.usefixtures("database", "acting_test"),
    pytest.mark.parametrize("database", ["sqlite"], indirect=True),
]


@pytest.fixture(autouse=True, scope="module")
def _compiled() -> None:
    catalogues.compile_all()


def _partners_person(client: Client) -> User:
    blue = create_partner(BOSS, {"name": "Blue"}, "active")
    invite(BOSS, EMAIL, "member", blue.number, lambda token: f"https://partners.example/accounts/invitations/{token}/")
    client.post(link_in(last_mail(EMAIL)), {"name": "Fay", "password": PASSWORD})
    user: User = User.objects.get(email=EMAIL)
    return user


@pytest.mark.parametrize(
    ("asked", "text", "direction"), [("de-CH,de;q=0.9", "Anmelden", "ltr"), ("ar", "تسجيل", "rtl")]
)
def test_before_sign_in_the_browser_chooses(client: Client, asked: str, text: str, direction: str) -> None:
    answer = client.get("/accounts/login/", headers={"accept-language": asked})
    page = answer.content.decode()
    assert text in page and f'dir="{direction}"' in page and "Accept-Language" in answer["Vary"]
    assert ("clew.rtl" in page) is (direction == "rtl")
    assert answer["Content-Language"] == asked[:2]


def test_a_language_without_texts_is_english(client: Client) -> None:
    assert client.get("/accounts/login/", headers={"accept-language": "ja"})["Content-Language"] == "en"


def test_a_person_chooses_language_and_time_zone(client: Client) -> None:
    user = _partners_person(client)
    values = {"name": "Fay", "locale": "fr", "time_zone": "Asia/Tokyo"}
    assert client.post("/accounts/profile/", values).status_code == 302
    user.refresh_from_db()
    assert (user.locale, user.time_zone) == ("fr", "Asia/Tokyo")
    answer = client.get("/accounts/profile/", headers={"accept-language": "de"})
    page = answer.content.decode()
    assert "Fuseau horaire" in page and "Votre profil est enregistré." in page and answer["Content-Language"] == "fr"
    assert translation.get_language() == "en" and timezone.get_current_timezone_name() == "UTC"


@pytest.mark.parametrize(("field", "value"), [("locale", "xx"), ("time_zone", "Mars/Base")])
def test_unknown_choices_are_refused(client: Client, field: str, value: str) -> None:
    _partners_person(client)
    answer = client.post("/accounts/profile/", {"name": "Fay", "locale": "", "time_zone": "", field: value})
    assert answer.status_code == 200 and User.objects.exclude(locale="", time_zone="").count() == 0
    with pytest.raises(Exception, match="must be"):
        User(email="x@x.example", password="x", **{field: value}).full_clean()


def test_the_console_is_english(client: Client) -> None:
    user = add_operator(BOSS, "ann@acme.example", "owner", "Ann", PASSWORD)
    client.force_login(user)
    german = {"accept-language": "de"}
    assert client.get("/accounts/profile/", headers=german)["Content-Language"] == "en"
    User.objects.filter(pk=user.pk).update(locale="de")
    assert client.get("/accounts/profile/", headers=german)["Content-Language"] == "de"
    answer = client.get("/console/people/", headers=german)
    assert answer["Content-Language"] == "en" and "People" in answer.content.decode()


def test_mail_is_in_the_language_of_the_person(client: Client) -> None:
    _partners_person(client)
    User.objects.update(locale="es", time_zone="America/Bogota")
    red = create_partner(BOSS, {"name": "Red", "language": "de"}, "active")
    invite(BOSS, EMAIL, "member", red.number, lambda token: f"https://partners.example/{token}/")
    assert "Invitación al portal de afiliados de Red" in last_mail(EMAIL)


@pytest.mark.parametrize(
    ("language", "texts"),
    [
        ("en", ("1,234,567", "$1,234.50", "¥1,234", "12.5\u202f%", "5 Mar 2026, 09:04")),
        ("de", ("1.234.567", "1.234,50\xa0$", "1.234\xa0¥", "12,5\xa0%", "5. März 2026, 09:04")),
        (
            "fr",
            ("1\u202f234\u202f567", "1\u202f234,50\xa0$US", "1\u202f234\xa0JPY", "12,5\xa0%", "5 mars 2026, 09:04"),
        ),
    ],
)
def test_numbers_money_and_times_follow_the_language(language: str, texts: tuple[str, ...]) -> None:
    moment = datetime(2026, 3, 5, 9, 4, tzinfo=UTC)
    with translation.override(language):
        written = (count_text(1_234_567), money_text(123_450, "USD"), money_text(1_234, "JPY"), percent_text(0.125))
        assert (*written, minute_text(moment)) == texts


def test_times_follow_the_time_zone() -> None:
    with timezone.override(zone_of("Asia/Tokyo")):
        assert minute_text(datetime(2026, 3, 5, 20, 4, tzinfo=UTC)) == "6 Mar 2026, 05:04"
        assert minute_text(datetime(2026, 3, 5, 20, 4, tzinfo=ZoneInfo("America/Bogota"))) == "5 Mar 2026, 20:04"
    assert zone_of("Mars/Base").key == zone_of("").key == "UTC"


@pytest.mark.parametrize(
    ("wishes", "language"), [(("de-AT",), "de"), (("", "fr"), "fr"), (("xx", "ar"), "ar"), (("xx",), "en"), ((), "en")]
)
def test_the_first_language_with_texts_counts(wishes: tuple[str, ...], language: str) -> None:
    assert language_of(*wishes) == language
