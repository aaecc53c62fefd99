"""App of the program."""

from django.apps import AppConfig

from control.audit.event_resources import STATUS_CHANGES, EventResource
from control.notifications.kinds import Category, MailKind, Variable

_DECIDED = ("approved", "declined", "withdrawn", "replaced")


class ProgramConfig(AppConfig):
    """Rows that make the program, and its versions."""

    name = "control.program"
    label = "program"
    event_resources = (
        EventResource(
            "offer", "program.Offer", "control.program.api.offer_out", status="status", kinds=STATUS_CHANGES
        ),
        EventResource(
            "link", "program.Link", "control.program.api.link_out", status="status",
            kinds=("created", "status_changed", "deleted"),
        ),
        EventResource(
            "plan", "program.Plan", "control.program.api_terms.plan_out", status="state", kinds=STATUS_CHANGES,
            joined=("offer", "partner"),
        ),
        EventResource(
            "coupon", "program.Coupon", "control.program.api_terms.coupon_out", status="state", kinds=STATUS_CHANGES,
            joined=("offer", "partner"),
        ),
        EventResource(
            "approval", "program.Approval", "control.program.api_approvals.approval_out", status="status",
            kinds=STATUS_CHANGES,
        ),
        EventResource(
            "program", "program.ProgramVersion", "control.program.api_versions.version_out",
            {"published": "published", "rolled_back": "rolled_back"}, kinds=("published", "rolled_back"),
        ),
        EventResource(
            "publish_request", "program.PublishRequest", "control.program.api_requests.request_out",
            {"created": "requested"}, status="state", by_state={state: state for state in _DECIDED},
            kinds=("requested", *_DECIDED),
        ),
    )  # fmt: skip
    mail_kinds = {
        "publish_request.waiting": MailKind(
            "Terms wait for approval", Category.SYSTEM,
            variables={
                "who": Variable("person who asks", "Ada Lovelace"),
                "comment": Variable("comment of the person", "as agreed in May"),
                "changes": Variable("changes", ("raises the commission for Shoes from 8 % to 9 %",)),
                "back_to": Variable("version to bring back; empty for new terms", ""),
                "link": Variable("address of the request", "https://partners.example/console/publish/requests/1/"),
            },
        ),
        "publish_request.decided": MailKind(
            "Publish request decided", Category.SYSTEM,
            variables={
                "who": Variable("person who decided", "Grace Hopper"),
                "state": Variable("approved, declined, withdrawn or replaced", "approved"),
                "reason": Variable("reason of the decision", "agreed with finance"),
                "back_to": Variable("version to bring back; empty for new terms", ""),
                "link": Variable("address of the request", "https://partners.example/console/publish/requests/1/"),
            },
        ),
    }  # fmt: skip
