"""Invitations to apply, one by one and from a list."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.core import signing
from django.core.cache import cache
from django.test import Client

from control.applications import guard
from control.applications.inviting import invite_to_apply
from control.applications.models import Application, ApplicationInvitation
from control.configuration import current_configuration, set_configuration
from control.errors import Conflict, Invalid
from control.imports import services
from control.imports.services import start_undo
from control.mail.models import OutgoingMail
from tests.control.accounts.mails import last_mail, link_in
from tests.control.applications.sample import BOSS, creators
from tests.control.imports.sample import applied, errors

pytestmark = [pytest.mark.usefixtures("database"), pytest.mark.parametrize("database", ["sqlite"], indirect=True)]
ANSWERS = {"name": "Ana Berger", "site": "ana-blog.example", "country": "DE"}


@pytest.fixture(autouse=True)
def _public_address(database: object) -> Iterator[None]:
    from dataclasses import replace

    before = current_configuration()
    web = before.settings.web.model_copy(update={"url": "https://partners.example"})
    set_configuration(replace(before, settings=before.settings.model_copy(update={"web": web})))
    cache.clear()
    yield
    set_configuration(before)


def _sent(client: Client, link: str, email: str) -> Any:
    page = client.get(link).content.decode()
    token = re.search(r'name="cl-opening" value="([^"]+)"', page)
    assert token is not None
    values = signing.loads(token[1], salt=guard._SALT, max_age=100)
    older = signing.dumps({**values, "t": values["t"] - 60}, salt=guard._SALT, compress=True)
    return client.post(link, {**ANSWERS, "email": email, guard.OPENING: older})


def test_500_invitations_of_which_20_are_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "AT_ONCE_ROWS_MAX", 500)
    creators()
    rows = [f"creators,person{number}@list.example,Person {number}" for number in range(480)]
    wrong = [f"creators,nobody{number},N" for number in range(10)]
    wrong += [f"hats,n{number}@x.example,N" for number in range(10)]
    rows[100:100] = wrong
    found = applied("application-invitations", "form,email,name\n" + "\n".join(rows) + "\n")
    assert found.counts["applied"] == 480 and len(errors(found)) == 20
    assert {own[0][0] for own in errors(found).values()} == {"form", "email"}
    assert (ApplicationInvitation.objects.count(), OutgoingMail.objects.count()) == (480, 480)
    start_undo(BOSS, found.pk)
    assert ApplicationInvitation.objects.count() == 0


def test_the_link_fills_in_name_and_address_and_proves_the_address(client: Client) -> None:
    creators()
    invite_to_apply(BOSS, "creators", " Ana@ana-blog.example", "Ana Berger")
    link = link_in(last_mail("ana@ana-blog.example"))
    page = client.get(link).content.decode()
    assert 'value="Ana Berger"' in page and 'value="ana@ana-blog.example"' in page
    assert _sent(client, link, "ana@ana-blog.example").status_code == 302
    application = Application.objects.get()
    assert application.status == "new" and application.verified is not None
    assert ApplicationInvitation.objects.get().application == application
    assert "Ana Berger" not in client.get(link).content.decode()  # it was used


def test_a_forwarded_link_proves_nothing(client: Client) -> None:
    creators()
    invite_to_apply(BOSS, "creators", "ana@ana-blog.example")
    link = link_in(last_mail("ana@ana-blog.example"))
    assert _sent(client, link, "bob@bob.example").status_code == 302
    assert Application.objects.get().status == "unverified"
    assert ApplicationInvitation.objects.get().application is None
    assert client.get("/apply/creators/?invite=forged").status_code == 200


def test_what_cannot_be_is_refused() -> None:
    creators()
    invite_to_apply(BOSS, "creators", "ana@ana-blog.example")
    with pytest.raises(Invalid, match="invited already"):
        invite_to_apply(BOSS, "creators", "ANA@ana-blog.example")
    with pytest.raises(Invalid) as caught:
        invite_to_apply(BOSS, "hats", "nobody")
    assert {error.field for error in caught.value.errors} == {"form", "email"}
    configuration = current_configuration()
    configuration.settings.web.__dict__["url"] = ""
    with pytest.raises(Conflict, match="CLEW_WEB__URL"):
        invite_to_apply(BOSS, "creators", "new@new.example")
