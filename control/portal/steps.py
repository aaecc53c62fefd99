"""Next steps on the first page: what a partner should do now. Modules add their own."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.partners.models import Partner
from control.partners.states import LINKS_WORK
from control.program.access import approvals, visible_links, visible_offers
from control.program.models import ApprovalStatus, OfferAccess, OfferStatus

STEPS_MAX = 6


@dataclass(frozen=True, slots=True)
class Step:
    """Something to do, or to wait for."""

    title: str
    text: str
    href: str
    icon: str
    order: int = 100
    """The lowest number stands first."""


Source = Callable[[Actor, Partner], Iterable[Step]]
_sources: list[Source] = []


def add_steps(source: Source) -> None:
    """Add a function that yields steps for a partner; the same function twice counts once."""
    if source not in _sources:
        _sources.append(source)


def next_steps(actor: Actor, partner: Partner) -> list[Step]:
    """Return the most important steps."""
    found = [step for source in _sources for step in source(actor, partner)]
    return sorted(found, key=lambda step: step.order)[:STEPS_MAX]


def own_steps(actor: Actor, partner: Partner) -> Iterable[Step]:
    """Yield the steps that the portal itself knows: profile, first link, offers to try, requests that wait."""
    if partner.status in LINKS_WORK and actor.may(Area.LINKS, Action.READ):
        yield from _link_steps(actor)
    if actor.may(Area.PARTNERS, Action.WRITE) and not (partner.website and partner.country and partner.email):
        yield Step(
            _("Complete your profile"), _("Website, country and e-mail help the program to know you."),
            reverse("portal_profile"), "user-circle", 40,
        )  # fmt: skip


def _link_steps(actor: Actor) -> Iterable[Step]:
    has_link = visible_links(actor).exists()
    if not has_link and actor.may(Area.LINKS, Action.WRITE):
        yield Step(
            _("Make your first link"), _("Choose an offer and copy the link. It counts from the first click."),
            reverse("portal_link_new"), "link", 10,
        )  # fmt: skip
    usable = visible_offers(actor).filter(status=OfferStatus.ACTIVE, access=OfferAccess.OPEN)
    new = usable.exclude(number__in=visible_links(actor).values("offer")).count()
    if has_link and new:
        text = ngettext(
            "%(count)d open offer that you do not promote yet", "%(count)d open offers that you do not promote yet", new
        )
        title = text % {"count": new}
        yield Step(title, _("You need no approval for it."), reverse("portal_offers"), "target-arrow", 60)
    waiting = approvals(actor).filter(status=ApprovalStatus.REQUESTED).count()
    if waiting:
        title = ngettext("%(count)d request waits for an answer", "%(count)d requests wait for an answer", waiting)
        text = _("The program looks at it; nothing to do for you.")
        yield Step(title % {"count": waiting}, text, f"{reverse('portal_offers')}?show=asked", "clock", 70)
