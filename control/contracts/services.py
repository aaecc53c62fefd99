"""Changes of contracts. Each function is one transition: rights, state, reason, audit."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.utils import timezone

from control.accounts.actor import Actor
from control.accounts.models import User
from control.accounts.roles import Action, Area
from control.audit.origin import ActorKind
from control.changes import changing
from control.contracts import archive
from control.contracts.models import REASON_CHARS_MAX, Acceptance, Contract
from control.contracts.periods import end_after, first_end, notice_starts
from control.contracts.selectors import contract_of
from control.contracts.states import IN_FORCE, TRANSITIONS, ContractState
from control.contracts.templates import newest_version
from control.contracts.texts import filled_values, hash_of, text_of
from control.errors import Conflict, FieldError, Forbidden, Invalid, Mistakes, NotFound, validate
from control.numbers.sequence import take_one
from control.partners.access import check_partners, require_operator
from control.partners.models import Partner
from control.partners.services import activate_approved
from control.program.versions import changing_program

KIND = "contract"
"""Kind of the numbers of contracts."""
AUTHORITY = "I have the authority to accept this contract for the partner."
NAME_CHARS_MAX = 200
_S = ContractState


@dataclass(frozen=True, slots=True)
class Signature:
    """Declaration of a person that accepts a contract. and from where."""

    typed_name: str
    authority: bool
    sha256: str
    """Hash of the text that the person was shown."""
    user_agent: str = ""
    session: str = ""
    """Key of the session; only its hash is stored."""
    locale: str = "en"


def send_contract(
    actor: Actor, partner_number: int, template_code: str, values: Mapping[str, str] | None = None, *,
    starts: datetime | None = None, ends: datetime | None = None, tz: str = "UTC", locale: str = "",
    supersedes: UUID | None = None,
) -> Contract:  # fmt: skip
    """Send the newest published version of a template to a partner. Without `starts`, it starts once it is signed.

    Raises Forbidden, NotFound, Invalid, Conflict.
    """
    require_operator(actor, Area.CONTRACTS, Action.WRITE)
    check_partners(actor, Area.CONTRACTS, Action.WRITE, partner_number)
    with changing(actor):
        partner = Partner.objects.filter(number=partner_number).first()
        if partner is None:
            raise NotFound(f"there is no partner {partner_number}")
        version = newest_version(template_code)
        chosen = next((wish for wish in (locale, partner.language, "en") if wish in version.texts), "")
        chosen = chosen or sorted(version.texts)[0]
        filled = filled_values(version.variables, values or {})
        text = text_of(version, chosen, filled)
        previous = contract_of(actor, supersedes) if supersedes is not None else None
        mistakes = Mistakes()
        if previous is not None and previous.partner_id != partner_number:
            mistakes.add("supersedes", "is a contract of another partner")
        if starts is not None and ends is not None and ends <= starts:
            mistakes.add("ends", "must be later than starts")
        mistakes.check()
        contract = Contract(
            number=take_one(KIND), partner=partner, version=version, locale=chosen, values=filled, text=text,
            sha256=hash_of(text), tz=tz, starts=starts, ends=ends, supersedes=previous,
            sent_by=(actor.name or actor.kind)[:254],
        )  # fmt: skip
        validate(contract)
        contract.save(force_insert=True)
    return contract


def open_contract(actor: Actor, contract_id: UUID) -> Contract:
    """Return a contract; the first time that one of the partner's people opens it, it is viewed."""
    contract = contract_of(actor, contract_id)
    if actor.partner is None or actor.viewer_role is not None or actor.kind is not ActorKind.PERSON:
        return contract
    if contract.state != _S.SENT:
        return contract
    with changing(actor):
        row = _locked(actor, contract_id)
        if row.state == _S.SENT:
            row.opened = timezone.now()
            _move(row, _S.VIEWED, "opened")
    return row


def obstacle_to_sign(actor: Actor) -> str:
    """Return why an actor may not accept or decline contracts; empty if it may."""
    if actor.viewer_role is not None:
        return "you see these pages as another person does; only the person itself may sign"
    if actor.partner is None:
        return "only the partner's own people may sign"
    if actor.kind is not ActorKind.PERSON:
        return "only a person signs; sign in to the portal"
    return "" if actor.may(Area.CONTRACTS, Action.APPROVE) else "your role may not sign; ask the owner of your company"


