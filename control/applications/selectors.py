"""Application forms and applications that an actor may see: the one place that filters them."""

from uuid import UUID

from django.db.models import Q, QuerySet

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area, Limit
from control.applications.models import Application, ApplicationForm, AutoRule
from control.applications.states import WAITING
from control.errors import NotFound
from control.partners.access import require_operator


def visible_forms(actor: Actor) -> QuerySet[ApplicationForm]:
    """Return the application forms. Raises Forbidden."""
    require_operator(actor, Area.PARTNERS, Action.READ)
    found: QuerySet[ApplicationForm] = ApplicationForm.objects.select_related("fields", "manager")
    return found


def form_of(actor: Actor, form_id: UUID | str) -> ApplicationForm:
    """Return one form. Raises Forbidden, NotFound."""
    found = visible_forms(actor).filter(pk=form_id).first()
    if found is None:
        raise NotFound(f"there is no application form {form_id}")
    return found


def sees_applications(actor: Actor) -> bool:
    """Return whether the actor may read what applicants have written, which is personal data."""
    may_read = actor.is_operator and actor.may(Area.PARTNERS, Action.READ)
    return may_read and not actor.is_limited(Area.PARTNERS, Limit.IMPERSONAL)


def visible_applications(actor: Actor, action: Action = Action.READ) -> QuerySet[Application]:
    """Return applications: all, or for managers of some partners those of nobody else. Raises Forbidden."""
    require_operator(actor, Area.PARTNERS, action)
    rows = Application.objects.select_related("form", "version", "assigned", "referred_by", "partner")
    if actor.is_limited(Area.PARTNERS, Limit.OWN):
        rows = rows.filter(Q(assigned=None) | Q(assigned=UUID(actor.id)))
    return rows


def application_of(actor: Actor, application_id: UUID | str) -> Application:
    """Return one application. Raises Forbidden, NotFound."""
    found = visible_applications(actor).filter(pk=application_id).first()
    if found is None:
        raise NotFound(f"there is no application {application_id}")
    return found


def waiting_applications(actor: Actor) -> QuerySet[Application]:
    """Return the applications that somebody has to decide. Raises Forbidden."""
    return visible_applications(actor).filter(status__in=WAITING)


def rules_of(actor: Actor, form_id: UUID | str) -> QuerySet[AutoRule]:
    """Return the rules of a form, in the order in which they are asked. Raises Forbidden, NotFound."""
    rows: QuerySet[AutoRule] = AutoRule.objects.filter(form=form_of(actor, form_id), is_archived=False)
    return rows.select_related("form")


def rule_of(actor: Actor, rule_id: UUID | str) -> AutoRule:
    """Return one rule. Raises Forbidden, NotFound."""
    require_operator(actor, Area.PARTNERS, Action.READ)
    found = AutoRule.objects.filter(pk=rule_id, is_archived=False).select_related("form").first()
    if found is None:
        raise NotFound(f"there is no rule {rule_id}")
    return found
