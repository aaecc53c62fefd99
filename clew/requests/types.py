"""Requests to an installation: one type each, with its fields, their types and bounds.

The command line makes them, sends them to a running server as JSON or answers them itself. `decode_request` reads
what came over HTTP, and checks what the command line made.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, TypeVar, get_args, get_type_hints

import msgspec

TIMEOUT_S_MAX = 7 * 86_400
WORKERS_MAX = 64
NUMBERS_MAX = 100_000
"""Most partners or offers that a request may name."""
REPORT_ROWS_MAX = 100_000
FILTERS_MAX = 20
CONVERSIONS_MAX = 1_000
BALANCES_MAX = 1_001
HITS_MAX = 1_001
"""A page of 500 and one more, and as many of the moment at which the page starts."""
EXAMPLES_MAX = 100
POSTBACK_CHARS_MAX = 65_536
CATCH_UP_TIMEOUT_S = 600.0
AUDIT_SETTLE_TIMEOUT_S = 15.0

Seconds = Annotated[float, msgspec.Meta(gt=0, le=TIMEOUT_S_MAX)]
Text = Annotated[str, msgspec.Meta(min_length=1)]
Numbers = Annotated[list[Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]], msgspec.Meta(max_length=NUMBERS_MAX)]
Status = Literal["pending", "hold", "approved", "declined"]
Number = Annotated[int, msgspec.Meta(ge=1, le=2**32 - 1)]
Reuse = Literal["reuse", "consume", "reset"]


class Request(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all requests."""

    NAME: ClassVar[str]
    """Name in the URL: /operator/NAME."""

    def to_json(self) -> dict[str, Any]:
        """Return the body of the HTTP request."""
        body: dict[str, Any] = msgspec.to_builtins(self)
        return body


class ReportRequest(Request, frozen=True, kw_only=True, forbid_unknown_fields=True):
    NAME = "report"

    name: Text
    by: Text | None = None
    """Dimensions, separated by commas."""
    from_: Text | None = msgspec.field(name="from", default=None)
    to: Text | None = None
    partners: Numbers | None = None
    """Only these partners."""
    offers: Numbers | None = None
    """Only these offers."""
    filters: Annotated[dict[Text, list[str]], msgspec.Meta(max_length=FILTERS_MAX)] | None = None
    """Values to keep, by dimension."""
    order: Text | None = None
    """Column to sort by, - in front for the largest first."""
    limit: Annotated[int, msgspec.Meta(ge=1, le=REPORT_ROWS_MAX)] | None = None
    offset: Annotated[int, msgspec.Meta(ge=0)] = 0


