"""Rights of pages: every role and every page of the console, with own objects and with those of others."""

import pytest
from django.test import Client
from django.urls import URLPattern, reverse

from control.accounts.actor import command_line
from control.accounts.roles import Role
from control.audit.models import AuditEvent
from control.console import urls
from control.console.models import BulkChange
from control.modules.config import console_patterns
from tests.control.console.installation import Console
from tests.control.console.rows import Rows, paths_of

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

BOSS = command_line()
EVERYBODY = {*Role.values}
LEADERS = {"owner", "admin"}
WRITERS = LEADERS | {"partner_manager"}
SEE_PEOPLE = EVERYBODY - {"analyst", "read_only"}
SEE_JOBS = EVERYBODY - {"analyst", "read_only"}
PAGES: dict[str, set[str]] = {
    "console_home": EVERYBODY,
    "console_search": EVERYBODY,
    "console_lookup_partners": EVERYBODY,
    "console_lookup_goals": EVERYBODY,
    "console_settings": LEADERS,
    "console_reports": EVERYBODY,
    "console_conversions": EVERYBODY,
    "console_conversion": EVERYBODY,
    "console_program_settings": LEADERS,
    "console_partner_settings": LEADERS,
    "console_mail_templates": LEADERS,
    "console_mail_template": LEADERS,
    "console_modules": LEADERS,
    "console_module_switch": LEADERS,
    "console_installation": LEADERS,
    "console_applications": SEE_PEOPLE,
    "console_application": SEE_PEOPLE,
    "console_application_act": WRITERS,
    "console_application_file": SEE_PEOPLE,
    "console_application_forms": EVERYBODY,
    "console_application_form_new": WRITERS,
    "console_application_form": EVERYBODY,
    "console_application_form_edit": WRITERS,
    "console_application_form_preview": EVERYBODY,
    "console_application_field_new": WRITERS,
    "console_application_field": WRITERS,
    "console_application_rule_new": WRITERS,
    "console_application_rule": WRITERS,
    "console_application_rule_edit": WRITERS,
    "console_bulk": {"owner"},  # the one who made the change
    "console_partners": EVERYBODY,
    "console_partner_new": WRITERS,
    "console_partner": EVERYBODY,
    "console_partner_edit": WRITERS,
    "console_partner_history": SEE_PEOPLE,
    "console_partner_move": WRITERS,
    "console_offers": EVERYBODY,
    "console_offer": EVERYBODY,
    "console_offer_new": WRITERS,
    "console_offer_edit": WRITERS,
    "console_offer_move": WRITERS,
    "console_offer_secret": LEADERS,
    "console_links": EVERYBODY,
    "console_link_new": WRITERS,
    "console_link": EVERYBODY,
    "console_link_edit": WRITERS,
    "console_plans": EVERYBODY,
    "console_plan": EVERYBODY,
    "console_plan_new": WRITERS,
    "console_plan_edit": WRITERS,
    "console_coupons": EVERYBODY,
    "console_coupon": EVERYBODY,
    "console_coupon_new": WRITERS,
    "console_approvals": EVERYBODY,
    "console_approval_new": WRITERS,
    "console_approval": WRITERS,
    "console_publish": EVERYBODY,
    "console_publish_requests": EVERYBODY,
    "console_publish_request": EVERYBODY,
    "console_rollback_ask": WRITERS,
    "console_scheduled": EVERYBODY,
    "console_scheduled_change": EVERYBODY,
    "console_versions": EVERYBODY,
    "console_version": EVERYBODY,
    "console_rollback": LEADERS,
    "console_hits": EVERYBODY,
    "console_rejected": EVERYBODY,
    "console_rejected_reason": EVERYBODY,
    "console_problems": EVERYBODY,
    "console_postbacks": EVERYBODY,
    "console_health": EVERYBODY,
    "console_health_line": EVERYBODY,
    "console_audit": LEADERS,
    "console_audit_event": LEADERS,
    "console_imports": WRITERS,
    "console_import_new": WRITERS,
    "console_import": WRITERS,
    "console_import_columns": WRITERS,
    "console_import_errors": WRITERS,
    "console_exports": EVERYBODY,
    "console_export_new": EVERYBODY,
    "console_export_file": set(),  # for who asked for it: test_export_pages.py
    "console_jobs": SEE_JOBS,
    "console_job": SEE_JOBS,
    "console_job_replay": LEADERS,
    "console_people": LEADERS,
    "console_invite": LEADERS,
    "console_invitations": LEADERS,
    "console_invitation": LEADERS,
    "console_partner_invite": LEADERS,
    "console_user_sessions": LEADERS,
    "console_user_view_as": LEADERS,
    "console_user_second_factor": LEADERS,
    "console_user_identity": LEADERS,
    "console_user": LEADERS,
    "console_user_switch": LEADERS,
    "console_webhooks": LEADERS,
    "console_webhook_new": LEADERS,
    "console_webhook_deliveries": LEADERS,
    "console_webhook": LEADERS,
    "console_webhook_edit": LEADERS,
    "console_webhook_delivery": LEADERS,
    "console_webhook_act": LEADERS,
    "console_webhook_replay": LEADERS,
    "console_keys": LEADERS,
    "console_key_new": LEADERS,
    "console_key_revoke": LEADERS,
    **dict.fromkeys(("console_contracts", "console_contract", "console_contract_pdf"), WRITERS | {"finance"}),
    "console_contract_new": WRITERS,
    "console_contract_act": LEADERS,
    "console_leads": EVERYBODY,
    "console_lead_new": WRITERS,
    "console_lead_routing": WRITERS,
    "console_lead_preview": WRITERS,
    "console_lead": EVERYBODY,
    "console_territories": EVERYBODY,
    "console_territory_new": WRITERS,
    "console_territory_test": EVERYBODY,
    "console_territory": WRITERS,
    "console_partner_note": WRITERS,
}
"""Roles that may open a page. A page that is not here fails the first test."""
FOREIGN = {
    "console_partner", "console_partner_edit", "console_partner_history", "console_partner_move", "console_territory",
    "console_partner_note",
    "console_lead",
}  # fmt: skip
"""Pages of one partner: a manager sees only the own ones."""


