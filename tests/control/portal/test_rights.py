"""Rights in the portal: every role of a partner and every page, with own objects and those of others."""

import pytest
from django.test import Client

from control.accounts.models import Seat, User
from control.accounts.roles import PartnerRole
from control.audit.models import AuditEvent
from control.audit.origin import acting
from control.modules.config import portal_patterns
from control.modules.services import switch_module
from control.partners.services import transition
from tests.control.console.installation import signed_in
from tests.control.portal.installation import BOSS, Portal
from tests.control.portal.pages import FOREIGN, PAGES, paths_of

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


def test_every_page_has_an_entry(database: object) -> None:
    assert {str(pattern.name) for pattern in portal_patterns()} == {*PAGES}


@pytest.mark.parametrize("role", PartnerRole.values)
def test_pages_open_for_the_right_roles(portal: Portal, role: str) -> None:
    browser = portal.own.browser(role)
    before = AuditEvent.objects.count()
    for name, path in paths_of(portal, portal.own).items():
        allowed = role in PAGES[name]
        assert browser.get(path).status_code == (200 if allowed else 403), (role, name)
        if not allowed:
            assert browser.post(path, {"name": "x"}).status_code == 403, (role, name)
    assert AuditEvent.objects.count() == before


@pytest.mark.parametrize("role", PartnerRole.values)
def test_objects_of_other_partners_are_not_there(portal: Portal, role: str) -> None:
    browser, foreign = portal.own.browser(role), paths_of(portal, portal.foreign)
    before = AuditEvent.objects.count()
    for name in FOREIGN:
        wanted = 404 if role in PAGES[name] else 403
        assert browser.get(foreign[name]).status_code == wanted, name
        assert browser.post(foreign[name], {"status": "inactive"}).status_code == wanted, name
    assert AuditEvent.objects.count() == before


def test_visitors_sign_in_and_operators_go_to_the_console(portal: Portal, client: Client) -> None:
    operator = portal.operator()
    with acting(BOSS):
        nobody = signed_in(Client(HTTP_HOST="localhost"), User.objects.create_user("x@x.example", "long enough words"))
    for path in paths_of(portal, portal.own).values():
        answer = client.get(path)
        assert (answer.status_code, answer["Location"]) == (302, f"/accounts/login/?next={path}")
        answer = operator.get(path)
        assert (answer.status_code, answer["Location"]) == (302, "/console/")
        assert operator.post(path).status_code == nobody.get(path).status_code == 403


def test_the_start_leads_to_the_portal(portal: Portal) -> None:
    assert portal.own.browser().get("/")["Location"] == "/portal/"
    assert portal.operator().get("/")["Location"] == "/console/"


def test_errors_have_the_layout_of_the_portal(portal: Portal) -> None:
    missing = portal.own.browser().get("/portal/nothing/")
    assert missing.status_code == 404 and "cl-shell-portal" in missing.content.decode()
    refused = portal.own.browser().get("/console/")
    assert refused.status_code == 403 and "cl-shell-portal" not in refused.content.decode()
    assert "cl-shell-portal" not in portal.operator().get("/portal/nothing/").content.decode()


def test_a_module_that_is_off_is_not_there(portal: Portal) -> None:
    browser = portal.own.browser()
    with acting(BOSS):
        switch_module(BOSS, "portal", False)
    try:
        for path in paths_of(portal, portal.own).values():
            assert browser.get(path).status_code == 404
        assert browser.get("/")["Location"] == "/accounts/sessions/"
    finally:
        with acting(BOSS):
            switch_module(BOSS, "portal", True)


def test_a_person_of_several_partners_changes_between_them(portal: Portal) -> None:
    user = portal.own.people["owner"]
    browser = portal.own.browser()
    assert "Change partner account" not in browser.get("/portal/").content.decode()
    with acting(BOSS):
        Seat.objects.create(user=user, partner=portal.foreign.partner, role=PartnerRole.READ_ONLY)
    page = browser.get("/portal/").content.decode()
    assert "Change partner account" in page and "alienmark" not in page
    assert "alienmark Media" in browser.get("/portal/partner/").content.decode()
    assert browser.post("/portal/partner/", {"partner": portal.foreign.partner.number}).status_code == 302
    page = browser.get("/portal/").content.decode()
    assert "alienmark Media" in page and "ownmark Media" not in page
    for number in ("0", "x", "", str(2**80)):
        assert browser.post("/portal/partner/", {"partner": number}).status_code == 404
    other = portal.own.browser("admin")
    assert other.post("/portal/partner/", {"partner": portal.foreign.partner.number}).status_code == 404
    assert "alienmark" not in other.get("/portal/").content.decode()


def test_a_view_as_a_partners_person_is_marked_and_read_only(portal: Portal) -> None:
    browser = portal.operator()
    user = portal.own.people["finance"]
    assert browser.post(f"/console/people/{user.pk}/view-as/").status_code == 302
    assert browser.get("/")["Location"] == "/portal/"
    paths = paths_of(portal, portal.own)
    for name, path in paths.items():
        answer = browser.get(path)
        assert answer.status_code == (200 if "finance" in PAGES[name] else 403), name
        if "html" in answer["Content-Type"]:
            assert "You see this as ownmark finance does (Finance of ownmark Media)" in answer.content.decode(), name
        assert browser.post(path, {"partner": portal.own.partner.number}).status_code == 403
    for name in FOREIGN & {name for name in PAGES if "finance" in PAGES[name]}:
        assert browser.get(paths_of(portal, portal.foreign)[name]).status_code == 404


def test_stopped_and_waiting_partners_are_told_so(portal: Portal) -> None:
    browser, number = portal.own.browser(), portal.own.partner.number
    assert "Your account is" not in browser.get("/portal/").content.decode()
    with acting(BOSS):
        transition(BOSS, number, "suspended", "alienmark reason for colleagues")
    page = browser.get("/portal/").content.decode()
    assert "Your account is stopped" in page and "alienmark" not in page
