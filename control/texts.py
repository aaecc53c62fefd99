"""Validators of texts and of fields that hold lists and maps."""

from typing import Any

from django.core.exceptions import ValidationError
from django.utils.deconstruct import deconstructible


def no_control_characters(text: str) -> None:
    """Refuse line breaks and other characters that do not print: program files and mail headers cannot hold them."""
    if any(ord(char) < 32 or ord(char) == 127 for char in text):
        raise ValidationError("must not contain control characters")


def _is_short_text(value: Any, chars_max: int) -> bool:
    return isinstance(value, str) and bool(value.strip()) and len(value) <= chars_max and value.isprintable()


@deconstructible
class TextList:
    """Check that a value is a list of different short texts."""

    def __init__(self, items_max: int, chars_max: int) -> None:
        self.items_max, self.chars_max = items_max, chars_max

    def __call__(self, value: Any) -> None:
        if not isinstance(value, list) or len(value) > self.items_max:
            raise ValidationError(f"must be a list of at most {self.items_max} texts")
        if not all(_is_short_text(item, self.chars_max) for item in value):
            raise ValidationError(f"must hold printable texts of 1 to {self.chars_max} characters")
        if len(set(value)) != len(value):
            raise ValidationError("must not name the same text twice")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TextList) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]


@deconstructible
class TextMap:
    """Check that a value is a map of short texts to texts, numbers, true, false or null."""

    def __init__(self, items_max: int, chars_max: int) -> None:
        self.items_max, self.chars_max = items_max, chars_max

    def __call__(self, value: Any) -> None:
        if not isinstance(value, dict) or len(value) > self.items_max:
            raise ValidationError(f"must be a map of at most {self.items_max} fields")
        if not all(_is_short_text(key, self.chars_max) for key in value):
            raise ValidationError(f"must have printable names of 1 to {self.chars_max} characters")
        for item in value.values():
            if not isinstance(item, str | int | float | bool | None) or len(str(item)) > self.chars_max:
                raise ValidationError(f"must hold plain values of at most {self.chars_max} characters")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TextMap) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]
