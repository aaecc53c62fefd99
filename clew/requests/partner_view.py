"""Answers as one partner may read them: the engine's own lock, whatever the control plane asks for."""

from collections.abc import Mapping
from typing import Any

from clew.requests.types import (
    BadRequest,
    BalancesRequest,
    ConversionsRequest,
    ExplainRequest,
    HitsRequest,
    RejectedExamplesRequest,
    RejectedReasonsRequest,
    ReportRequest,
    Request,
)
from reporting.conversion_list import conversions_for_partner
from reporting.explain_partner import explanation_for_partner
from reporting.hits import hits_for_partner
from reporting.rejected_hits import examples_for_partner
from reporting.report import HIDEABLE, report_for_partner
from runtime.engine_key import REVENUE, PartnerToken

Answer = dict[str, Any]


def check_order(kind: type[Request], fields: Mapping[str, Any], token: PartnerToken) -> None:
    """Refuse to order rows by what is hidden: the order would tell it. Raises BadRequest."""
    order = str(fields.get("order") or "").removeprefix("-")
    if kind is ReportRequest and order in HIDEABLE - token.shows:
        raise BadRequest("order", f"this report has no column {order}")


def partner_view(kind: type[Request], answer: Answer, token: PartnerToken) -> Answer:
    """Return what a partner may read of an answer that is limited to its rows already."""
    partner, revenue = token.partner, REVENUE in token.shows
    if kind is ReportRequest:
        return report_for_partner(answer, token.shows)
    if kind is ConversionsRequest:
        return {"conversions": conversions_for_partner(answer["conversions"], partner, revenue=revenue)}
    if kind is ExplainRequest:
        return explanation_for_partner(answer, partner, revenue=revenue)
    if kind is HitsRequest:
        return {**answer, "hits": hits_for_partner(answer["hits"], revenue=revenue)}
    if kind in (RejectedReasonsRequest, BalancesRequest):
        return answer
    if kind is RejectedExamplesRequest:
        return {"examples": examples_for_partner(answer["examples"])}
    raise AssertionError(f"no answer of {kind.NAME} is for partners")
