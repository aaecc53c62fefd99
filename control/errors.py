"""Refusals of changes. Pages show them next to the form, the API answers with their status."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import models


@dataclass(frozen=True, slots=True)
class FieldError:
    """Mistake in one field of a change."""

    field: str
    """Name of the field; empty if the mistake is not in one field."""
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}" if self.field else self.message


class Refused(Exception):
    """A change was not made; the message is a sentence for people."""


class Invalid(Refused):
    """The content of a change has mistakes (422)."""

    def __init__(self, *errors: FieldError) -> None:
        super().__init__("; ".join(map(str, errors)))
        self.errors = errors


class Mistakes:
    """Mistakes of several checks, so that all of them are told at once."""

    def __init__(self) -> None:
        self._found: list[FieldError] = []

    def add(self, field: str, message: str) -> None:
        """Note a mistake."""
        self._found.append(FieldError(field, message))

    @contextmanager
    def gathered(self) -> Iterator[None]:
        """Note the mistakes that the block raises, instead of raising them."""
        try:
            yield
        except Invalid as error:
            self._found.extend(error.errors)

    def check(self) -> None:
        """Raise Invalid with all mistakes, if there are any."""
        if self._found:
            raise Invalid(*self._found)


class Conflict(Refused):
    """The state of an object does not allow the change (409)."""


class Unauthenticated(Refused):
    """The key of the one who asks is no longer in force (401)."""


class Forbidden(Refused):
    """The actor's role does not allow the change (403)."""


class NotFound(Refused):
    """There is no such object, or the actor may not see it (404)."""


class Unavailable(Refused):
    """Another part of the installation does not answer (503); the message says which, and what to do."""


def validate(row: models.Model, *, in_bulk: bool = False) -> None:
    """Check the fields of a row that is about to be stored. Raises Invalid with all mistakes.

    `in_bulk` asks the database nothing: the caller has found related rows, and gives keys that are new.
    """
    try:
        if in_bulk:
            row.clean_fields(exclude={field.name for field in row._meta.concrete_fields if field.is_relation})
        else:
            row.full_clean()
    except ValidationError as error:
        raise Invalid(
            *(
                FieldError("" if name == NON_FIELD_ERRORS else name, message)
                for name, mistakes in error.error_dict.items()
                for mistake in mistakes
                for message in _messages(row, name, mistake)
            )
        ) from None


def _messages(row: models.Model, name: str, mistake: ValidationError) -> list[str]:
    """Return the messages of one mistake; for a value that is not among the choices, name them."""
    if mistake.code != "invalid_choice" or name == NON_FIELD_ERRORS:
        return list(mistake.messages)
    field = row._meta.get_field(name)
    choices = [str(value) for value, _ in getattr(field, "flatchoices", ()) if value != ""]
    return [f"must be one of {', '.join(choices)}"] if choices else list(mistake.messages)


def plain_message(text: str) -> str:
    """Return a message of pydantic without the words that it puts before one's own."""
    return text.removeprefix("Value error, ")
