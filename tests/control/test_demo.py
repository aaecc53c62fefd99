"""The control plane of `clew demo`: what a visitor of its console has to find."""

import pytest
from django.contrib.auth import authenticate
from django.db.models import Count

from clew.demo.control_plane import PARTNER_PEOPLE, PEOPLE, fill_control_plane
from clew.demo.partners import ACTIVE, PARTNERS_COUNT
from control.accounts.actor import command_line
from control.accounts.models import User
from control.accounts.roles import Role
from control.partners.models import Partner
from control.partners.states import PartnerStatus
from control.program.models import Approval, ApprovalStatus, Link
from control.program.publishing import preview
from control.program.selectors import program_of, version_of

PASSWORD = "a password of the demo"


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_the_demo_has_every_role_state_and_kind_of_work() -> None:
    fill_control_plane("key-of-the-demo-0123456789", PASSWORD)
    assert [role for role, _, _ in PEOPLE] == Role.values
    for role, email, _ in PEOPLE:
        user = authenticate(email=email, password=PASSWORD)
        assert isinstance(user, User) and user.role == role
    for role, email, _, language in PARTNER_PEOPLE:
        user = authenticate(email=email, password=PASSWORD)
        assert isinstance(user, User) and user.locale == language
        assert list(user.seats.values_list("partner", "role")) == [(ACTIVE[0].id, role)]
    assert Partner.objects.count() == PARTNERS_COUNT
    assert set(Partner.objects.values_list("status", flat=True)) == set(PartnerStatus.values)
    for field, least in (("type", 9), ("country", 10), ("tier", 3), ("manager", 3)):
        found = Partner.objects.order_by().values(field).annotate(rows=Count("pk"))
        assert found.count() >= least, field
    assert set(Approval.objects.values_list("status", flat=True)) == set(ApprovalStatus.values)
    program = program_of(version_of(command_line()))
    live = {link.partner_id for link in program.routes.links.values() if link.status == "active"}
    assert live == {partner.id for partner in ACTIVE}
    shown = Link.objects.exclude(landing_url="")
    assert 10 < shown.count() < 50 < Link.objects.filter(landing_url="", subs={}).count()
    assert 10 < Link.objects.exclude(subs={}).count() < 50 and shown.exclude(subs={}).exists()
    assert any("raises the commission" in line for line in preview(command_line()).difference)
