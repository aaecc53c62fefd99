"""Filters in place of Django's where a built-in text is shown with its variables instead of their values."""

from django import template

register = template.Library()


@register.filter
def date(value: object, _form: str = "") -> object:
    """Return the variable itself, which has no form yet."""
    return value
