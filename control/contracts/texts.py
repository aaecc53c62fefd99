"""Text of a contract: values filled in, one canonical text with its hash, and HTML that is safe to show."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

import nh3
from markdown_it import MarkdownIt

from control.contracts.models import TemplateVersion
from control.errors import FieldError, Mistakes

VALUE_CHARS_MAX = 500
_PLACE = re.compile(r"\{\{ *([a-z][a-z0-9_]*) *\}\}")
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>()#+\-.!|~&])")
_TAGS = {
    "a", "blockquote", "br", "code", "em", "h1", "h2", "h3", "h4", "hr", "li", "ol", "p", "pre", "strong", "table",
    "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip


def hash_of(text: str | bytes) -> str:
    """Return the SHA-256 of a text as hex digits."""
    return hashlib.sha256(text.encode() if isinstance(text, str) else text).hexdigest()


def hash_of_version(version: TemplateVersion) -> str:
    """Return the hash of everything that a version says."""
    names = ("texts", "variables", "plan_terms", "term_months", "notice_days", "tail_days", "countersign")
    return hash_of(json.dumps({name: getattr(version, name) for name in names}, sort_keys=True, ensure_ascii=False))


def names_in(text: str) -> set[str]:
    """Return the names of the variables that a text uses."""
    return set(_PLACE.findall(text))


def filled_values(variables: Sequence[Mapping[str, Any]], given: Mapping[str, str]) -> dict[str, str]:
    """Return a value for each variable: the given one, or its default. Raises Invalid."""
    mistakes, known = Mistakes(), {str(variable["name"]): variable for variable in variables}
    for name in sorted(given.keys() - known.keys()):
        mistakes.add(f"values.{name}", "is not a variable of the template")
    found = {}
    for name, variable in known.items():
        value = str(given.get(name) or variable.get("default") or "").strip()
        if problem := _problem(str(variable.get("type", "text")), value):
            mistakes.add(f"values.{name}", problem)
        found[name] = value
    mistakes.check()
    return found


def _problem(kind: str, value: str) -> str:
    if not value:
        return "is missing"
    if len(value) > VALUE_CHARS_MAX or "\n" in value:
        return f"must be one line of at most {VALUE_CHARS_MAX} characters"
    try:
        if kind == "number" and not Decimal(value).is_finite():
            return "must be a number, such as 8.5"
        if kind == "date":
            date.fromisoformat(value)
    except (InvalidOperation, ValueError):
        return "must be a number, such as 8.5" if kind == "number" else "must be a date, such as 2026-03-31"
    return ""


def text_of(version: TemplateVersion, locale: str, values: Mapping[str, str]) -> str:
    """Return the canonical text: values filled in as plain text, then the terms. Equal input gives equal bytes."""
    body = _PLACE.sub(lambda found: _SPECIAL.sub(r"\\\1", values[found[1]]), version.texts[locale])
    lines = [line.rstrip() for line in body.replace("\r\n", "\n").strip().split("\n")]
    return "\n".join([*lines, "", "## Terms", "", *(f"* {line}" for line in term_lines(version)), ""])


def term_lines(version: TemplateVersion) -> list[str]:
    """Return the terms of a version as sentences."""
    lines = [_plan_line(plan) for plan in version.plan_terms]
    lines.append(f"Term: {version.term_months} months" if version.term_months else "Term: no fixed end")
    lines.append(f"Notice: {version.notice_days} days")
    return [*lines, f"Clicks before the end are paid for {version.tail_days} more days"]


def _plan_line(plan: Mapping[str, Any]) -> str:
    parts = [f"{plan['percent']} %"] if plan.get("percent") else []
    if fixed := plan.get("fixed"):
        parts.append(f"{fixed['amount']} {fixed['currency']}")
    goal = f", goal {plan['goal']}" if plan.get("goal") else ""
    hold = f", held for {plan['hold']}" if plan.get("hold") else ""
    return f"Payout for offer {plan['offer']}{goal}: {' + '.join(parts)}{hold}"


@lru_cache(maxsize=1)
def _markdown() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False}).enable("table")


def html_of(text: str) -> str:
    """Return Markdown as HTML without anything that runs or loads."""
    cleaned: str = nh3.clean(_markdown().render(text), tags=_TAGS, attributes={"a": {"href"}}, url_schemes={"https"})
    return cleaned


def check_texts(texts: Mapping[str, str], variables: Sequence[Mapping[str, Any]], chars_max: int) -> list[FieldError]:
    """Return the mistakes of the texts of a version."""
    known, found = {str(variable["name"]) for variable in variables}, []
    if not texts:
        found.append(FieldError("texts", "is empty; give a text for a language, such as en"))
    for locale, text in texts.items():
        if not text.strip() or len(text) > chars_max:
            found.append(FieldError(f"texts.{locale}", f"must have 1 to {chars_max} characters"))
        if unknown := sorted(names_in(text) - known):
            found.append(FieldError(f"texts.{locale}", f"uses {unknown[0]}, which is not among the variables"))
    return found
