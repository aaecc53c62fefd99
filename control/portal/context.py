"""Frame of every page of the portal: the program, the partner, and the way to other partners."""

from functools import cached_property

from django.http import HttpRequest

from control.accounts.models import Seat, User
from control.partners.models import Partner
from control.partners.states import PartnerStatus
from control.portal.access import own_partner, partner_actor
from control.program.load import program_settings


class Frame:
    """Values of the portal's layout, each read when a template asks for it."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request
        self._actor = partner_actor(request)

    @cached_property
    def program_name(self) -> str:
        """Name of the program; empty for people who are at no partner."""
        return program_settings().name if self._actor is not None else ""

    @cached_property
    def partner(self) -> Partner | None:
        return own_partner(self._actor) if self._actor is not None else None

    @property
    def is_stopped(self) -> bool:
        """Return whether the partner's links do not count any more."""
        return self.partner is not None and self.partner.status in (PartnerStatus.SUSPENDED, PartnerStatus.OFFBOARDED)

    @property
    def is_waiting(self) -> bool:
        """Return whether the partner is not admitted yet."""
        return self.partner is not None and self.partner.status in (PartnerStatus.APPLIED, PartnerStatus.INVITED)

    @cached_property
    def has_more_seats(self) -> bool:
        """Return whether the person belongs to several partners."""
        user = self._request.user
        if self._actor is None or not isinstance(user, User) or getattr(self._request, "view_as", None):
            return False
        return Seat.objects.filter(user=user).exclude(partner=self._actor.partner).exists()


def portal(request: HttpRequest) -> dict[str, Frame]:
    """Give templates the frame of the portal."""
    return {"portal": Frame(request)}
