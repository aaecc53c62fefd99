"""Fields of the profile that answers fill, and what they become for the partner."""

from collections.abc import Mapping
from typing import Any

from control.applications.models import Application
from control.custom_forms.definition import Definition, text_in
from control.partners.models import PartnerType

FILLS: Mapping[str, tuple[str, ...]] = {
    "company": ("text",),
    "website": ("url",),
    "country": ("country",),
    "tax_id": ("text",),
    "traffic_sources": ("multi", "choice", "text"),
    "topics": ("multi", "choice", "text"),
    "type": ("choice",),
    "socials": ("url", "text", "long"),
    "traffic_proof": ("file",),
}
"""Types of fields whose answers fit, by field of the profile."""
FILL_TEXTS: Mapping[str, str] = {
    "company": "Company", "website": "Website", "country": "Country", "tax_id": "Tax number",
    "traffic_sources": "Traffic sources", "topics": "Topics of the site", "type": "Type of partner",
    "socials": "Social profiles or references", "traffic_proof": "Proof of traffic",
}  # fmt: skip
RESERVED = ("name", "email")
"""Keys of the fields that every application form has."""
LIMITS: Mapping[str, Any] = {"reserved": RESERVED, "required_by_form": len(RESERVED)}
_SOURCES_MAX, _SOURCE_CHARS_MAX = 50, 80


def filled(definition: Definition, answers: Mapping[str, Any], name: str) -> Any:
    """Return the answer that fills a field of the profile; None without one."""
    field = definition.filling(name)
    return answers.get(field.key) if field is not None else None


def texts_of(definition: Definition, answers: Mapping[str, Any], name: str) -> list[str]:
    """Return an answer as a list of texts: the labels of choices, the parts of a text with commas."""
    field, value = definition.filling(name), filled(definition, answers, name)
    if field is None or value is None:
        return []
    if field.options:
        labels = {option.value: text_in(option.label, "en") or option.value for option in field.options}
        return [labels.get(item, str(item)) for item in (value if isinstance(value, list) else [value])]
    return list(dict.fromkeys(part.strip() for part in str(value).split(",") if part.strip()))


def partner_values(application: Application) -> dict[str, Any]:
    """Return the fields of the partner that an application becomes."""
    form, definition = application.form, application.definition
    kind = filled(definition, application.answers, "type") or form.partner_type
    sources = texts_of(definition, application.answers, "traffic_sources")[:_SOURCES_MAX]
    values: dict[str, Any] = {
        "name": application.company or application.name, "email": application.email, "company": application.company,
        "website": application.website, "country": application.country, "group": form.group,
        "type": kind if kind in PartnerType.values else form.partner_type, "language": application.locale,
        "traffic_sources": [source[:_SOURCE_CHARS_MAX] for source in sources],
    }  # fmt: skip
    custom = {"tax_id": application.tax_id} if application.tax_id else {}
    return {**values, "custom": custom}