def names() -> set[str]:
    entries = [*urls.urlpatterns, *console_patterns()]
    return {str(entry.name) for entry in entries if isinstance(entry, URLPattern)}


@pytest.fixture
def paths(page_rows: Rows) -> dict[str, str]:
    """Addresses of the pages, by name; those of one partner are of the manager's own."""
    assert page_rows.console.own
    return paths_of(page_rows, page_rows.console.own, [*PAGES])


def test_every_page_has_an_entry(database: object) -> None:
    assert names() == {*PAGES}


@pytest.mark.parametrize("role", Role.values)
def test_pages_open_for_the_right_roles(console: Console, paths: dict[str, str], role: str) -> None:
    browser = console.browser(role)
    for name, allowed in PAGES.items():
        status = browser.get(paths[name]).status_code
        refused = 404 if name in ("console_bulk", "console_export_file", "console_partner_history") else 403
        assert status == (200 if role in allowed else refused), (role, name, status)


@pytest.mark.parametrize("role", Role.values)
def test_refused_pages_take_no_post(console: Console, paths: dict[str, str], role: str) -> None:
    browser = console.browser(role)
    before = AuditEvent.objects.count()
    for name, allowed in PAGES.items():
        if role not in allowed:
            assert browser.post(paths[name], {"name": "x", "sure": "1"}).status_code in (403, 404)
    assert AuditEvent.objects.count() == before


def test_partners_of_others_are_not_there_for_a_manager(
    console: Console, page_rows: Rows, paths: dict[str, str]
) -> None:
    browser = console.browser("partner_manager")
    assert console.foreign is not None
    foreign = paths_of(page_rows, console.foreign, FOREIGN)
    for name in FOREIGN:
        assert browser.get(paths[name]).status_code == 200
        assert browser.get(foreign[name]).status_code == 404
        assert browser.post(foreign[name], {"name": "Mine", "reason": "x"}).status_code == 404
    page = browser.get("/console/partners/").content.decode()
    assert "Blue Lagoon" in page and "Red Rock" not in page
    assert "Red Rock" not in browser.get("/console/partners/?export=csv").getvalue().decode()
    assert "Red Rock" not in browser.get("/console/search/?q=rock").content.decode()
    number = console.foreign.number
    asked = browser.post("/console/partners/", {"do": "tag", "row": [number], "sure": "1", "tag": "mine"})
    assert asked.status_code == 302
    console.foreign.refresh_from_db()
    assert (console.foreign.status, console.foreign.tags) == ("active", [])


@pytest.mark.parametrize("role", ["analyst", "read_only"])
def test_personal_data_is_hidden(console: Console, role: str) -> None:
    browser = console.browser(role)
    assert console.own is not None
    pages = [
        "/console/",
        "/console/partners/?columns=name,email,company,website",
        "/console/search/?q=lagoon",
        f"/console/partners/{console.own.number}/",
    ]
    for address in pages:
        page = browser.get(address).content.decode()
        assert "team@lagoon.example" not in page and "Lagoon GmbH" not in page and "DE-secret" not in page, address
    exported = browser.get("/console/partners/?export=csv&columns=name,email,company").getvalue().decode()
    assert "Blue Lagoon" in exported and "lagoon.example" not in exported
    assert "Blue Lagoon" not in browser.get("/console/partners/?q=team@lagoon").content.decode()


def test_changes_of_many_rows_belong_to_one_person(console: Console) -> None:
    bulk = BulkChange.objects.create(user=console.people["admin"], list_key="partners", action="tag", state="done")
    browser = console.browser("owner")
    assert browser.get(reverse("console_bulk", args=[bulk.pk])).status_code == 404
    assert browser.post(reverse("console_bulk", args=[bulk.pk])).status_code == 404


def test_people_without_a_role_are_refused(console: Console, paths: dict[str, str]) -> None:
    browser = console.browser(None)
    for name in PAGES:
        assert browser.get(paths[name]).status_code == 403


def test_visitors_are_sent_to_the_sign_in_page_and_back(paths: dict[str, str], client: Client) -> None:
    for address in paths.values():
        answer = client.get(address)
        assert (answer.status_code, answer["Location"]) == (302, f"/accounts/login/?next={address}")


def test_disabled_people_are_out_at_once(console: Console) -> None:
    browser = console.browser("support")
    assert browser.get("/console/").status_code == 200
    boss = console.browser("owner")
    assert boss.post(reverse("console_user_switch", args=[console.people["support"].pk])).status_code == 302
    assert browser.get("/console/").status_code == 302


def test_a_role_that_is_lowered_counts_for_the_next_request(console: Console) -> None:
    browser = console.browser("admin")
    assert browser.get("/console/people/").status_code == 200
    boss = console.browser("owner")
    address = reverse("console_user", args=[console.people["admin"].pk])
    assert boss.post(address, {"name": "Marc", "role": "analyst"}).status_code == 302
    assert browser.get("/console/people/").status_code == 403