def accept(actor: Actor, contract_id: UUID, signature: Signature) -> Contract:
    """Accept the text that was shown, with evidence. It starts at once unless somebody has to countersign it.

    Raises Forbidden, NotFound, Invalid, Conflict.
    """
    _require_signatory(actor)
    _check_signature(signature)
    with changing_program(actor):  # its lock comes before all others
        contract = _locked(actor, contract_id)
        _check_move(contract, _S.ACCEPTED)
        if signature.sha256 != contract.sha256:
            raise Conflict("the text that you were shown is another one; open the contract again")
        now, user = timezone.now(), User.objects.get(pk=actor.id)
        evidence = Acceptance(
            contract=contract, person_id=actor.id, person_email=user.email, authority=AUTHORITY,
            typed_name=signature.typed_name.strip(), at=now, ip=actor.address, user_agent=signature.user_agent[:500],
            session=hash_of(signature.session) if signature.session else "", locale=signature.locale,
            sha256=contract.sha256, snapshot=archive.store_snapshot(contract), opened=contract.opened,
        )  # fmt: skip
        evidence.save(force_insert=True)
        contract.pdf, contract.pdf_sha256 = archive.store_pdf(contract, evidence)
        if not contract.version.countersign:
            _set_period(contract, now)
        _move(contract, _S.ACCEPTED, "pdf", "pdf_sha256", "starts", "ends")
        if not contract.version.countersign:
            _start_if_due(actor, contract, now)
    return contract


def countersign(actor: Actor, contract_id: UUID) -> Contract:
    """Sign for the operator, after the partner. Raises Forbidden, NotFound, Conflict."""
    require_operator(actor, Area.CONTRACTS, Action.APPROVE)
    if actor.viewer_role is not None:
        raise Forbidden(obstacle_to_sign(actor))
    with changing_program(actor):  # its lock comes before all others
        contract = _locked(actor, contract_id)
        if not contract.version.countersign:
            raise Conflict(f"{contract} needs no countersignature")
        now = timezone.now()
        contract.countersigned_by, contract.countersigned = (actor.name or actor.kind)[:254], now
        _set_period(contract, now)
        _move(contract, _S.COUNTERSIGNED, "countersigned_by", "countersigned", "starts", "ends")
        _start_if_due(actor, contract, now)
    return contract


def decline(actor: Actor, contract_id: UUID, reason: str) -> Contract:
    """Decline a contract for the partner. Raises Forbidden, NotFound, Invalid, Conflict."""
    _require_signatory(actor)
    return _end_with_reason(actor, contract_id, _S.DECLINED, reason)


def withdraw(actor: Actor, contract_id: UUID, reason: str) -> Contract:
    """Take a contract back that the partner has not answered. Raises Forbidden, NotFound, Invalid, Conflict."""
    require_operator(actor, Area.CONTRACTS, Action.WRITE)
    return _end_with_reason(actor, contract_id, _S.WITHDRAWN, reason)


def terminate(
    actor: Actor, contract_id: UUID, ends: datetime | None = None, *, cause: bool = False, reason: str
) -> Contract:
    """End a contract early: with notice, or at once for a cause. It stays in force until then.

    Raises Forbidden, NotFound, Invalid, and Conflict for a date before the notice, naming the first possible one.
    """
    require_operator(actor, Area.CONTRACTS, Action.APPROVE)
    reason = _reason(reason)
    with changing(actor, reason):
        contract = _locked(actor, contract_id)
        _check_move(contract, _S.TERMINATED)
        now = timezone.now()
        first = now if cause else first_end(now, contract.version.notice_days, contract.tz)
        wanted = ends or first
        if wanted < first and not cause:
            raise Conflict(
                f"the notice is {contract.version.notice_days} days; the first possible end is {first.isoformat()}"
            )
        if contract.ends is not None and wanted > contract.ends:
            raise Conflict(f"{contract} ends at {contract.ends.isoformat()} already")
        contract.ends, contract.reason = max(wanted, now), reason
        _move(contract, _S.TERMINATED, "ends", "reason")
    return contract


