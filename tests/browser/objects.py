"""Every page of the console with an object to show: a process that makes the objects and prints the addresses.

`python -m tests.browser.objects DATA EMAIL` prints a JSON object: addresses by the name of the page. It goes through
the URL conf, so a new page fails the test until it has an entry here.
"""

import json
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

EXEMPT = {
    "console_lookup_partners": "answers options for a field of another page",
    "console_lookup_goals": "answers options for a field of another page",
    "console_health_line": "answers a line of the home page",
    "console_import_errors": "answers a file",
    "console_application_file": "answers a file",
    "console_export_file": "answers a file",
    "console_contract_pdf": "answers a file",
    "account_view_as_end": "takes a form",
    "account_session_end": "takes a form",
    "account_identity_remove": "takes a form",
    "account_oidc": "leads to a provider; test_single_sign_on has what it may say",
    "account_oidc_callback": "leads on; test_single_sign_on has what it may say",
    "account_second_factor": "leads on for people who need no second factor; test_account has it",
}
"""Addresses that are no pages."""


def pages(email: str) -> dict[str, str]:
    """Return the addresses of all pages by name. Raises AssertionError for a page that nobody has thought of."""
    from django.urls import URLPattern, reverse

    from control.accounts import urls as accounts
    from control.console import urls
    from control.modules.config import console_patterns

    arguments, found = _objects(email), {}
    of_accounts = [pattern for pattern in accounts.urlpatterns if isinstance(pattern, URLPattern)]  # without allauth's
    for pattern in (*urls.urlpatterns, *console_patterns(), *of_accounts):
        assert isinstance(pattern, URLPattern) and pattern.name is not None
        if pattern.name in EXEMPT:
            continue
        wanted = len(pattern.pattern.converters)
        given = arguments.pop(pattern.name, [])
        assert len(given) == wanted, f"{pattern.name} takes {wanted} values: give it an object here, or exempt it"
        found[pattern.name] = reverse(pattern.name, args=given)
    assert not arguments, f"there are no pages {[*arguments]}"
    return found


def _objects(email: str) -> dict[str, list[Any]]:
    """Make an object of each kind; return the values that addresses of pages need."""
    from django.utils import timezone

    from control.accounts.actor import command_line
    from control.accounts.invitations import invite
    from control.accounts.keys import make_key
    from control.accounts.models import User
    from control.accounts.people import add_operator
    from control.accounts.sign_in_links import make_sign_in_link
    from control.audit.models import AuditEvent
    from control.console.models import BulkChange, SavedView
    from control.contracts.services import send_contract
    from control.contracts.templates import create_template, publish_version
    from control.imports.services import upload
    from control.jobs.models import Job, JobState
    from control.leads.services import create_leads, route
    from control.partners.services import create_partner
    from control.territories.services import create_territory
    from control.webhooks.services import create_webhook, send_test

    boss, walker = command_line(), User.objects.get(email=email)
    partner = create_partner(boss, {"name": "Old Harbour"}, "active")
    territory = create_territory(boss, {"name": "Harbours", "rules": {"postal": ["20000-20999"]}}, {partner.number: 1})
    create_territory(boss, {"name": "North", "rules": {"postal": ["2*"]}}, {})
    text: dict[str, object] = {"texts": {"en": "# Terms\n\n{{ company }} sends *people*."}, "term_months": 12}
    text["variables"] = [{"name": "company", "label": "Company", "type": "text", "default": "Old Harbour"}]
    publish_version(boss, create_template(boss, {"code": "terms", "name": "Terms"}, text).pk)
    contract = send_contract(boss, partner.number, "terms").pk
    (lead,) = create_leads(boss, [{"company": "Quay Ltd", "postal": "20457", "consent": True}])
    lead = route(boss, lead.pk, timezone.now())
    webhook = create_webhook(boss, {"url": "https://crm.example/", "events": ["*"]})[0].pk
    delivery = send_test(boss, webhook).pk
    tokens: list[str] = []
    invitation = invite(boss, "ivy@acme.example", "support", None, lambda token: f"https://x/{tokens.append(token)}")
    person = add_operator(boss, "uma@acme.example", "support", "Uma Under")
    made = upload(boss, "partners", "partners.csv", [b"name,country\nGreen Field,DE\n"])
    job = Job.objects.create(task="mail.send", state=JobState.DEAD, attempts=10, error="Boom: no mail")
    bulk = BulkChange.objects.create(user=walker, list_key="partners", action="tag", state="done")
    SavedView.objects.create(user=walker, list_key="partners", name="Germans", query="country=DE&q=a")
    event = AuditEvent.objects.latest("pk")
    person_pages = ("", "_sessions", "_second_factor", "_view_as", "_switch")
    return {
        **_program(partner), **_applications(),
        **{f"console_user{name}": [person.pk] for name in person_pages},
        "console_user_identity": [person.pk, uuid4()], "accept_invitation": tokens,
        "account_sign_in_link": make_sign_in_link(boss, person.email).strip("/").split("/")[2:],
        "console_partner": [partner.number], "console_partner_edit": [partner.number],
        "console_partner_history": [partner.number], "console_partner_invite": [partner.number],
        "console_partner_move": [partner.number, "offboarded"], "console_conversion": ["0" * 32],
        "console_territory": [territory.pk], "console_contract": [contract],
        "console_contract_act": [contract, "withdraw"],
        "console_partner_note": [partner.number],
        "console_lead": [lead.pk],
        "console_module_switch": ["webhooks"],
        "console_mail_template": ["invitation", "en"], "console_bulk": [bulk.pk], "console_audit_event": [event.pk],
        "console_rejected_reason": ["malformed"], "console_invitation": [invitation.pk],
        "console_import": [made.pk], "console_import_columns": [made.pk],
        "console_export_new": ["partners", "csv"], "console_job": [job.pk], "console_job_replay": [job.pk],
        "console_key_revoke": [make_key(boss, "shop", "read")[0].pk],
        "console_webhook": [webhook], "console_webhook_edit": [webhook], "console_webhook_replay": [webhook],
        "console_webhook_delivery": [webhook, delivery], "console_webhook_act": [webhook, "delete"],
    }  # fmt: skip


