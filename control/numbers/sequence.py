"""Giving of numbers, in the transaction that stores the object. Other writers of the kind wait until it ends.

A number of a transaction that fails is given to the next one; nobody has seen it.
"""

from django.db import transaction
from django.db.models import F

from control.errors import Conflict
from control.numbers.models import Sequence

NUMBER_MAX = 2**32 - 1


def take(kind: str, count: int = 1) -> range:
    """Return the next numbers of a kind. Raises Conflict if there are not enough left."""
    with transaction.atomic():
        Sequence.objects.get_or_create(kind=kind)
        Sequence.objects.filter(kind=kind).update(last=F("last") + count)
        last = Sequence.objects.values_list("last", flat=True).get(kind=kind)
        if last > NUMBER_MAX:
            raise Conflict(f"there are no numbers left for another {kind}: {NUMBER_MAX} is the highest")
    return range(last - count + 1, last + 1)


def take_one(kind: str) -> int:
    """Return the next number of a kind. Raises Conflict."""
    return take(kind)[0]


def skip_to(kind: str, number: int) -> None:
    """Give only numbers above this one, which came with a file."""
    with transaction.atomic():
        Sequence.objects.get_or_create(kind=kind)
        Sequence.objects.filter(kind=kind, last__lt=number).update(last=number)
