"""Types of objects that can be imported and exported, by name."""

from typing import Any

from control.errors import FieldError, Invalid
from control.imports.resource import Resource
from control.imports.resources.application_invitations import ApplicationInvitations
from control.imports.resources.approvals import Approvals
from control.imports.resources.coupons import Coupons
from control.imports.resources.links import Links
from control.imports.resources.offers import Offers
from control.imports.resources.partners import Partners
from control.imports.resources.plans import Plans

_TYPES: tuple[Resource[Any], ...] = (
    Partners(), Offers(), Links(), Plans(), Coupons(), Approvals(), ApplicationInvitations()
)  # fmt: skip
RESOURCES: dict[str, Resource[Any]] = {resource.key: resource for resource in _TYPES}


def find_resource(key: str, field: str = "type") -> Resource[Any]:
    """Return a type of objects. Raises Invalid."""
    if key not in RESOURCES:
        raise Invalid(FieldError(field, f"must be one of {', '.join(RESOURCES)}"))
    return RESOURCES[key]