def _applications() -> dict[str, list[Any]]:
    """Make an application with its form and a rule."""
    from control.accounts.actor import command_line
    from control.applications.auto_rules import create_rule, dry_run
    from tests.control.applications.sample import SCORE_RULE, applied

    application = applied()
    rule = create_rule(command_line(), application.form_id, SCORE_RULE)
    dry_run(command_line(), rule.pk)
    form = application.form_id
    return {
        "console_application": [application.pk], "console_application_act": [application.pk, "reject"],
        "console_application_form": [form], "console_application_form_edit": [form],
        "console_application_form_preview": [form], "console_application_field_new": [form],
        "console_application_field": [form, "site"], "console_application_rule_new": [form],
        "console_application_rule": [rule.pk], "console_application_rule_edit": [rule.pk],
    }  # fmt: skip


def _program(partner: Any) -> Mapping[str, list[Any]]:
    """Make a published offer with all that belongs to it, a draft, a request to publish it, and a later change."""
    from django.utils import timezone

    from control.accounts.actor import command_line
    from control.program.publishing import publish
    from control.program.services.approvals import request_access
    from control.program.services.links import create_link
    from control.program.services.offers import create_offer
    from control.program.services.publish_requests import ask_to_publish
    from control.program.services.terms_rows import create_coupon, create_plan
    from control.scheduled.services import schedule_status

    boss, landing = command_line(), "https://shop.example/?cid={click_id}"
    offer = create_offer(boss, {"name": "Hats", "landing_url": landing, "access": "approval"}, "active")
    own = {"landing_url": f"{landing}&s={{sub1}}", "subs": {"sub1": "newsletter"}}
    link = create_link(boss, offer.number, partner.number, "harbour-hats", **own).code
    plan = create_plan(boss, {"offer": offer, "percent_e6": 8_000_000})
    coupon = create_coupon(boss, {"code": "HARBOUR10", "partner": partner, "offer": offer})
    approval = request_access(boss, offer.number, partner.number, "We write about hats")
    seq = publish(boss, "Hats").seq
    create_plan(boss, {"offer": offer, "percent_e6": 9_000_000})
    request = ask_to_publish(boss)
    change = schedule_status(boss, "partner", str(partner.number), "dormant", timezone.now() + timedelta(days=30))
    return {
        "console_offer": [offer.number], "console_offer_edit": [offer.number], "console_offer_secret": [offer.number],
        "console_offer_move": [offer.number, "paused"], "console_plan": [plan.pk], "console_plan_edit": [plan.pk],
        "console_coupon": [coupon.pk], "console_approval": [approval.pk], "console_publish_request": [request.pk],
        "console_scheduled_change": [change.pk], "console_version": [seq], "console_rollback": [seq],
        "console_rollback_ask": [seq], "console_link": [link], "console_link_edit": [link],
    }  # fmt: skip


def main() -> None:
    from control.address import SqliteFile
    from control.audit.origin import ActorKind, Origin, acting
    from control.configuration import Configuration, secret_key
    from control.start import start_django
    from runtime.settings import load_settings

    data, settings = Path(sys.argv[1]), load_settings()
    start_django(Configuration(SqliteFile(data / "control.sqlite"), settings, secret_key(data, settings)))
    with acting(Origin(ActorKind.COMMAND, name="test")):
        found = pages(sys.argv[2])
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
