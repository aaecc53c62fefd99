"""A row for each page of the console that shows an object, and the addresses of these pages."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

from django.urls import reverse
from django.utils import timezone

from control.accounts.actor import command_line
from control.applications.auto_rules import create_rule
from control.applications.models import Application, AutoRule
from control.audit.models import AuditEvent
from control.audit.origin import acting
from control.contracts.models import Contract
from control.contracts.services import accept, send_contract
from control.imports.models import Import
from control.imports.services import upload
from control.leads.models import Lead
from control.leads.services import create_leads, offer_to
from control.partners.models import Partner
from control.partners.states import PartnerStatus
from control.program.models import PublishRequest
from control.program.services.publish_requests import ask_to_publish
from control.program.services.terms_rows import create_plan
from control.scheduled.models import ScheduledChange
from control.scheduled.services import schedule_status
from control.territories.services import create_territory
from control.webhooks.models import Delivery
from control.webhooks.services import create_webhook, send_test
from tests.control.applications.sample import SCORE_RULE, applied
from tests.control.console.installation import Console, filled_console
from tests.control.contracts.sample import person, published, signature

BOSS = command_line()


@dataclass
class Rows:
    """Rows of which there are pages."""

    console: Console
    event: AuditEvent
    delivery: Delivery
    upload: Import
    asked: PublishRequest
    later: ScheduledChange
    application: Application
    rule: AutoRule
    contract: Contract


def filled_rows() -> Rows:
    """Make an installation with a row for each page of an object."""
    console = filled_console()
    console.publish_program()
    return rows_of(console)


def rows_of(console: Console) -> Rows:
    """Make a row for each page of an object of an installation whose program is published."""
    assert console.offer and console.own
    event = AuditEvent.objects.filter(object_type="partners.partner").first()
    assert event is not None
    webhook, _ = create_webhook(BOSS, {"url": "https://crm.example/", "events": ["*"]})
    made = upload(console.actor("partner_manager"), "partners", "a.csv", [b"name\nBlue\n"])
    create_plan(BOSS, {"offer": console.offer, "percent_e6": 9_000_000})
    for partner in (console.own, console.foreign):
        assert partner
        create_territory(BOSS, {"name": f"Land of {partner}", "rules": {"countries": ["DE"]}}, {partner.number: 1})
        (lead,) = create_leads(BOSS, [{"company": f"Customer of {partner}", "consent": True}])
        if Partner.objects.get(pk=partner.pk).status == PartnerStatus.ACTIVE:
            offer_to(BOSS, lead.pk, partner.number, timezone.now())
        else:  # it was suspended while the lead was offered to it
            with acting(BOSS):
                Lead.objects.filter(pk=lead.pk).update(offered_to=partner)
    tomorrow = timezone.now() + timedelta(days=1)
    later = schedule_status(BOSS, "partner", str(console.own.number), "dormant", tomorrow)
    application = applied()
    rule = create_rule(BOSS, application.form_id, SCORE_RULE)
    test = send_test(BOSS, webhook.pk)
    return Rows(console, event, test, made, ask_to_publish(BOSS), later, application, rule, _contract(console.own))


def _contract(partner: Partner) -> Contract:
    """Return a contract that a partner has accepted."""
    version = published("terms")
    ana = person(partner)
    sent = send_contract(BOSS, partner.number, version.template.code)
    return accept(ana, sent.pk, signature(sent))


def paths_of(rows: Rows, partner: Partner, names: Iterable[str]) -> dict[str, str]:
    """Return the addresses of pages, by name; those of one partner are of the given one."""
    console, test, made, asked, later, event = (
        rows.console, rows.delivery, rows.upload, rows.asked, rows.later, rows.event
    )  # fmt: skip
    assert console.job and console.key and console.bulk and console.invitation
    assert console.offer and console.link and console.plan and console.coupon and console.approval
    arguments: dict[str, list[object]] = {
        "console_application": [rows.application.pk],
        "console_application_act": [rows.application.pk, "ask"],
        "console_application_file": [rows.application.pk, rows.application.answers["proof"]["file"]],
        **{f"console_application_form{end}": [rows.application.form_id] for end in ("", "_edit", "_preview")},
        "console_application_field_new": [rows.application.form_id],
        "console_application_field": [rows.application.form_id, "site"],
        "console_application_rule_new": [rows.application.form_id],
        "console_application_rule": [rows.rule.pk],
        "console_application_rule_edit": [rows.rule.pk],
        "console_contract": [rows.contract.pk],
        "console_contract_pdf": [rows.contract.pk],
        "console_contract_act": [rows.contract.pk, "terminate"],
        "console_lead": [Lead.objects.get(offered_to=partner).pk],
        "console_territory": [partner.territories.get().territory_id],
        "console_publish_request": [asked.pk],
        "console_rollback_ask": [1],
        "console_scheduled_change": [later.pk],
        "console_import": [made.pk],
        "console_import_columns": [made.pk],
        "console_import_errors": [made.pk],
        "console_module_switch": ["webhooks"],
        "console_mail_template": ["invitation", "en"],
        "console_webhook": [test.webhook_id],
        "console_webhook_edit": [test.webhook_id],
        "console_webhook_delivery": [test.webhook_id, test.pk],
        "console_webhook_act": [test.webhook_id, "pause"],
        "console_webhook_replay": [test.webhook_id],
        "console_partner": [partner.number],
        "console_partner_edit": [partner.number],
        "console_partner_history": [partner.number],
        "console_partner_move": [partner.number, "suspended"],
        "console_partner_note": [partner.number],
        "console_partner_invite": [partner.number],
        "console_invitation": [console.invitation.pk],
        "console_user_sessions": [console.people["support"].pk],
        "console_user_view_as": [console.people["support"].pk],
        "console_user_second_factor": [console.people["support"].pk],
        "console_user_identity": [console.people["support"].pk, uuid4()],
        "console_offer": [console.offer.number],
        "console_conversion": ["0" * 32],
        "console_offer_edit": [console.offer.number],
        "console_offer_secret": [console.offer.number],
        "console_offer_move": [console.offer.number, "paused"],
        "console_plan": [console.plan.pk],
        "console_plan_edit": [console.plan.pk],
        "console_coupon": [console.coupon.pk],
        "console_link": [console.link.code],
        "console_link_edit": [console.link.code],
        "console_approval": [console.approval.pk],
        "console_version": [1],
        "console_rollback": [1],
        "console_rejected_reason": ["malformed"],
        "console_audit_event": [event.pk],
        "console_export_new": ["partners", "csv"],
        "console_export_file": [uuid4()],
        "console_job": [console.job.pk],
        "console_job_replay": [console.job.pk],
        "console_user": [console.people["support"].pk],
        "console_user_switch": [console.people["support"].pk],
        "console_key_revoke": [console.key.pk],
        "console_bulk": [console.bulk.pk],
    }
    return {name: reverse(name, args=arguments.get(name, [])) for name in names}
