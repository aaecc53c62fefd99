"""Every endpoint of the API with a request to it, for tests that walk through all of them."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils import timezone

from control.accounts.roles import Action, Area


@dataclass(frozen=True)
class Endpoint:
    method: str
    path: str
    area: Area
    action: Action
    body: Any = None
    operators_only: bool = False
    done: frozenset[int] = frozenset({200, 201, 204})
    public: bool = False
    """True if it takes no key."""


NO_ENGINE = frozenset({503})
"""There is no engine here; tests/flow/test_console_figures.py has one, with own and foreign rows."""
ID = "0" * 32
PLAN = {"offer": "{offer_id}", "goal": "lead", "percent": "5"}
COUPON = {"code": "NEW", "offer": "{offer_id}", "partner": "{partner_id}"}
APPROVAL = {"offer": "{offer_id}", "partner": "{partner_id}", "status": "approved"}
LINK = {"items": [{"offer": "{offer_id}", "partner": "{partner_id}"}]}
LATER = {"kind": "publish", "at": (timezone.now() + timedelta(days=1)).isoformat()}
WHY = {"reason": "too much"}
CLOSED = frozenset({409})
"""The request of the test is withdrawn."""
NOTE = {"partner": "{partner_id}", "text": "Pays late."}
TERRITORY = {"name": "North", "rules": {"countries": ["DE"]}}
VERSION = {"texts": {"en": "Be fair."}}
TEMPLATE = {"code": "others", "name": "Others", "version": VERSION}
CONTRACT = {"partner": "{partner_id}", "template": "creators"}
SIGN = {"typed_name": "Ana", "authority": True, "sha256": "0"}
OFFER = {"name": "Hats", "landing_url": "https://hats.example/?cid={click_id}"}
ENDPOINTS = [
    Endpoint("GET", "/users", Area.PEOPLE, Action.READ),
    Endpoint("POST", "/users", Area.PEOPLE, Action.WRITE, {"email": "new@acme.example", "role": "support"}, True),
    Endpoint("GET", "/users/{user_id}", Area.PEOPLE, Action.READ),
    Endpoint("PATCH", "/users/{user_id}", Area.PEOPLE, Action.WRITE, {"name": "New name"}),
    Endpoint("GET", "/invitations", Area.PEOPLE, Action.READ),
    Endpoint("POST", "/invitations", Area.PEOPLE, Action.WRITE, {"email": "invited@acme.example", "role": "admin"}),
    Endpoint("GET", "/invitations/{invitation_id}", Area.PEOPLE, Action.READ),
    Endpoint("POST", "/invitations/{invitation_id}/resend", Area.PEOPLE, Action.WRITE),
    Endpoint("POST", "/invitations/{invitation_id}/revoke", Area.PEOPLE, Action.WRITE),
    Endpoint("GET", "/audit-events", Area.AUDIT, Action.READ),
    Endpoint("GET", "/audit-events/{event_id}", Area.AUDIT, Action.READ),
    Endpoint("GET", "/jobs", Area.JOBS, Action.READ),
    Endpoint("GET", "/jobs/{job_id}", Area.JOBS, Action.READ),
    Endpoint("POST", "/jobs/{job_id}/replay", Area.JOBS, Action.WRITE),
    Endpoint("GET", "/offers", Area.PROGRAM, Action.READ),
    Endpoint("POST", "/offers", Area.PROGRAM, Action.WRITE, OFFER, True),
    Endpoint("GET", "/offers/{offer_id}", Area.PROGRAM, Action.READ),
    Endpoint("PATCH", "/offers/{offer_id}", Area.PROGRAM, Action.WRITE, {"description": "New"}, True),
    Endpoint("POST", "/offers/{offer_id}/rotate-secret", Area.PROGRAM, Action.APPROVE, None, True),
    Endpoint("GET", "/links", Area.LINKS, Action.READ),
    Endpoint("POST", "/links", Area.LINKS, Action.WRITE, LINK),
    Endpoint("GET", "/links/{code}", Area.LINKS, Action.READ),
    Endpoint("PATCH", "/links/{code}", Area.LINKS, Action.WRITE, {"status": "inactive"}),
    Endpoint("GET", "/plans", Area.PROGRAM, Action.READ),
    Endpoint("POST", "/plans", Area.PROGRAM, Action.WRITE, PLAN, True),
    Endpoint("GET", "/plans/{plan_id}", Area.PROGRAM, Action.READ),
    Endpoint("PATCH", "/plans/{draft_id}", Area.PROGRAM, Action.WRITE, {"percent": "7"}, True),
    Endpoint("POST", "/plans/{plan_id}/end", Area.PROGRAM, Action.WRITE, None, True),
    Endpoint("DELETE", "/plans/{draft_id}", Area.PROGRAM, Action.WRITE, None, True),
    Endpoint("GET", "/coupons", Area.PROGRAM, Action.READ),
    Endpoint("POST", "/coupons", Area.PROGRAM, Action.WRITE, COUPON, True),
    Endpoint("GET", "/coupons/{coupon_id}", Area.PROGRAM, Action.READ),
    Endpoint("PATCH", "/coupons/{draft_coupon_id}", Area.PROGRAM, Action.WRITE, {"ends": None}, True),
    Endpoint("POST", "/coupons/{coupon_id}/end", Area.PROGRAM, Action.WRITE, None, True),
    Endpoint("DELETE", "/coupons/{draft_coupon_id}", Area.PROGRAM, Action.WRITE, None, True),
    Endpoint("GET", "/approvals", Area.PARTNERS, Action.READ),
    Endpoint("POST", "/approvals", Area.PARTNERS, Action.APPROVE, APPROVAL, True),
    Endpoint("GET", "/program-versions", Area.PROGRAM, Action.READ, None, True),
    Endpoint("GET", "/program-versions/{seq}", Area.PROGRAM, Action.READ, None, True),
    Endpoint("GET", "/program-versions/diff?old=1&new=1", Area.PROGRAM, Action.READ, None, True),
    Endpoint("POST", "/program-versions/publish", Area.PROGRAM, Action.APPROVE, {}, True),
    Endpoint("POST", "/program-versions/rollback", Area.PROGRAM, Action.APPROVE, {"seq": 1}, True),
    Endpoint("GET", "/publish-requests", Area.PROGRAM, Action.READ, None, True),
    Endpoint("GET", "/publish-requests/{request_id}", Area.PROGRAM, Action.READ, None, True),
    Endpoint("POST", "/publish-requests", Area.PROGRAM, Action.WRITE, {}, True, frozenset({201, 409})),
    Endpoint("POST", "/publish-requests/{request_id}/approve", Area.PROGRAM, Action.APPROVE, {}, True, CLOSED),
    Endpoint("POST", "/publish-requests/{request_id}/decline", Area.PROGRAM, Action.APPROVE, WHY, True, CLOSED),
    Endpoint("POST", "/publish-requests/{request_id}/withdraw", Area.PROGRAM, Action.WRITE, None, True, CLOSED),
    Endpoint("GET", "/scheduled-changes", Area.PROGRAM, Action.READ),
    Endpoint("POST", "/scheduled-changes", Area.PROGRAM, Action.APPROVE, LATER, True, frozenset({201, 409})),
    Endpoint("GET", "/scheduled-changes/{change_id}", Area.LINKS, Action.READ),
    Endpoint("POST", "/scheduled-changes/{change_id}/cancel", Area.LINKS, Action.WRITE),
    Endpoint("GET", "/search?q=blue", Area.PROGRAM, Action.READ),
    Endpoint("GET", "/reports/kpi", Area.REPORTS, Action.READ, None, False, NO_ENGINE),
    Endpoint("GET", "/balances", Area.REPORTS, Action.READ, None, False, NO_ENGINE),
    Endpoint("GET", "/conversions", Area.REPORTS, Action.READ, None, False, NO_ENGINE),
    Endpoint("GET", f"/conversions/{ID}", Area.REPORTS, Action.READ, None, False, NO_ENGINE),
    Endpoint("GET", f"/explanations/{ID}", Area.REPORTS, Action.READ, None, False, NO_ENGINE),
    Endpoint("GET", "/hits", Area.REPORTS, Action.READ, None, False, NO_ENGINE),
    Endpoint("GET", "/rejected-hits", Area.REPORTS, Action.READ, None, False, NO_ENGINE),
    Endpoint("GET", "/rejected-hits/malformed/examples", Area.REPORTS, Action.READ, None, False, NO_ENGINE),
    Endpoint("GET", "/problems", Area.REPORTS, Action.READ, None, True, NO_ENGINE),
    Endpoint("POST", "/postback-tests", Area.REPORTS, Action.READ, {"url": "click_id=1"}, True, NO_ENGINE),
    Endpoint("GET", "/api-keys", Area.SETTINGS, Action.READ),
    Endpoint("POST", "/api-keys", Area.SETTINGS, Action.WRITE, {"name": "crm", "scope": "read"}),
    Endpoint("GET", "/api-keys/{key_id}", Area.SETTINGS, Action.READ),
    Endpoint("DELETE", "/api-keys/{key_id}", Area.SETTINGS, Action.WRITE),
    Endpoint("GET", "/partner-settings", Area.SETTINGS, Action.READ, None, True),
    Endpoint("PATCH", "/partner-settings", Area.SETTINGS, Action.WRITE, {"show_revenue": True}, True),
    Endpoint("GET", "/modules", Area.SETTINGS, Action.READ, None, True),
    Endpoint("GET", "/modules/imports", Area.SETTINGS, Action.READ, None, True),
    Endpoint("PATCH", "/modules/imports", Area.SETTINGS, Action.WRITE, {"on": True}, True),
    Endpoint("GET", "/webhooks", Area.SETTINGS, Action.READ),
    Endpoint("POST", "/webhooks", Area.SETTINGS, Action.WRITE, {"url": "https://crm.example/", "events": ["*"]}),
    Endpoint("GET", "/webhooks/event-types", Area.SETTINGS, Action.READ),
    Endpoint("GET", "/webhooks/{webhook_id}", Area.SETTINGS, Action.READ),
    Endpoint("PATCH", "/webhooks/{webhook_id}", Area.SETTINGS, Action.WRITE, {"description": "CRM"}),
    Endpoint("DELETE", "/webhooks/{draft_webhook_id}", Area.SETTINGS, Action.WRITE),
    Endpoint("POST", "/webhooks/{webhook_id}/rotate-secret", Area.SETTINGS, Action.WRITE),
    Endpoint("POST", "/webhooks/{webhook_id}/test", Area.SETTINGS, Action.WRITE),
    Endpoint("POST", "/webhooks/{webhook_id}/replay", Area.SETTINGS, Action.WRITE),
    Endpoint("GET", "/webhooks/{webhook_id}/deliveries", Area.SETTINGS, Action.READ),
    Endpoint("GET", "/webhooks/{webhook_id}/deliveries/{delivery_id}", Area.SETTINGS, Action.READ),
    Endpoint("POST", "/webhooks/{webhook_id}/deliveries/{delivery_id}/replay", Area.SETTINGS, Action.WRITE),
    Endpoint("GET", "/partners", Area.PARTNERS, Action.READ),
    Endpoint("POST", "/partners", Area.PARTNERS, Action.WRITE, {"name": "Green"}, True),
    Endpoint("GET", "/partners/{partner_id}", Area.PARTNERS, Action.READ),
    Endpoint("PATCH", "/partners/{partner_id}", Area.PARTNERS, Action.WRITE, {"name": "New name"}),
    Endpoint(
        "POST",
        "/partners/{partner_id}/transitions",
        Area.PARTNERS,
        Action.APPROVE,
        {"to": "suspended", "reason": "asked"},
        True,
    ),
]
SAME = frozenset({200, 409})
"""Both partners of the test have the same form and application."""
RULE = {"name": "All", "action": "approve", "conditions": [{"field": "score", "op": "at_least", "values": [0]}]}
ASK = {"to": "needs_info", "question": "Where?"}
INVITED = {"form": "creators", "email": "cy@cy.example"}
APPLY = {"name": "Bob", "email": "bob@bob.example", "answers": {"site": "bob.example", "country": "AT"}}
REASON = {"area": "application", "code": "too_small", "texts": {"en": "Too small."}}
IMPORT = {"type": "partners", "file": "name\nFrom a file\n"}
ENDPOINTS += [
    Endpoint("GET", "/imports", Area.PARTNERS, Action.WRITE, None, True),
    Endpoint("POST", "/imports", Area.PARTNERS, Action.WRITE, IMPORT, True),
    Endpoint("GET", "/imports/{import_id}", Area.PARTNERS, Action.WRITE, None, True),
    Endpoint("PATCH", "/imports/{import_id}", Area.PARTNERS, Action.WRITE, {"match": "name"}, True),
    Endpoint("POST", "/imports/{import_id}/dry-run", Area.PARTNERS, Action.WRITE, None, True),
    Endpoint("GET", "/imports/{import_id}/rows", Area.PARTNERS, Action.WRITE, None, True),
    Endpoint("POST", "/imports/{import_id}/apply", Area.PARTNERS, Action.WRITE, None, True),
    Endpoint("POST", "/imports/{import_id}/undo", Area.PARTNERS, Action.WRITE, None, True),
    Endpoint("POST", "/imports/{import_id}/resume", Area.PARTNERS, Action.WRITE, None, True),
    Endpoint("DELETE", "/imports/{import_id}", Area.PARTNERS, Action.WRITE, None, True),
    Endpoint("GET", "/application-forms", Area.PARTNERS, Action.READ, None, True),
    Endpoint("POST", "/application-forms", Area.PARTNERS, Action.WRITE, {"slug": "new", "name": "New"}, True),
    Endpoint("GET", "/application-forms/{form_id}", Area.PARTNERS, Action.READ, None, True),
    Endpoint("PATCH", "/application-forms/{form_id}", Area.PARTNERS, Action.WRITE, {"group": "New"}, True),
    Endpoint("POST", "/application-forms/{form_id}/publish", Area.PARTNERS, Action.WRITE, None, True, SAME),
    Endpoint("GET", "/application-forms/{form_id}/funnel", Area.PARTNERS, Action.READ, None, True),
    Endpoint("GET", "/application-forms/{form_id}/rules", Area.PARTNERS, Action.READ, None, True),
    Endpoint("POST", "/application-forms/{form_id}/rules", Area.PARTNERS, Action.APPROVE, RULE, True),
    Endpoint("GET", "/application-invitations", Area.PARTNERS, Action.WRITE, None, True),
    Endpoint("POST", "/application-invitations", Area.PARTNERS, Action.WRITE, INVITED, True, frozenset({201, 409})),
    Endpoint("GET", "/application-rules/{rule_id}", Area.PARTNERS, Action.READ, None, True),
    Endpoint("POST", "/application-rules/{rule_id}/mode", Area.PARTNERS, Action.APPROVE, {"mode": "off"}, True),
    Endpoint("POST", "/application-rules/{rule_id}/dry-run", Area.PARTNERS, Action.APPROVE, None, True),
    Endpoint("DELETE", "/application-rules/{draft_rule_id}", Area.PARTNERS, Action.APPROVE, None, True),
    Endpoint("GET", "/applications", Area.PARTNERS, Action.READ, None, True),
    Endpoint("GET", "/applications/{application_id}", Area.PARTNERS, Action.READ, None, True),
    Endpoint("POST", "/applications/{application_id}/notes", Area.PARTNERS, Action.WRITE, {"text": "Call"}, True),
    Endpoint("POST", "/applications/{application_id}/assign", Area.PARTNERS, Action.WRITE, {"assigned": None}, True),
    Endpoint("POST", "/applications/{application_id}/transitions", Area.PARTNERS, Action.APPROVE, ASK, True, SAME),
    Endpoint("GET", "/apply/creators", Area.PARTNERS, Action.READ, public=True),
    Endpoint("POST", "/apply/creators", Area.PARTNERS, Action.READ, APPLY, done=frozenset({202}), public=True),
    Endpoint("POST", "/application-forms/{form_id}/close", Area.PARTNERS, Action.WRITE, None, True, SAME),
    Endpoint("GET", "/reasons", Area.PARTNERS, Action.READ, None, True),
    Endpoint("POST", "/reasons", Area.SETTINGS, Action.WRITE, REASON, True),
    Endpoint("GET", "/exports", Area.PARTNERS, Action.READ),
    Endpoint("POST", "/exports", Area.PARTNERS, Action.READ, {"resource": "partners"}, done=frozenset({202})),
    Endpoint("GET", "/exports/{export_id}", Area.PARTNERS, Action.READ),
    Endpoint("GET", "/exports/{export_id}/file", Area.PARTNERS, Action.READ),
    Endpoint("DELETE", "/exports/{export_id}", Area.PARTNERS, Action.READ),
]
ENDPOINTS += [
    Endpoint("GET", "/partner-notes", Area.PARTNERS, Action.READ),
    Endpoint("POST", "/partner-notes", Area.PARTNERS, Action.WRITE, NOTE, True),
    Endpoint("GET", "/territories", Area.PARTNERS, Action.READ),
    Endpoint("POST", "/territories", Area.PARTNERS, Action.WRITE, TERRITORY, True),
    Endpoint("GET", "/territories/conflicts", Area.PARTNERS, Action.READ, None, True),
    Endpoint("POST", "/territories/test", Area.PARTNERS, Action.READ, {"country": "DE"}, True),
    Endpoint("GET", "/territories/{territory_id}", Area.PARTNERS, Action.READ),
    Endpoint("PATCH", "/territories/{territory_id}", Area.PARTNERS, Action.WRITE, {"rank": 3}, True),
]
ENDPOINTS += [
    Endpoint("GET", "/contract-templates", Area.CONTRACTS, Action.READ, None, True),
    Endpoint("POST", "/contract-templates", Area.CONTRACTS, Action.WRITE, TEMPLATE, True),
    Endpoint("GET", "/contract-templates/{template_id}", Area.CONTRACTS, Action.READ, None, True),
    Endpoint("PUT", "/contract-templates/{template_id}/draft", Area.CONTRACTS, Action.WRITE, VERSION, True),
    Endpoint("POST", "/contract-templates/{template_id}/publish", Area.CONTRACTS, Action.APPROVE, None, True),
    Endpoint("GET", "/contracts", Area.CONTRACTS, Action.READ),
    Endpoint("POST", "/contracts", Area.CONTRACTS, Action.WRITE, CONTRACT, True),
    Endpoint("GET", "/contracts/{contract_id}", Area.CONTRACTS, Action.READ),
    Endpoint("POST", "/contracts/{contract_id}/accept", Area.CONTRACTS, Action.APPROVE, SIGN, False, CLOSED),
    Endpoint("POST", "/contracts/{contract_id}/decline", Area.CONTRACTS, Action.APPROVE, WHY, False, CLOSED),
    Endpoint("POST", "/contracts/{contract_id}/withdraw", Area.CONTRACTS, Action.WRITE, WHY, True, CLOSED),
    Endpoint("POST", "/contracts/{contract_id}/countersign", Area.CONTRACTS, Action.APPROVE, None, True, CLOSED),
    Endpoint("POST", "/contracts/{contract_id}/terminate", Area.CONTRACTS, Action.APPROVE, WHY, True, CLOSED),
    Endpoint("GET", "/contracts/{contract_id}/evidence.zip", Area.CONTRACTS, Action.READ, None, False, CLOSED),
    Endpoint("GET", "/leads", Area.PARTNERS, Action.READ),
    Endpoint("POST", "/leads", Area.PARTNERS, Action.WRITE, {"items": [{"company": "Acme"}]}, True),
    Endpoint("POST", "/leads/preview", Area.PARTNERS, Action.WRITE, {"country": "DE"}, True),
    Endpoint("GET", "/leads/{lead_id}", Area.PARTNERS, Action.READ),
    Endpoint("GET", "/leads/{lead_id}/offers", Area.PARTNERS, Action.READ, None, True),
    Endpoint("PATCH", "/leads/{lead_id}", Area.PARTNERS, Action.WRITE, {"note": "x"}, True),
    Endpoint("POST", "/leads/{lead_id}/accept", Area.PARTNERS, Action.WRITE, None, False, CLOSED),
    Endpoint("POST", "/leads/{lead_id}/decline", Area.PARTNERS, Action.WRITE, WHY, False, CLOSED),
    Endpoint("POST", "/leads/{lead_id}/transitions", Area.PARTNERS, Action.WRITE, {"to": "working"}),
]


def walked() -> set[tuple[str, str]]:
    """Return method and path of each endpoint, as the document names them."""
    found = {(endpoint.method, endpoint.path.partition("?")[0].replace("{draft_", "{")) for endpoint in ENDPOINTS}
    found = {
        (method, path.replace("/kpi", "/{name}").replace(ID, "{conversion_id}").replace("malformed", "{reason}"))
        for method, path in found
    }
    found = {(method, path.replace("/apply/creators", "/apply/{slug}")) for method, path in found}
    found = {(method, path.replace("/modules/imports", "/modules/{module_id}")) for method, path in found}
    return {(method, path.replace("{id}", "{plan_id}")) for method, path in found}