def is_due(contract: Contract, now: datetime) -> bool:
    """Return whether the notice period or the end of a contract has been reached. Contracts not started are due."""
    if contract.state != _S.ACTIVE or contract.ends is None:
        return True
    return notice_starts(contract.ends, contract.version.notice_days, contract.tz) <= now


def advance(actor: Actor, contract_id: UUID, now: datetime) -> Contract | None:
    """Make the transitions of a contract whose time has come; return None if there is none."""
    with changing_program(actor):  # its lock comes before all others
        contract = _locked(actor, contract_id)
        before = contract.state
        _start_if_due(actor, contract, now)
        ends = contract.ends
        if contract.state == _S.ACTIVE and ends is not None and is_due(contract, now):
            _move(contract, _S.EXPIRING)
        if contract.state == _S.EXPIRING and ends is not None and ends <= now:
            _move(contract, _S.EXPIRED)
    return contract if contract.state != before else None


def is_in_force(contract: Contract, at: datetime) -> bool:
    """Return whether a contract binds at an instant. A terminated one does until its end."""
    if contract.state not in IN_FORCE | {_S.TERMINATED, _S.EXPIRED} or contract.starts is None:
        return False
    return contract.starts <= at and (contract.ends is None or at < contract.ends)


def _require_signatory(actor: Actor) -> None:
    if obstacle := obstacle_to_sign(actor):
        raise Forbidden(obstacle)


def _check_signature(signature: Signature) -> None:
    mistakes, name = Mistakes(), signature.typed_name.strip()
    if not name or len(name) > NAME_CHARS_MAX or not name.isprintable():
        mistakes.add("typed_name", f"must be your name, of at most {NAME_CHARS_MAX} characters")
    if not signature.authority:
        mistakes.add("authority", "must be ticked: only who has the authority may accept")
    mistakes.check()


def _reason(reason: str) -> str:
    text = reason.strip()
    if not text or len(text) > REASON_CHARS_MAX:
        raise Invalid(FieldError("reason", f"must have 1 to {REASON_CHARS_MAX} characters"))
    return text


def _end_with_reason(actor: Actor, contract_id: UUID, to: ContractState, reason: str) -> Contract:
    text = _reason(reason)
    with changing(actor, text):
        contract = _locked(actor, contract_id)
        contract.reason = text
        _move(contract, to, "reason")
    return contract


def _locked(actor: Actor, contract_id: UUID) -> Contract:
    """Return a contract that the actor may see, locked. Raises Forbidden, NotFound."""
    contract_of(actor, contract_id)
    rows = Contract.objects.select_for_update(of=("self",)).select_related("version", "partner")
    row: Contract = rows.get(pk=contract_id)
    if actor.is_operator:
        check_partners(actor, Area.CONTRACTS, Action.WRITE, row.partner_id)
    return row


def _check_move(contract: Contract, to: ContractState) -> None:
    """Check that a transition is allowed. Raises Conflict."""
    allowed = TRANSITIONS[ContractState(contract.state)]
    if to not in allowed:
        what = f"it may become {', '.join(sorted(allowed))}" if allowed else "nothing follows that state"
        raise Conflict(f"{contract} is {contract.state} and cannot become {to}; {what}")


def _move(contract: Contract, to: ContractState, *fields: str) -> None:
    """Store the new state with other fields: one write, so one audit event."""
    _check_move(contract, to)
    contract.state = to
    contract.save(update_fields=["state", *fields])


def _set_period(contract: Contract, signed: datetime) -> None:
    """Set start and end of a contract that is signed: it never starts before."""
    contract.starts = max(contract.starts or signed, signed)
    if contract.ends is None and contract.version.term_months:
        contract.ends = end_after(contract.starts, contract.version.term_months, contract.tz)


def _start_if_due(actor: Actor, contract: Contract, now: datetime) -> None:
    """Start a signed contract whose start has come; a partner that was approved is active with it."""
    signed = _S.COUNTERSIGNED if contract.version.countersign else _S.ACCEPTED
    if contract.state == signed and contract.starts is not None and contract.starts <= now:
        _move(contract, _S.ACTIVE)
        activate_approved(actor, contract.partner_id, f"contract {contract} is in force")
