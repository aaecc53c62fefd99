"""People are found by e-mail address, however it is written."""

import pytest
from django.db import IntegrityError, transaction

from control.accounts.models import User

pytestmark = pytest.mark.usefixtures("database", "acting_test")


def test_a_user_is_found_in_any_case() -> None:
    user = User.objects.create_user(" Ann@Shop.Example ", "correct horse battery")
    assert user.email == "ann@shop.example"
    assert User.objects.get_by_natural_key("ANN@shop.example") == user
    assert user.check_password("correct horse battery") and not user.check_password("another")


def test_an_address_belongs_to_one_person() -> None:
    User.objects.create_user("ann@shop.example")
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create_user("Ann@shop.example")


def test_without_a_password_nobody_signs_in_by_password() -> None:
    user = User.objects.create_user("ann@shop.example")
    assert not user.has_usable_password() and not user.check_password("")
