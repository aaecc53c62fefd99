"""People find what concerns them below the bell, in their language."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from control.accounts.actor import Actor, command_line
from control.accounts.models import User
from control.accounts.people import add_operator, new_user, store_with_seat
from control.accounts.roles import PartnerRole, Role
from control.audit.origin import ActorKind
from control.notifications import notices
from control.notifications.models import Notification
from control.notifications.notices import mark_read, notify, prune, unread_count
from control.partners.models import Partner
from control.partners.services import create_partner, transition
from control.program.services.approvals import decide_access
from control.program.services.publish_requests import ask_to_publish, decline_request
from tests.control.program.sample import shoes
from tools import catalogues

BOSS = command_line()
pytestmark = [
    pytest.mark.usefixtures("database", "acting_test"),
    pytest.mark.parametrize("database", ["sqlite"], indirect=True),
]


@pytest.fixture
def blue() -> Partner:
    return create_partner(BOSS, {"name": "Blue", "language": "de"}, "active")


def _person(partner: Partner, name: str = "fay", locale: str = "") -> User:
    user = new_user(f"{name}@blue.example", name, "correct horse battery")
    user.locale = locale
    store_with_seat(user, partner.number, PartnerRole.OWNER)
    return user


def _texts(user: User) -> list[str]:
    return list(Notification.objects.filter(user=user).order_by("id").values_list("text", flat=True))


def test_people_of_a_partner_are_told_in_their_language(blue: Partner) -> None:
    catalogues.compile_all()
    fay, ann, other = _person(blue), _person(blue, "ann", "en"), _person(create_partner(BOSS, {"name": "Red"}), "red")
    transition(BOSS, blue.number, "suspended", "fraud")
    assert _texts(fay) == ["Blue ist gesperrt. Ihre Links zählen nicht mehr."]
    assert _texts(ann) == ["Blue is suspended. Your links do not count any more."] and _texts(other) == []


def test_a_change_that_fails_tells_nobody(blue: Partner) -> None:
    fay = _person(blue)
    with pytest.raises(Exception, match="reason"):
        transition(BOSS, blue.number, "suspended", "")
    assert _texts(fay) == []


def test_the_bell_counts_and_a_notification_is_opened(blue: Partner, client: Client) -> None:
    fay, other = _person(blue, locale="en"), _person(blue, "ann", "en")
    transition(BOSS, blue.number, "suspended", "fraud")
    client.force_login(fay)
    page = client.get("/notifications/").content.decode()
    assert "Notifications, 1 unread" in page and "Blue is suspended" in page and "unread</small>" in page
    assert "1 unread" in client.get("/notifications/bell/").content.decode()
    row = Notification.objects.get(user=fay)
    answer = client.post(f"/notifications/{row.pk}/")
    assert (answer.status_code, answer["Location"]) == (302, "/portal/")
    assert unread_count(fay) == 0 and unread_count(other) == 1
    assert client.post(f"/notifications/{Notification.objects.get(user=other).pk}/").status_code == 404
    notify([fay], "test", "100 %% of %(what)s", {"what": "<b>it</b>"})
    assert "100 % of &lt;b&gt;it&lt;/b&gt;" in client.get("/notifications/").content.decode()
    assert client.post("/notifications/read/").status_code == 302 and unread_count(fay) == 0


def test_pages_need_a_person(client: Client) -> None:
    for path in ("/notifications/", "/notifications/bell/"):
        assert client.get(path)["Location"].startswith("/accounts/login/")
    assert client.post("/notifications/read/")["Location"].startswith("/accounts/login/")


def test_partners_learn_of_offers_and_operators_of_terms(blue: Partner) -> None:
    fay = _person(blue, locale="en")
    offer = shoes()
    decide_access(BOSS, offer.number, blue.number, "approved")
    decide_access(BOSS, offer.number, blue.number, "rejected", "no traffic")
    assert _texts(fay) == ["You may promote Shoes now.", "You may not promote Shoes."]
    ivy, eve = (add_operator(BOSS, f"{name}@acme.example", "admin", name) for name in ("ivy", "eve"))
    request = ask_to_publish(_actor(ivy))
    assert (_texts(eve), _texts(ivy)) == (["ivy asks for your approval of new terms."], [])
    decline_request(_actor(eve), request.pk, "too high")
    assert _texts(ivy) == ["eve has declined your terms."]
    assert Notification.objects.get(user=ivy).link == f"/console/publish/requests/{request.pk}/"


def _actor(user: User) -> Actor:
    return Actor(ActorKind.PERSON, str(user.pk), user.name, role=Role(user.role))


def test_old_and_many_notifications_are_deleted(blue: Partner, monkeypatch: pytest.MonkeyPatch) -> None:
    fay, ann = _person(blue), _person(blue, "ann")
    monkeypatch.setattr(notices, "KEPT_MAX", 3)
    for number in range(5):
        notify([fay, ann][: 2 if number < 3 else 1], "test", "%(number)s", {"number": number})
    assert prune() == 2 and _texts(fay) == ["2", "3", "4"] and len(_texts(ann)) == 3
    Notification.objects.filter(user=ann).update(created=timezone.now() - timedelta(days=91))
    assert prune() == 3 and _texts(ann) == []
    mark_read(fay)
    assert unread_count(fay) == 0
