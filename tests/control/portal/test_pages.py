"""Offers, profile and people in the portal; and a walk through all pages for what belongs to another partner."""

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from control.accounts.models import Invitation, Seat
from control.accounts.roles import PartnerRole
from control.audit.origin import acting
from control.mail.models import OutgoingMail
from control.partners.models import Partner
from control.program.models import Approval
from control.program.services.approvals import decide_access
from control.program.services.links import create_links
from control.program.services.offers import create_offer
from tests.control.portal.installation import BOSS, LANDING, Portal
from tests.control.ui.pages import ATTACK, injections
from tests.conventions.tree import ROOT

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
_HREF = re.compile(r'href="(/portal/[^"#]*|\?[^"#]*)"')
_PAGES_MAX = 400
QUERIES_MAX = {"/portal/": 20, "/portal/links/": 16, "/portal/offers/": 18, "/portal/people/": 16, "/portal/help/": 12}
"""Most queries by page."""
BUILT = ROOT / "control" / "ui" / "static" / "ui"


def walk(browser: Client) -> dict[str, str]:
    """Open every page that can be reached by links; the texts by address."""
    seen: dict[str, str] = {}
    waiting = ["/portal/", "/portal/more/", "/portal/partner/"]
    while waiting and len(seen) < _PAGES_MAX:
        path = waiting.pop()
        if path in seen:
            continue
        answer = browser.get(path)
        content = b"".join(answer.streaming_content) if answer.streaming else answer.content
        seen[path] = content.decode(errors="replace")  # a PDF is no text
        assert answer.status_code == 200, path
        for found in _HREF.findall(seen[path]):
            address = found.replace("&amp;", "&")
            waiting.append(path.partition("?")[0] + address if address.startswith("?") else address)
    assert len(seen) < _PAGES_MAX
    return seen


@pytest.mark.parametrize("role", ["owner", "read_only"])
def test_nothing_of_another_partner_is_in_any_page(portal: Portal, role: str) -> None:
    for side, other in ((portal.own, portal.foreign), (portal.foreign, portal.own)):
        pages = walk(side.browser(role))
        assert len(pages) > 15 and any(side.marker in text for text in pages.values())
        for path, text in pages.items():
            assert other.marker not in text.lower(), path
            assert "olivia" not in text.lower() and "acme.example" not in text, path
            assert injections(text) == [] or path.endswith(".svg"), path
    assert "17.77" not in "".join(walk(portal.own.browser(role)).values()), "the rate of another partner"
    assert "17.77" in "".join(walk(portal.foreign.browser(role)).values())


def test_texts_of_people_are_escaped(portal: Portal) -> None:
    with acting(BOSS):
        Partner.objects.filter(pk=portal.own.partner.pk).update(name=ATTACK, company=ATTACK)
        offer = portal.offers["open"]
        offer.name, offer.description = ATTACK, ATTACK
        offer.save()
    for path, text in walk(portal.own.browser()).items():
        assert injections(text) == [] or path.endswith(".svg"), path


def test_offers_that_a_partner_sees(portal: Portal) -> None:
    own = portal.own.browser().get("/portal/offers/").content.decode()
    assert "open shoes" in own and "approval shoes" in own
    assert "private shoes" not in own and "draft shoes" not in own
    assert "private shoes" in portal.foreign.browser().get("/portal/offers/?show=usable").content.decode()
    assert portal.own.browser().get(f"/portal/offers/{portal.offers['draft'].number}/").status_code == 404
    page = portal.own.browser().get(f"/portal/offers/{portal.offers['open'].number}/").content.decode()
    assert "8\u202f% of the sale" in page and "ownmark10" in page


def test_a_request_for_an_offer(portal: Portal) -> None:
    number = portal.offers["approval"].number
    path, browser = f"/portal/offers/{number}/", portal.own.browser("member")
    assert "This field is required" in browser.post(path, {"reason": " "}).content.decode()
    assert browser.post(path, {"reason": "We write about shoes"}).status_code == 302
    asked = Approval.objects.get(offer=number, partner=portal.own.partner)
    assert (asked.status, asked.reason) == ("requested", "We write about shoes")
    page = browser.get(path).content.decode()
    assert "Your request waits" in page and "Send request" not in page
    assert "1 request waits for an answer" in browser.get("/portal/").content.decode()
    assert "has asked for offer" in browser.post(path, {"reason": "again"}, follow=True).content.decode()
    assert portal.own.browser("finance").post(path, {"reason": "x"}).status_code == 403
    with acting(BOSS):
        decide_access(BOSS, number, portal.own.partner.number, "rejected", "alienmark reason for colleagues")
    page = browser.get(path).content.decode()
    assert "Your request was rejected" in page and "alienmark" not in page
    private = f"/portal/offers/{portal.offers['private'].number}/"
    assert browser.post(private, {"reason": "let me in"}).status_code == 404


