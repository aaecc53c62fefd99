"""Partners and applications that may be of the same person or company as an application, with what shows it."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from django.db.models import Q, QuerySet

from control.applications.disposable import own_domain
from control.applications.models import Application
from control.partners.models import Partner

DUPLICATES_MAX = 20
_EACH_MAX = 5
STRONG = frozenset({"mail", "mail_domain", "site", "tax_id"})
"""Kinds that lower the score. The same name of a company alone does not."""


def site_domain(url: str) -> str:
    """Return the domain of a website, without www."""
    try:
        return (urlsplit(url).hostname or "").removeprefix("www.").casefold()
    except ValueError:
        return ""


def find_duplicates(application: Application) -> list[dict[str, Any]]:
    """Return duplicates as they are stored, partners first."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for kind, what, key, name, evidence in (*_partners(application), *_applications(application)):
        entry = found.setdefault((what, key), {"of": what, "id": key, "name": name, "kinds": [], "evidence": []})
        if kind not in entry["kinds"]:
            entry["kinds"].append(kind)
            entry["evidence"].append(evidence)
    return list(found.values())[:DUPLICATES_MAX]


_Found = tuple[str, str, str, str, str]


def _partners(application: Application) -> Iterator[_Found]:
    rows = Partner.objects.only("number", "name").order_by("number")

    def found(kind: str, matching: QuerySet[Partner], evidence: str) -> Iterator[_Found]:
        for partner in matching[:_EACH_MAX]:
            yield kind, "partner", str(partner.number), partner.name, evidence

    yield from found("mail", rows.filter(email__iexact=application.email), f"mail address {application.email}")
    if domain := own_domain(application.email):
        yield from found(
            "mail_domain",
            rows.filter(email__iendswith=f"@{domain}").exclude(email__iexact=application.email),
            f"mail address at {domain}",
        )
    if domain := site_domain(application.website):
        yield from found("site", rows.filter(_at(domain)), f"site {domain}")
    if application.company:
        yield from found("company", rows.filter(company__iexact=application.company), f"company {application.company}")
    if application.tax_id:
        yield from found("tax_id", rows.filter(custom__tax_id=application.tax_id), f"tax number {application.tax_id}")


def _applications(application: Application) -> Iterator[_Found]:
    rows = Application.objects.only("pk", "name").exclude(pk=application.pk).order_by("-submitted")

    def found(kind: str, matching: QuerySet[Application], evidence: str) -> Iterator[_Found]:
        for row in matching[:_EACH_MAX]:
            yield kind, "application", str(row.pk), row.name, evidence

    yield from found("mail", rows.filter(email=application.email), f"mail address {application.email}")
    if domain := site_domain(application.website):
        others = rows.filter(_at(domain)).exclude(email=application.email)
        yield from found("site", others, f"site {domain}")
    if application.tax_id:
        others = rows.filter(tax_id=application.tax_id).exclude(email=application.email)
        yield from found("tax_id", others, f"tax number {application.tax_id}")


def _at(domain: str) -> Q:
    """Return the condition that a website is at a domain."""
    hosts = Q()
    for host in (domain, f"www.{domain}"):
        for scheme in ("http", "https"):
            hosts |= Q(website__iexact=f"{scheme}://{host}") | Q(website__istartswith=f"{scheme}://{host}/")
    return hosts
