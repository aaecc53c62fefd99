"""The score of an application: parts with points and evidence, from what this installation knows by itself."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from control.applications.disposable import disposable_domain, domain_of
from control.applications.duplicates import STRONG, find_duplicates, site_domain
from control.applications.models import Application
from control.applications.profile import filled, texts_of
from control.applications.states import ApplicationStatus
from control.custom_forms.answers import is_shown
from control.custom_forms.conditions import is_filled
from control.custom_forms.definition import Definition
from control.custom_forms.points import EVIDENCE_CHARS_MAX, Part, answer_parts, score_of

_BRAND_SEARCH = ("brand_search", "brand search", "brand bidding")
_Found = tuple[str, str]
"""Code of a part, and its evidence."""


def assess(application: Application) -> None:
    """Set score, parts and duplicates of an application, without storing it."""
    application.duplicates = find_duplicates(application)
    points = application.form.points
    found = [
        Part(code, points[code], evidence[:EVIDENCE_CHARS_MAX]) for code, evidence in _evidence(application)
        if points[code]
    ]  # fmt: skip
    found += answer_parts(application.definition, application.answers)
    application.parts = [part.stored() for part in found]
    application.score = score_of(found)


def wanted_words(application: Application) -> Sequence[str]:
    """Return the words that the site should have: the topics that the applicant has named, else those of the form."""
    topics = texts_of(application.definition, application.answers, "topics")
    return (topics or application.form.words)[:50]


def _evidence(application: Application) -> Iterator[_Found]:
    definition, answers = application.definition, application.answers
    domain, site = domain_of(application.email), site_domain(application.website)
    if application.verified is not None:
        yield "mail_verified", f"the link sent to {application.email} was used"
    if site and (domain == site or domain.endswith(f".{site}")):
        yield "mail_matches_site", f"mail address at {domain}, site at {site}"
    yield from _of_site(application.site, wanted_words(application))
    proof = filled(definition, answers, "traffic_proof")
    if isinstance(proof, dict):
        yield "traffic_proof", f"file {proof.get('name', '')}"
    if socials := filled(definition, answers, "socials"):
        yield "references", str(socials)
    if application.country and application.country in application.form.countries:
        yield "country_wanted", f"{application.country} is one of {', '.join(application.form.countries)}"
    asked = _asked(definition, answers)
    if asked and not [key for key in asked if not is_filled(answers.get(key))]:
        yield "complete_profile", f"all {len(asked)} fields are filled in"
    yield from _of_history(application)
    if listed := disposable_domain(application.email):
        yield "disposable_mail", f"{listed} gives addresses that are thrown away"
    sources = [*texts_of(definition, answers, "traffic_sources"), *_values(definition, answers)]
    if brand := next((source for source in sources if source.casefold() in _BRAND_SEARCH), ""):
        yield "brand_search", f"traffic source {brand}"


def _values(definition: Definition, answers: Mapping[str, Any]) -> list[str]:
    """Return the values, not the labels, of the choices of traffic sources."""
    value = filled(definition, answers, "traffic_sources")
    return [str(item) for item in value] if isinstance(value, list) else [str(value)] if value else []


def _of_site(site: Mapping[str, Any], words: Sequence[str]) -> Iterator[_Found]:
    if not site.get("answers"):
        return
    yield "site_answers", f"{site['url']} answered {site['status']}" + (f": {site['title']}" if site["title"] else "")
    if found := [word for word in words if word in site["words"]]:
        yield "site_on_topic", f"the site has {', '.join(found)}"


def _of_history(application: Application) -> Iterator[_Found]:
    strong = [
        entry for entry in application.duplicates if entry["of"] == "partner" and STRONG.intersection(entry["kinds"])
    ]
    if strong:
        entry = strong[0]
        yield "duplicate", f"partner {entry['id']} {entry['name']}: {', '.join(entry['evidence'])}"
    earlier = Application.objects.filter(email=application.email).exclude(pk=application.pk)
    earlier = earlier.exclude(status=ApplicationStatus.UNVERIFIED)
    rejected = earlier.filter(status=ApplicationStatus.REJECTED).order_by("-decided").first()
    if rejected is not None and rejected.decided is not None:
        yield "rejected_before", f"on {rejected.decided:%Y-%m-%d}: {rejected.reason}"
    elif not earlier.filter(verified__isnull=False).exists():
        yield "first_application", "no earlier application from this mail address"


def _asked(definition: Definition, answers: Mapping[str, Any]) -> list[str]:
    """Return the keys of the fields that were shown."""
    return [field.key for field in definition.fields if is_shown(field, answers)]