def test_the_profile_is_changed_by_owners_and_administrators(portal: Portal) -> None:
    values = {"name": "ownmark New", "email": "new@ownmark.example", "company": "ownmark Ltd", "country": "FR",
              "website": "https://ownmark.example/", "language": "fr", "traffic_sources": "blog, mail"}  # fmt: skip
    assert portal.own.browser("admin").post("/portal/profile/", {**values, "status": "active"}).status_code == 302
    row = Partner.objects.get(pk=portal.own.partner.pk)
    assert (row.name, row.country, row.traffic_sources) == ("ownmark New", "FR", ["blog", "mail"])
    answer = portal.own.browser().post("/portal/profile/", {**values, "country": "france", "website": "x"})
    assert {*answer.context["form"].errors} == {"country", "website"}
    assert portal.own.browser("member").post("/portal/profile/", values).status_code == 403
    assert "cl-portal-form" not in portal.own.browser("member").get("/portal/profile/").content.decode()


def test_people_are_invited_and_invitations_withdrawn(portal: Portal) -> None:
    browser = portal.own.browser("admin")
    sent = browser.post("/portal/people/", {"email": "new@ownmark.example", "role": "member"})
    assert sent.status_code == 302
    invitation = Invitation.objects.get()
    assert (invitation.partner_id, invitation.role) == (portal.own.partner.number, "member")
    assert OutgoingMail.objects.latest("created").recipients == ["new@ownmark.example"]
    assert "new@ownmark.example" in browser.get("/portal/people/").content.decode()
    assert portal.foreign.browser().post("/portal/people/", {"revoke": str(invitation.pk)}).status_code == 302
    invitation.refresh_from_db()
    assert invitation.revoked is None, "it is another partner's"
    assert browser.post("/portal/people/", {"revoke": "x"}).status_code == 404
    browser.post("/portal/people/", {"revoke": str(invitation.pk)})
    invitation.refresh_from_db()
    assert invitation.revoked is not None
    refused = browser.post("/portal/people/", {"email": "x@ownmark.example", "role": "owner"})
    assert "role" in refused.context["form"].errors and Invitation.objects.count() == 1


def test_roles_are_changed_and_people_removed(portal: Portal) -> None:
    seats = {role: portal.own.people[role].seats.get() for role in PartnerRole.values}
    owner, admin = portal.own.browser("owner"), portal.own.browser("admin")
    assert admin.post(f"/portal/people/{seats['member'].pk}/", {"role": "finance"}).status_code == 302
    assert Seat.objects.get(pk=seats["member"].pk).role == "finance"
    for values in ({"role": "member"}, {"remove": "1"}):
        assert "owner" in admin.post(f"/portal/people/{seats['owner'].pk}/", values, follow=True).content.decode()
        page = owner.post(f"/portal/people/{seats['owner'].pk}/", values, follow=True).content.decode()
        assert "The last owner stays" in page and Seat.objects.get(pk=seats["owner"].pk).role == "owner"
    admin.post(f"/portal/people/{seats['read_only'].pk}/", {"role": "owner"})
    assert Seat.objects.get(pk=seats["read_only"].pk).role == "read_only", "only an owner makes owners"
    reader = portal.own.browser("read_only")
    assert reader.get("/portal/").status_code == 200
    assert owner.post(f"/portal/people/{seats['read_only'].pk}/", {"remove": "1"}).status_code == 302
    assert reader.get("/portal/").status_code == 403, "at once"
    foreign = portal.foreign.people["member"].seats.get()
    assert owner.post(f"/portal/people/{foreign.pk}/", {"remove": "1"}).status_code == 404
    assert Seat.objects.filter(pk=foreign.pk).exists()


def test_the_portal_is_installed_under_the_name_of_the_program(portal: Portal) -> None:
    browser = portal.own.browser("member")
    page = browser.get("/portal/").content.decode()
    assert '<link rel="manifest" href="/portal/manifest.webmanifest" crossorigin="use-credentials">' in page
    answer = browser.get("/portal/manifest.webmanifest")
    assert answer["Content-Type"] == "application/manifest+json"
    manifest = answer.json()
    assert manifest["start_url"] == "/portal/" and manifest["display"] == "standalone" and manifest["name"]
    for icon in manifest["icons"]:
        assert icon["src"].startswith("/static/ui/") and (BUILT / icon["src"].rpartition("/")[2]).is_file()


def test_the_first_page_refreshes_its_tiles_alone(portal: Portal) -> None:
    part = portal.own.browser().get("/portal/", headers={"Clew-Refresh": "1"}).content.decode()
    assert 'id="figures"' in part and "<html" not in part and "ownmark" not in part


def test_pages_ask_the_database_a_bounded_number_of_questions(portal: Portal) -> None:
    """More links and offers add none."""
    number = portal.own.partner.number
    with acting(BOSS):
        offers = [create_offer(BOSS, {"name": f"hats {n}", "landing_url": LANDING}, "active") for n in range(12)]
        create_links(BOSS, [{"offer": offer.number, "partner": number} for offer in offers for _ in range(3)])
    browser = portal.own.browser()
    for path, most in QUERIES_MAX.items():
        browser.get(path)
        with CaptureQueriesContext(connection) as found:
            assert browser.get(path).status_code == 200
        assert len(found) <= most, (path, [query["sql"][:120] for query in found])
