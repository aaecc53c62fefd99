"""Answers as one partner may read them: the engine's own lock, whatever the control plane asks for."""

from typing import Any

from clew.requests.types import (
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
from reporting.report import report_for_partner

Answer = dict[str, Any]


def partner_view(kind: type[Request], answer: Answer, partner: int) -> Answer:
    """Return what a partner may read of an answer that is limited to its rows already."""
    if kind is ReportRequest:
        return report_for_partner(answer)
    if kind is ConversionsRequest:
        return {"conversions": conversions_for_partner(answer["conversions"], partner)}
    if kind is ExplainRequest:
        return explanation_for_partner(answer, partner)
    if kind is HitsRequest:
        return {**answer, "hits": hits_for_partner(answer["hits"])}
    if kind is RejectedReasonsRequest:
        return answer
    if kind is RejectedExamplesRequest:
        return {"examples": examples_for_partner(answer["examples"])}
    raise AssertionError(f"no answer of {kind.NAME} is for partners")
