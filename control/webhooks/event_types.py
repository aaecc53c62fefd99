"""Types of events: for each resource its model, and how the API shows it.

A new resource needs one entry in `RESOURCES`; its events are then stored with every change, because audit events are.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Model, QuerySet
from ninja import Schema

from control.accounts.actor import command_line
from control.accounts.api import invitation_out, user_out
from control.accounts.models import Invitation, User
from control.exports.api import export_out
from control.exports.models import Export
from control.imports.api import import_out
from control.imports.models import Import
from control.partners.api import partner_out
from control.partners.models import Partner
from control.program.api import link_out, offer_out
from control.program.api_approvals import approval_out
from control.program.api_requests import request_out
from control.program.api_terms import coupon_out, plan_out
from control.program.api_versions import version_out
from control.program.models import Approval, Coupon, Link, Offer, Plan, ProgramVersion, PublishRequest
from control.scheduled.api import scheduled_out
from control.scheduled.models import ScheduledChange

TEST = "webhook.test"
"""Event that is sent on request."""
_CHANGES = ("created", "changed", "deleted")


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind of object whose changes are events."""

    name: str
    rows: Callable[[], QuerySet[Any]]
    show_one: Callable[[Any], Schema]
    acts: Mapping[str, str] = field(default_factory=lambda: {"created": "created", "deleted": "deleted"})
    """Kinds of events by the actions of the audit trail that are events."""
    status: str = ""
    """Column whose change is an event: `status_changed`, or the one of the new state in `by_state`."""
    by_state: Mapping[str, str] = field(default_factory=dict)
    kinds: tuple[str, ...] = _CHANGES

    @property
    def model(self) -> type[Model]:
        """Model of the rows."""
        found: type[Model] = self.rows().model
        return found

    def show(self, keys: Sequence[str]) -> Mapping[str, dict[str, Any]]:
        """Return objects as the API shows them to operators, by primary key."""
        rows = self.rows().filter(pk__in=keys)
        return {str(row.pk): self.show_one(row).model_dump(mode="json") for row in rows}

    def types(self) -> list[str]:
        """Return the types of its events."""
        return [f"{self.name}.{kind}" for kind in self.kinds]


def _partner(partner: Partner) -> Schema:
    return partner_out(partner, command_line())


def _user(user: User) -> Schema:
    return user_out(user, None)


_STATUS = ("created", "changed", "status_changed")
_ALL = (*_STATUS, "deleted")
_DECIDED = ("approved", "declined", "withdrawn", "replaced")
RESOURCES = (
    Resource("partner", Partner.objects.all, _partner, status="status", kinds=_ALL),
    Resource("offer", Offer.objects.all, offer_out, status="status", kinds=_ALL),
    Resource("link", Link.objects.all, link_out, status="status", kinds=("created", "status_changed", "deleted")),
    Resource(
        "plan", lambda: Plan.objects.select_related("offer", "partner"), plan_out, status="state", kinds=_ALL
    ),
    Resource(
        "coupon", lambda: Coupon.objects.select_related("offer", "partner"), coupon_out, status="state", kinds=_ALL
    ),
    Resource("approval", Approval.objects.all, approval_out, status="status", kinds=_ALL),
    Resource(
        "program", ProgramVersion.objects.all, version_out,
        {"published": "published", "rolled_back": "rolled_back"},
        kinds=("published", "rolled_back"),
    ),
    Resource(
        "publish_request", PublishRequest.objects.all, request_out, {"created": "requested"}, status="state",
        by_state={state: state for state in _DECIDED}, kinds=("requested", *_DECIDED),
    ),
    Resource(
        "scheduled_change", ScheduledChange.objects.all, scheduled_out, {"created": "scheduled"}, status="state",
        by_state={"done": "applied", "failed": "failed", "cancelled": "cancelled"},
        kinds=("scheduled", "applied", "failed", "cancelled"),
    ),
    Resource("user", lambda: User.objects.prefetch_related("seats"), _user, kinds=("created", "changed", "deleted")),
    Resource("invitation", Invitation.objects.all, invitation_out, kinds=("created", "changed")),
    Resource(
        "import", lambda: Import.objects.select_related("file"), import_out,
        {"checked": "checked", "applied": "completed", "undone": "undone", "failed": "failed"},
        kinds=("checked", "completed", "undone", "failed"),
    ),
    Resource(
        "export", lambda: Export.objects.select_related("file"), export_out,
        {"completed": "completed", "failed": "failed"}, kinds=("completed", "failed"),
    ),
)  # fmt: skip


def _by_model() -> dict[str, Resource]:
    return {resource.model._meta.label_lower: resource for resource in RESOURCES}


_BY_MODEL = _by_model()


def resource_of(object_type: str) -> Resource | None:
    """Return the resource of an object of the audit trail; None if its changes are no events."""
    return _BY_MODEL.get(object_type)


def event_types() -> list[str]:
    """Return all types of events."""
    return [kind for resource in RESOURCES for kind in resource.types()]


def is_subscription(entry: str) -> bool:
    """Return whether a text names a type of events, all of a resource, or all."""
    return entry == "*" or entry in event_types() or entry in {f"{resource.name}.*" for resource in RESOURCES}
