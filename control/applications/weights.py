"""Parts of the score of an application, with their usual points. Pure."""

from collections.abc import Mapping
from typing import Any

POINTS_MAX = 100
WEIGHTS: Mapping[str, int] = {
    "mail_verified": 15,
    "mail_matches_site": 15,
    "site_answers": 10,
    "site_on_topic": 10,
    "traffic_proof": 10,
    "references": 10,
    "country_wanted": 10,
    "complete_profile": 10,
    "first_application": 10,
    "disposable_mail": -30,
    "duplicate": -40,
    "rejected_before": -20,
    "brand_search": -20,
}
PART_TEXTS: Mapping[str, str] = {
    "mail_verified": "Mail address verified",
    "mail_matches_site": "Mail address at the domain of the site",
    "site_answers": "Site answers",
    "site_on_topic": "Site has the wanted words",
    "traffic_proof": "Proof of traffic sent",
    "references": "References or social profiles given",
    "country_wanted": "Country is wanted",
    "complete_profile": "All fields are filled in",
    "first_application": "First application",
    "disposable_mail": "Disposable mail address",
    "duplicate": "Duplicate of a partner",
    "rejected_before": "Rejected before",
    "brand_search": "Search ads with the brand declared",
}


def part_text(code: str) -> str:
    """Return the name of a part of the score for people; points for an answer have `answer:` before the key."""
    return PART_TEXTS.get(code, f"Answer to {code.partition(':')[2]}" if code.startswith("answer:") else code)


def weights_problem(value: Any) -> str:
    """Return a sentence about what is wrong with changed points; empty if they are right."""
    if not isinstance(value, dict):
        return "must be a map of parts to points"
    for name, points in value.items():
        if name not in WEIGHTS:
            return f"has {str(name)[:40]!r}; it is one of {', '.join(WEIGHTS)}"
        if not isinstance(points, int) or isinstance(points, bool) or abs(points) > POINTS_MAX:
            return f"must have a whole number from -{POINTS_MAX} to {POINTS_MAX} for {name}"
    return ""
