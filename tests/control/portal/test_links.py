"""Links in the portal: made one by one and many at once, paused, and what of them is refused. Without JavaScript."""

import pytest

from control.audit.models import AuditEvent
from control.portal.forms import BULK_LINKS_MAX
from control.portal.links import deep_link, qr_svg
from control.program.models import Link, Offer
from tests.control.portal.installation import Portal

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


def test_a_link_to_a_page_of_its_own(portal: Portal) -> None:
    browser, offer = portal.own.browser("member"), portal.offers["open"].number
    values = {"offer": offer, "landing_url": "https://shop.example/red?size=9#top", "code": "red-shoes", "sub1": "blog"}
    made = browser.post("/portal/links/new/", values)
    assert made["Location"] == "/portal/links/at/red-shoes/?new=1"
    link = Link.objects.get(code="red-shoes")
    assert link.partner_id == portal.own.partner.number and link.subs == {"sub1": "blog"}
    assert link.landing_url == "https://shop.example/red?size=9&cid={click_id}#top", "the click id goes along"
    page = browser.get(made["Location"]).content.decode()
    assert "/c/red-shoes" in page and "<svg" in page and "Your link is ready" in page
    event = AuditEvent.objects.filter(object_type="program.link").latest("pk")
    assert (event.action, event.partner) == ("created", portal.own.partner.number)
    listed = browser.get("/portal/links/?q=red-").content.decode()
    assert "red-shoes" in listed and "ownmark-link" not in listed


@pytest.mark.parametrize(
    ("field", "values", "message"),
    [
        ("landing_url", {"landing_url": "https://evil.example/"}, "allowed"),
        ("landing_url", {"landing_url": "javascript:alert(1)"}, "http"),
        ("code", {"code": "no spaces"}, "must be 1 to 128"),
        ("code", {"code": "alienmark-link"}, "taken"),
        ("offer", {"offer": "private"}, "Select a valid choice"),
        ("offer", {"offer": "approval"}, "Select a valid choice"),
        ("offer", {"offer": "draft"}, "Select a valid choice"),
    ],
)
def test_wrong_links_are_refused_next_to_the_field(
    portal: Portal, field: str, values: dict[str, str], message: str
) -> None:
    given = {**values, "offer": portal.offers[values.get("offer", "open")].number}
    before = Link.objects.count()
    answer = portal.own.browser().post("/portal/links/new/", given)
    assert answer.status_code == 200 and Link.objects.count() == before
    assert any(message in str(text) for text in answer.context["form"].errors[field]), answer.context["form"].errors


def test_links_of_several_pages(portal: Portal) -> None:
    browser, offer = portal.own.browser(), portal.offers["open"].number
    pages = "https://shop.example/a\n\nhttps://shop.example/b\r\nhttps://shop.example/a\n"
    made = browser.post("/portal/links/several/", {"offer": offer, "pages": pages, "sub1": "mail"})
    assert made.status_code == 302
    found = Link.objects.filter(landing_url__startswith="https://shop.example/").order_by("id")
    assert [link.landing_url for link in found] == [f"https://shop.example/{x}?cid={{click_id}}" for x in "ab"]
    shown = browser.get(made["Location"]).content.decode()
    assert all(f"/c/{link.code}" in shown for link in found)
    assert "/c/alienmark" not in browser.get("/portal/links/made/?code=alienmark-link").content.decode()

    count = Link.objects.count()
    wrong = f"https://shop.example/c\nhttps://evil.example/\n{'ftp://x.example'}"
    answer = browser.post("/portal/links/several/", {"offer": offer, "pages": wrong})
    errors = [str(text) for text in answer.context["form"].errors["pages"]]
    assert [text[:2] for text in errors] == ["2:", "3:"] and Link.objects.count() == count, "all or none"
    many = "\n".join(f"https://shop.example/{number}" for number in range(BULK_LINKS_MAX + 1))
    answer = browser.post("/portal/links/several/", {"offer": offer, "pages": many})
    assert "more than 200" in str(answer.context["form"].errors["pages"]) and Link.objects.count() == count


def test_a_link_is_paused_and_counts_again(portal: Portal) -> None:
    browser, path = portal.own.browser("member"), f"/portal/links/at/{portal.own.link.code}/"
    for status in ("inactive", "active"):
        assert browser.post(path, {"status": status})["Location"] == path
        assert Link.objects.get(code=portal.own.link.code).status == status
    assert "must be one of" in browser.post(path, {"status": "x"}, follow=True).content.decode()
    reader = portal.own.browser("read_only")
    assert 'value="inactive"' not in reader.get(path).content.decode()
    assert reader.post(path, {"status": "inactive"}).status_code == 403
    assert Link.objects.get(code=portal.own.link.code).status == "active"


def test_deep_links_keep_what_the_offer_needs(database: object) -> None:
    offer = Offer(landing_url="https://shop.example/?cid={click_id}&lang=en&p={partner_id}#x")
    page = "https://shop.example/a"
    assert deep_link(offer, page) == f"{page}?cid={{click_id}}&p={{partner_id}}"
    assert deep_link(offer, f"{page}?p=1#f") == f"{page}?p=1&cid={{click_id}}#f"
    assert deep_link(offer, f"{page}?cid=&p=") == f"{page}?cid=&p="
    assert deep_link(Offer(landing_url="https://shop.example/"), page) == page
    svg = qr_svg("https://x.example/c/a", '"><script>')
    assert "<script" not in svg and svg.count("<path") == 1