class ConversionsRequest(Request, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Conversions, newest first."""

    NAME = "conversions"

    from_: Text | None = msgspec.field(name="from", default=None)
    to: Text | None = None
    partners: Numbers | None = None
    offers: Numbers | None = None
    status: Status | None = None
    goal: Text | None = None
    conversion_id: Text | None = None
    q: Text | None = None
    """Order number, click id or conversion id, exactly."""
    personal: bool = False
    """Search user ids and custom fields too."""
    after: tuple[int, Text] | None = None
    """Time in µs and id of the last conversion of the page before."""
    limit: Annotated[int, msgspec.Meta(ge=1, le=CONVERSIONS_MAX)] = 50


class ConversionRequest(Request, frozen=True, kw_only=True, forbid_unknown_fields=True):
    NAME = "conversion"

    conversion_id: Text


class ExplainRequest(Request, frozen=True, kw_only=True, forbid_unknown_fields=True):
    NAME = "explain"

    conversion_id: Text
    partners: Numbers | None = None
    """Only if one of these partners has a share."""


class ProblemsRequest(Request, frozen=True, kw_only=True, forbid_unknown_fields=True):
    NAME = "problems"


class SqlRequest(Request, frozen=True, kw_only=True, forbid_unknown_fields=True):
    NAME = "sql"

    sql: Text


class AuditRequest(Request, frozen=True, kw_only=True, forbid_unknown_fields=True):
    NAME = "audit"

    timeout: Seconds = AUDIT_SETTLE_TIMEOUT_S
    """Longest wait for ingest and attribution to settle first."""


class AttributeRequest(Request, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Store, credit and price everything that the log holds."""

    NAME = "attribute"

    wait: bool = False
    """On servers: leave the work to the workers that run there."""
    timeout: Seconds = CATCH_UP_TIMEOUT_S


class RunRequest(Request, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Catch up, then apply attribution models to stored conversions; pays nothing."""

    NAME = "run"

    models: Text
    """Names, separated by commas."""
    wait: bool = False
    timeout: Seconds = CATCH_UP_TIMEOUT_S
    from_: Text | None = msgspec.field(name="from", default=None)
    to: Text | None = None
    as_of: Text | None = None
    reuse: Reuse = "reuse"
    stitch: bool = False
    workers: Annotated[int, msgspec.Meta(ge=1, le=WORKERS_MAX)] = 1
    conversions_min: Annotated[int, msgspec.Meta(ge=0)] = 0


class DiffRequest(Request, frozen=True, kw_only=True, forbid_unknown_fields=True):
    NAME = "diff"

    left: Text
    right: Text
    by: Text = "partner"


class FitRequest(Request, frozen=True, kw_only=True, forbid_unknown_fields=True):
    NAME = "fit"

    run: Text


class DeadLettersRequest(Request, frozen=True, kw_only=True, forbid_unknown_fields=True):
    NAME = "dead_letters"


class BackupRequest(Request, frozen=True, kw_only=True, forbid_unknown_fields=True):
    NAME = "backup"

    to: Text
    """Absolute path of a new directory."""


class RepairRequest(Request, frozen=True, kw_only=True, forbid_unknown_fields=True):
    NAME = "repair"


class HitsRequest(Request, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hits as they come in, newest first."""

    NAME = "hits"

    before: Text | None = None
    """Only hits before this time."""
    limit: Annotated[int, msgspec.Meta(ge=1, le=HITS_MAX)] = 50
    kind: Literal["click", "impression", "conversion", "adjustment", "event"] | None = None
    verdict: Literal["accepted", "bot", "rejected"] | None = None
    offer: Number | None = None
    partner: Number | None = None
    partners: Numbers | None = None
    """Only hits of these partners."""


class RejectedRequest(Request, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of requests about rejected hits."""

    from_: Text | None = msgspec.field(name="from", default=None)
    to: Text | None = None
    kind: Literal["click", "impression", "conversion", "adjustment", "event"] | None = None
    offer: Number | None = None
    partner: Number | None = None
    partners: Numbers | None = None
    """Only hits of these partners."""


class RejectedReasonsRequest(RejectedRequest, frozen=True, kw_only=True, forbid_unknown_fields=True):
    NAME = "rejected_reasons"


class RejectedExamplesRequest(RejectedRequest, frozen=True, kw_only=True, forbid_unknown_fields=True):
    NAME = "rejected_examples"

    reason: Text
    limit: Annotated[int, msgspec.Meta(ge=1, le=HITS_MAX)] = 20
    personal: bool = True
    """False to leave out the parameters that were sent."""


class ProblemsByCodeRequest(Request, frozen=True, kw_only=True, forbid_unknown_fields=True):
    NAME = "problems_by_code"

    examples: Annotated[int, msgspec.Meta(ge=1, le=EXAMPLES_MAX)] = 10
    partners: Numbers | None = None
    """Only problems of conversions that are credited to one of them."""


class PostbackRequest(Request, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A postback to read as an edge would; nothing is recorded."""

    NAME = "postback"

    query: Annotated[str, msgspec.Meta(max_length=POSTBACK_CHARS_MAX)] = ""
    body: Annotated[str, msgspec.Meta(max_length=POSTBACK_CHARS_MAX)] | None = None
    content_type: Text | None = None
    partners: Numbers | None = None
    """Only a postback of these partners."""


class BalancesRequest(Request, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Net commissions of partners: pending, held and payable."""

    NAME = "balances"

    partners: Numbers | None = None
    """Only these partners."""
    limit: Annotated[int, msgspec.Meta(ge=1, le=BALANCES_MAX)] = BALANCES_MAX
    offset: Annotated[int, msgspec.Meta(ge=0)] = 0


class LagRequest(Request, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Records that ingest and attribution have yet to handle."""

    NAME = "lag"


class ProgramRequest(Request, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Time zone and currency of the program that rules."""

    NAME = "program"


REQUESTS: dict[str, type[Request]] = {
    kind.NAME: kind
    for kind in (
        ReportRequest, ConversionsRequest, ConversionRequest, ExplainRequest, ProblemsRequest, SqlRequest, AuditRequest,
        AttributeRequest, RunRequest, DiffRequest, FitRequest, DeadLettersRequest, BackupRequest, RepairRequest,
        HitsRequest, RejectedReasonsRequest, RejectedExamplesRequest, ProblemsByCodeRequest, PostbackRequest,
        LagRequest, ProgramRequest, BalancesRequest,
    )
}  # fmt: skip

OF_CONTROL_PLANE = frozenset(
    {
        "report", "conversions", "conversion", "explain", "problems", "sql", "hits", "rejected_reasons",
        "rejected_examples", "problems_by_code", "postback", "lag", "program", "balances",
    }
)  # fmt: skip
"""Requests that the control plane may send; none changes anything."""
OF_PARTNER = frozenset(
    {"report", "conversions", "explain", "hits", "rejected_reasons", "rejected_examples", "balances"}
)
"""Requests that are answered for one partner. Each has a field `partners`."""


class BadRequest(ValueError):
    """A field of a request is missing, unknown, or has a value that is not allowed."""

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(f"{field}: {detail}")
        self.field = field


R = TypeVar("R", bound=Request)
_UNKNOWN = re.compile(r"unknown field `([^`]*)`")
_MISSING = re.compile(r"required field `([^`]*)`")
_BOUND = re.compile(r"Expected `\w+(?: \| null)?` ([<>]=?) ([\d.]+)")
_KINDS = re.compile(r"Expected `([^`]*)`, got `([^`]*)`")
_COMPARISONS = {">": "greater than", ">=": "at least", "<": "less than", "<=": "at most"}
_KIND_NAMES = {
    "str": "text", "int": "a whole number", "float": "a number", "bool": "true or false", "null": "null",
    "array": "a list", "object": "an object",
}  # fmt: skip
_AT_FIELD = re.compile(r" - at `\$\.([^`.\[]*)")


def decode_request(kind: type[R], values: Mapping[str, Any]) -> R:
    """Check the fields of a request. Raises BadRequest, which names the field."""
    try:
        return msgspec.convert(dict(values), kind)
    except msgspec.ValidationError as error:
        raise _bad_request(kind, str(error)) from None


def _bad_request(kind: type[Request], message: str) -> BadRequest:
    """Name the field that msgspec's message is about."""
    if (unknown := _UNKNOWN.search(message)) is not None:
        known = ", ".join(kind.__struct_encode_fields__) or "none"
        return BadRequest(unknown.group(1), f"{kind.NAME} has no such field; it has {known}")
    if (missing := _MISSING.search(message)) is not None:
        return BadRequest(missing.group(1), "missing; send it")
    at_field = _AT_FIELD.search(message)
    name = at_field.group(1) if at_field is not None else "request"
    if "Invalid enum value" in message:
        return BadRequest(name, f"must be one of {', '.join(get_args(get_type_hints(kind)[name]))}")
    if "of length >= 1" in message:
        return BadRequest(name, "empty; give a value, or leave it out")
    return BadRequest(name, _expected(message.partition(" - at ")[0]))


def _expected(message: str) -> str:
    """Say in plain words what msgspec expected of a value."""
    if (bound := _BOUND.fullmatch(message)) is not None:
        return f"must be {_COMPARISONS[bound.group(1)]} {float(bound.group(2)):g}"
    if (kinds := _KINDS.fullmatch(message)) is not None:
        expected, got = (_KIND_NAMES.get(kind.removesuffix(" | null"), kind) for kind in kinds.groups())
        return f"must be {expected}, not {got}"
    return message[:1].lower() + message[1:].replace("`", "")
