"""API: contracts, their acceptance and their evidence."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Schema, Status
from pydantic import AwareDatetime, ConfigDict, Field

from control.accounts.middleware import actor_of
from control.api.answers import answers
from control.api.lists import Orders, PageQuery, exactly, page
from control.contracts import archive, services
from control.contracts.models import REASON_CHARS_MAX, Acceptance, Contract
from control.contracts.selectors import contract_of, visible_contracts
from control.filters import NUMBER_MAX

contracts = Router(tags=["contracts"])
_ZIP: dict[str, Any] = {"responses": {200: {"content": {"application/octet-stream": {}}}}}
_ORDERS = Orders({"number": "number", "sent": "sent"}, "-number")


class ContractIn(Schema):
    """A contract to send to a partner, from the newest published version of a template."""

    model_config = ConfigDict(extra="forbid")

    partner: int = Field(ge=1, le=NUMBER_MAX)
    template: str = Field(max_length=40, description="Code of the template.")
    values: dict[str, str] = Field(default_factory=dict, description="Values of the variables, by name.")
    starts: AwareDatetime | None = Field(None, description="Null: when it is signed.")
    ends: AwareDatetime | None = Field(None, description="Null: by the term of the template. Exclusive.")
    tz: str = Field("UTC", max_length=64)
    locale: str = Field("", max_length=16)
    supersedes: UUID | None = None


class SignatureIn(Schema):
    """Declaration of a person that accepts a contract."""

    model_config = ConfigDict(extra="forbid")

    typed_name: str = Field(max_length=200)
    authority: bool = Field(description="Whether the person has the authority to accept for the partner.")
    sha256: str = Field(max_length=64, description="Hash of the text that was shown.")


class ContractReasonIn(Schema):
    """A reason."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(max_length=REASON_CHARS_MAX)


class TerminationIn(ContractReasonIn):
    """The end of a contract before its time."""

    ends: AwareDatetime | None = Field(None, description="Null: as early as possible.")
    cause: bool = Field(False, description="True for a cause that needs no notice; the reason says which.")


class EvidenceOut(Schema):
    """Evidence of an acceptance."""

    who: str
    typed_name: str
    authority: str
    when: datetime
    ip: str
    user_agent: str
    sha256: str
    opened: datetime | None


class ContractOut(Schema):
    """A contract."""

    id: str
    number: int
    partner: int
    template: str
    version: int
    locale: str
    values: dict[str, str]
    text: str
    sha256: str
    state: str
    reason: str
    tz: str
    starts: datetime | None
    ends: datetime | None
    notice_days: int
    tail_days: int
    countersign: bool
    supersedes: str | None
    sent: datetime
    sent_by: str
    opened: datetime | None
    countersigned: datetime | None
    countersigned_by: str
    pdf_sha256: str
    evidence: EvidenceOut | None


class ContractQuery(PageQuery):
    """Filters of contracts."""

    partner: int | None = Field(None, ge=1, le=NUMBER_MAX)
    state: str = Field("", max_length=16)
    template: str = Field("", max_length=40)


class ContractPage(Schema):
    """Page of contracts."""

    items: list[ContractOut]
    next: str | None


def _evidence(contract: Contract) -> EvidenceOut | None:
    found: Acceptance | None = getattr(contract, "acceptance", None)
    if found is None:
        return None
    names = ("typed_name", "authority", "ip", "user_agent", "sha256", "opened")
    return EvidenceOut(who=found.person_email, when=found.at, **{name: getattr(found, name) for name in names})


def contract_out(contract: Contract) -> ContractOut:
    """Show a contract."""
    version = contract.version
    same = (
        "number", "locale", "values", "text", "sha256", "state", "reason", "tz", "starts", "ends", "sent", "sent_by",
        "opened", "countersigned", "countersigned_by", "pdf_sha256",
    )  # fmt: skip
    return ContractOut(
        id=str(contract.pk), partner=contract.partner_id, template=version.template.code, version=version.number,
        notice_days=version.notice_days, tail_days=version.tail_days, countersign=version.countersign,
        supersedes=str(contract.supersedes_id) if contract.supersedes_id else None, evidence=_evidence(contract),
        **{name: getattr(contract, name) for name in same},
    )  # fmt: skip


