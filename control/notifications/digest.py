"""Weekly summary for partners' people who want it: earned, coming, ending soon."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Q
from django.utils import timezone, translation
from django.utils.translation import gettext

from control.accounts.actor import Actor
from control.accounts.languages import language_of, zone_of
from control.accounts.models import Seat, User
from control.accounts.roles import Action, Area, PartnerRole
from control.audit.origin import ActorKind
from control.console.figures.overview import read_course
from control.console.figures.period import Period
from control.engine.zone import program_zone
from control.notifications.kinds import Category
from control.notifications.mails import page_link, queue_mail
from control.notifications.models import MailPreference
from control.partners.models import Partner
from control.portal.figures import Balance, read_balances
from control.program.models import Coupon, TermsState
from control.ui.local_formats import count_text, money_text
from control.ui.moments import day_text

TASK = "notifications.digest"
DAYS = 7
ENDING_DAYS = 30
"""Time ahead in which what ends is named."""
ENDING_ROWS_MAX = 20
_MONDAY, _HOUR = 0, 7
_PAUSE = timedelta(days=6)


def due(now: datetime) -> list[MailPreference]:
    """Return the preferences of people who get a summary now: once a week, on Monday from 7 in their zone on."""
    rows = MailPreference.objects.filter(category=Category.DIGEST, is_on=True, user__is_active=True)
    rows = rows.filter(Q(sent=None) | Q(sent__lt=now - _PAUSE)).select_related("user")
    return [row for row in rows.order_by("id") if row.user is not None and _is_time(row.user, now)]


def _is_time(user: User, now: datetime) -> bool:
    here = now.astimezone(zone_of(user.time_zone)) - timedelta(hours=_HOUR)
    return here.weekday() == _MONDAY


def send_digest(preference_id: int, now: datetime) -> int:
    """Store the summary of a person for each partner, in the open transaction; return the number of mails.

    A partner without figures has none. Raises Unavailable.
    """
    row = MailPreference.objects.select_for_update(of=("self",)).select_related("user").get(pk=preference_id)
    if row.user is None or not row.is_on or (row.sent is not None and row.sent >= now - _PAUSE):
        return 0
    count = 0
    for seat in row.user.seats.select_related("partner").order_by("created"):
        count += _send_for(row.user, seat, now)
    MailPreference.objects.filter(pk=row.pk).update(sent=now)
    return count


def _send_for(user: User, seat: Seat, now: datetime) -> bool:
    """Store the summary of one partner, with the rights of the person, so that it says no more than the portal."""
    actor = Actor(ActorKind.JOB, name=TASK, partner=seat.partner_id, partner_role=PartnerRole(seat.role))
    if not actor.may(Area.REPORTS, Action.READ):
        return False
    language = language_of(user.locale, seat.partner.language)
    with translation.override(language), timezone.override(zone_of(user.time_zone)):
        values = _values(actor, seat.partner, now)
        if values is None:
            return False
        return queue_mail("digest.weekly", user.email, values, locale=language, person=user, partner=seat.partner)


def _values(actor: Actor, partner: Partner, now: datetime) -> dict[str, object] | None:
    """Return what the summary of a partner says; None if there is nothing to say. Raises Unavailable."""
    last = now.astimezone(ZoneInfo(program_zone())).date() - timedelta(days=1)
    period = Period("custom", last - timedelta(days=DAYS - 1), last)
    course = read_course(actor, period, now)
    balances = read_balances(actor, course.currency)
    earned, clicks = round(course.total("payout")), round(course.total("clicks"))
    ends = Coupon.objects.filter(partner=partner, state=TermsState.PUBLISHED, ends__gt=now)
    ends = ends.filter(ends__lte=now + timedelta(days=ENDING_DAYS)).order_by("ends")
    if not (earned or clicks or ends.exists() or any(one.coming or one.payable for one in balances)):
        return None
    return {
        "partner": partner.name, "first": day_text(last - timedelta(days=DAYS - 1)), "last": day_text(last),
        "earned": money_text(earned, course.currency), "clicks": count_text(clicks),
        "coming": _amounts(balances, "coming"), "payable": _amounts(balances, "payable"),
        "endings": [
            gettext("Coupon %(code)s ends on %(day)s.") % {"code": coupon.code, "day": day_text(coupon.ends)}
            for coupon in ends[:ENDING_ROWS_MAX] if coupon.ends is not None
        ],
        "link": page_link("portal_home"),
    }  # fmt: skip


def _amounts(balances: Sequence[Balance], name: str) -> str:
    """Write an amount in each currency that has one; the first balance is that of the program's currency."""
    texts = [money_text(getattr(one, name), one.currency) for one in balances if getattr(one, name)]
    return ", ".join(texts) or money_text(0, balances[0].currency)
