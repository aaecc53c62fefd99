"""Bodies of PATCH: JSON merge patches (RFC 7396). A field that is left out stays, and null removes one.

A resource declares its fields once, those that an object must have without a default, and derives the body:
`class PartnerPatch(MergePatch, PartnerFields)`. The patched object is checked as a whole, by the same declaration.
"""

from collections.abc import Mapping
from functools import cache
from types import GenericAlias, UnionType
from typing import Any, Union, get_args, get_origin

from ninja import Schema
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from control.errors import FieldError, Invalid

MEDIA_TYPE = "application/merge-patch+json"
_REQUIRED = "is required and cannot be removed; give another value, or leave it out"


class MergePatch(Schema):
    """Base of a body: its fields are those of the other base, and each may be left out or null."""

    @classmethod
    def __pydantic_init_subclass__(cls, **_options: Any) -> None:
        for field in cls.model_fields.values():
            _make_optional(field)
        cls.model_rebuild(force=True)

    def values(self, current: Schema | Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields that the patch names, with their values in the patched object. Raises Invalid."""
        fields = next(base for base in type(self).__mro__ if not issubclass(base, MergePatch))
        assert issubclass(fields, Schema)
        patch = self.model_dump(exclude_unset=True)
        before = current.model_dump() if isinstance(current, Schema) else current
        target = {name: value for name, value in before.items() if name in fields.model_fields}
        try:
            patched = fields.model_validate(merged(target, patch)).model_dump()
        except ValidationError as error:
            raise Invalid(*(_mistake(one["loc"], one["type"], one["msg"]) for one in error.errors())) from None
        return {name: patched[name] for name in patch}


def merged(target: Any, patch: Any) -> Any:
    """Return a value with a patch applied, as section 2 of RFC 7396 defines it."""
    if not isinstance(patch, dict):
        return patch
    found = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            found.pop(name, None)
        else:
            found[name] = merged(found.get(name), value)
    return found


def _make_optional(field: FieldInfo) -> None:
    """Let a field be left out or null; an object or map in it may be patched in parts."""
    kind: Any = field.annotation
    if get_origin(kind) is dict:
        name, value = get_args(kind)
        kind = GenericAlias(dict, (name, value if value is Any else value | None))
    kinds = get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)
    inner = next((one for one in kinds if _is_schema(one)), None)
    optional: Any = (kind if inner is None else _part_of(inner)) | None
    field.annotation, field.default, field.default_factory = optional, None, None


def _is_schema(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Schema)


@cache
def _part_of(schema: type[Schema]) -> type[Schema]:
    """Return the patch of an object that is a field of another one."""
    return type(f"{schema.__name__}Patch", (MergePatch, schema), {"__doc__": schema.__doc__, "__module__": __name__})


def _mistake(place: tuple[int | str, ...], kind: str, message: str) -> FieldError:
    name = "".join(f"[{word}]" if isinstance(word, int) else f".{word}" for word in place).removeprefix(".")
    return FieldError(name, _REQUIRED if kind == "missing" else message)