def _shown(request: HttpRequest, contract: Contract) -> ContractOut:
    return contract_out(contract_of(actor_of(request), contract.pk))


@contracts.get("", response=answers(ContractPage))
def list_contracts(request: HttpRequest, query: Query[ContractQuery]) -> HttpResponse:
    """List contracts, newest first."""
    found = exactly(
        visible_contracts(actor_of(request)), query, "state", partner="partner_id", template="version__template__code"
    )
    if query.q:
        found = found.filter(text__icontains=query.q)
    return page(request, found, query, _ORDERS, contract_out)


@contracts.post("", response=answers(ContractOut, status=201, errors=(404, 409)))
def send_contract(request: HttpRequest, body: ContractIn) -> Status[ContractOut]:
    """Send a contract to a partner."""
    made = services.send_contract(
        actor_of(request), body.partner, body.template, body.values, starts=body.starts, ends=body.ends, tz=body.tz,
        locale=body.locale, supersedes=body.supersedes,
    )  # fmt: skip
    return Status(201, _shown(request, made))


@contracts.get("/{contract_id}", response=answers(ContractOut, errors=(404,)))
def get_contract(request: HttpRequest, contract_id: UUID) -> ContractOut:
    """Get one contract. Opened by one of the partner's people for the first time, it is viewed."""
    return _shown(request, services.open_contract(actor_of(request), contract_id))


@contracts.post("/{contract_id}/accept", response=answers(ContractOut, errors=(404, 409)))
def accept_contract(request: HttpRequest, contract_id: UUID, body: SignatureIn) -> ContractOut:
    """Accept a contract: only the partner's owner, as a person, and never while an operator looks on."""
    session = getattr(request, "session", None)
    signature = services.Signature(
        body.typed_name, body.authority, body.sha256, request.headers.get("User-Agent", ""),
        (session.session_key or "") if session is not None else "",
    )  # fmt: skip
    return _shown(request, services.accept(actor_of(request), contract_id, signature))


@contracts.post("/{contract_id}/decline", response=answers(ContractOut, errors=(404, 409)))
def decline_contract(request: HttpRequest, contract_id: UUID, body: ContractReasonIn) -> ContractOut:
    """Decline a contract."""
    return _shown(request, services.decline(actor_of(request), contract_id, body.reason))


@contracts.post("/{contract_id}/withdraw", response=answers(ContractOut, errors=(404, 409)))
def withdraw_contract(request: HttpRequest, contract_id: UUID, body: ContractReasonIn) -> ContractOut:
    """Take a contract back that the partner has not answered."""
    return _shown(request, services.withdraw(actor_of(request), contract_id, body.reason))


@contracts.post("/{contract_id}/countersign", response=answers(ContractOut, errors=(404, 409)))
def countersign_contract(request: HttpRequest, contract_id: UUID) -> ContractOut:
    """Sign for the operator, after the partner."""
    return _shown(request, services.countersign(actor_of(request), contract_id))


@contracts.post("/{contract_id}/terminate", response=answers(ContractOut, errors=(404, 409)))
def terminate_contract(request: HttpRequest, contract_id: UUID, body: TerminationIn) -> ContractOut:
    """End a contract before its time, with notice or for a cause."""
    made = services.terminate(actor_of(request), contract_id, body.ends, cause=body.cause, reason=body.reason)
    return _shown(request, made)


@contracts.get("/{contract_id}/evidence.zip", response=answers(None, errors=(404, 409)), openapi_extra=_ZIP)
def get_evidence(request: HttpRequest, contract_id: UUID) -> HttpResponse:
    """Get text, evidence, page and PDF of an accepted contract as one file."""
    contract = contract_of(actor_of(request), contract_id)
    answer = HttpResponse(archive.evidence_zip(contract), content_type="application/zip")
    answer["Content-Disposition"] = f'attachment; filename="{contract}.zip"'
    return answer
