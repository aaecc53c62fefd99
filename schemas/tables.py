"""Base tables: the Structs that give their columns, their sorting and their partitions.

An event table has the fields of the event, the fields that ingest adds (Enrichment), and the origin of the row
(Source). Rows are only ever appended.
"""

from dataclasses import dataclass
from typing import Annotated

import msgspec

from schemas.events import Adjustment, Conversion, Rejected, Touch
from schemas.fields import NO_DIGEST, NO_TOKEN, col, digest, micros, minor, number, text, token, word


class Source(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Origin of a row. For attribution's rows, the batch is the pass and the offset is the row's index in it."""

    _log: Annotated[str, word("Identity of the log (32 hex digits).")]
    _source: Annotated[str, word("Topic, or `attribution`.")]
    _partition: Annotated[int, number("Partition, or shard.")]
    _offset: Annotated[int, col("UInt64", "Offset of the record.", codec="Delta, LZ4")]
    _batch: Annotated[int, col("UInt64", "First offset of the batch, or number of the pass.")]


class Enrichment(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Fields that ingest adds to a touch: a pure function of the record and the named epoch."""

    country: Annotated[str, word("ISO 3166 code, when a geo database is configured.")] = ""
    region: Annotated[str, word("Region, when a city database is configured.")] = ""
    city: Annotated[str, word("City, when a city database is configured.")] = ""
    device: Annotated[str, word("desktop, mobile, tablet or other.")] = ""
    os: Annotated[str, word("Operating system.")] = ""
    browser: Annotated[str, word("Browser, or the crawler's name.")] = ""
    is_bot: Annotated[int, number("1 when any bot reason applies.", "UInt8")] = 0
    bot_reasons: Annotated[int, number("Bit mask: see docs/reasons.md.", "UInt16")] = 0
    visitor_hash: Annotated[int, col("UInt64", "Hash of the visitor id; unique clicks count it.")] = 0
    _epoch: Annotated[str, word("Name of the rules and databases that enriched the row.")] = ""


class TouchKey(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A touch under one of its identities; journeys are read from these rows."""

    identity: Annotated[int, col("UInt64", "Hash of an identity of the touch (schemas/identity.py).")]
    ts: Annotated[int, micros("When the touch happened.")]
    kind: Annotated[int, number("1 click, 2 impression.", "UInt8")]
    touch_id: Annotated[bytes, token("The click or impression.")]
    offer_id: Annotated[int, number("Number of the offer.")]
    partner_id: Annotated[int, number("Number of the partner.")]
    is_bot: Annotated[int, number("1 when a bot made it.", "UInt8")]
    visitor: Annotated[int, col("UInt64", "Identity of its visitor; 0 for none.")]
    user: Annotated[int, col("UInt64", "Identity of its user; 0 for none.")]


class DeadLetter(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A record that could not be decoded or stored, with its bytes, so that it can be replayed."""

    error: Annotated[str, text("Why.")]
    value: Annotated[bytes, col("String", "The record's bytes.", privacy="personal")]


class Claim(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """State that a record put under a dedup key, on a log that its consumers deduplicate. A key's newest row counts."""

    key: Annotated[bytes, digest("Conversion, line, refund or status that is claimed.")]
    state: Annotated[bytes, col("String", "What is known under the key since this record (MessagePack).")]
    ts: Annotated[int, micros("When Clew received the record.")]


class Skip(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A record that became no row of an event table, on a log that its consumers deduplicate."""

    verdict: Annotated[str, word("repeat, duplicate, conflict, rejected or malformed.")]
    reason: Annotated[str, word("Why, out of the closed list (docs/reasons.md); empty for repeats and duplicates.")]
    key: Annotated[bytes, digest("The conversion or line that it named; zero for a repeat.")]
    detail: Annotated[str, text("One sentence for a person.")]


class Origin(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A range of appends that a batch saw for the first time; if one comes again, it is a repeat."""

    origin: Annotated[bytes, digest("Process that appended; zero for records of nobody, which count by offset.")]
    first: Annotated[int, col("UInt64", "First sequence of the range.")]
    last: Annotated[int, col("UInt64", "Last sequence of the range, inclusive.")]


class Credit(msgspec.Struct, frozen=True, array_like=True, kw_only=True, gc=False):
    """One touch's share of one conversion under one model, in one revision of that conversion."""

    run_id: Annotated[str, word("`live`, or the run that computed it.")]
    model: Annotated[str, word("Attribution model.")]
    conversion_id: Annotated[bytes, digest("The conversion.")]
    event_ts: Annotated[int, micros("Conversion time.")]
    offer_id: Annotated[int, number("Number of the offer.")]
    revision: Annotated[int, number("Counts the times this conversion was credited, from 1.")]
    sign: Annotated[int, col("Int8", "1 for a credit, -1 for the reversal of one of an earlier revision.")]
    touch_id: Annotated[bytes, token("The touch; zero for unattributed.")] = NO_TOKEN
    partner_id: Annotated[int, number("Number of the partner; 0 is unattributed.")] = 0
    weight_e12: Annotated[int, col("Int64", "Part of the conversion.", unit="1e-12")] = 0
    value_minor: Annotated[int, minor("Part of the net value.")] = 0
    currency: Annotated[str, word("ISO 4217 code.")] = ""
    reason: Annotated[str, word("Why it is unattributed, or click_pending.")] = ""
    status: Annotated[str, word("Status of the conversion when this was written.")] = ""
    paying: Annotated[int, number("1 when the model is the one that the conversion pays by.", "UInt8")] = 0


class Commission(msgspec.Struct, frozen=True, array_like=True, kw_only=True, gc=False):
    """Amount owed to one partner for one conversion under one plan, or the reversal of such a row."""

    commission_id: Annotated[bytes, digest("Derived from conversion, partner, plan, rule, currency and revision.")]
    conversion_id: Annotated[bytes, digest("The conversion.")]
    event_ts: Annotated[int, micros("Conversion time.")]
    offer_id: Annotated[int, number("Number of the offer.")]
    goal: Annotated[str, word("Key of the goal.")]
    partner_id: Annotated[int, number("Number of the partner.")]
    plan: Annotated[str, word("Name of the plan.")]
    rule: Annotated[str, word("What of the plan this pays, as `8.5% + 1.20 USD`.")]
    model: Annotated[str, word("The paying model.")]
    amount_minor: Annotated[int, minor("What is owed; negative for a reversal.")]
    currency: Annotated[str, word("ISO 4217 code.")]
    conversion_status: Annotated[str, word("Status of the conversion when this was written.")]
    hold_until: Annotated[int, micros("Held until then.")]
    program_hash: Annotated[str, word("The program it was priced under.")]
    revision: Annotated[int, number("Revision of the conversion that wrote it.")]
    reverses: Annotated[bytes, digest("The commission it reverses; zero for none.")] = NO_DIGEST


class Entry(msgspec.Struct, frozen=True, array_like=True, kw_only=True, gc=False):
    """One side of a journal; the entries of a journal add up to zero per currency."""

    entry_id: Annotated[bytes, digest("Derived from the journal and the account.")]
    journal_id: Annotated[bytes, digest("Derived from the commission.")]
    ts: Annotated[int, micros("When it was posted.")]
    account: Annotated[str, word("commission_expense or partner_payable.")]
    partner_id: Annotated[int, number("Number of the partner.")]
    amount_minor: Annotated[int, minor("Debit positive, credit negative.")]
    currency: Annotated[str, word("ISO 4217 code.")]
    conversion_id: Annotated[bytes, digest("The conversion.")]
    commission_id: Annotated[bytes, digest("The commission that this posts.")]
    reverses: Annotated[bytes, digest("The entry it reverses; zero for none.")] = NO_DIGEST


class Revision(msgspec.Struct, frozen=True, array_like=True, kw_only=True, gc=False):
    """Record that a conversion was credited: one row per revision. The highest revision is current."""

    conversion_id: Annotated[bytes, digest("The conversion.")]
    revision: Annotated[int, number("From 1.")]
    event_ts: Annotated[int, micros("Conversion time.")]
    offer_id: Annotated[int, number("Number of the offer.")]
    program_hash: Annotated[str, word("The program in force at revision 1; later revisions keep it.")]
    paying_model: Annotated[str, word("Model that reports group the conversion by.")]
    status: Annotated[str, word("Status of the conversion when this was written.")]
    value_minor: Annotated[int, minor("Net value, which its credits add up to; never below 0.")]
    currency: Annotated[str, word("ISO 4217 code.")]
    problems: Annotated[
        dict[str, str], col("Map(LowCardinality(String), String)", "What is wrong: code and one sentence.")
    ] = {}


class Join(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An identity that a conversion's journey was read by; a late touch with it causes a restatement."""

    identity: Annotated[int, col("UInt64", "Hash of the identity.")]
    conversion_id: Annotated[bytes, digest("The conversion.")]
    offer_id: Annotated[int, number("Number of the offer.")]
    event_ts: Annotated[int, micros("Conversion time.")]
    named: Annotated[int, number("1 when it is the touch that the conversion names.", "UInt8")]


class Pass(msgspec.Struct, frozen=True, array_like=True, kw_only=True, gc=False):
    """A completed pass of attribution. Kept forever: audit compares the tables with its counts."""

    pass_id: Annotated[int, col("UInt64", "Counts up by one per shard.")]
    shard: Annotated[int, number("Shard of the conversions, by conversion_id.")]
    ts: Annotated[int, micros("When it was written.")]
    cursor: Annotated[str, text("JSON: positions per log and partition after this pass.")]
    rows: Annotated[dict[str, int], col("Map(LowCardinality(String), UInt64)", "Rows per table.")]
    code_version: Annotated[str, word("Version of Clew.")]
    attempt: Annotated[str, text("Which of its intents was chosen; empty where one process has all.")] = ""


class Intent(msgspec.Struct, frozen=True, array_like=True, kw_only=True, gc=False):
    """The rows that a pass is about to write, so that a retry writes the same rows. Old intents are dropped."""

    pass_id: Annotated[int, col("UInt64", "Counts up by one per shard.")]
    shard: Annotated[int, number("Shard of the conversions, by conversion_id.")]
    ts: Annotated[int, micros("When it was written.")]
    cursor: Annotated[str, text("JSON: positions per log and partition after this pass.")]
    rows: Annotated[dict[str, int], col("Map(LowCardinality(String), UInt64)", "Rows per table.")]
    payload: Annotated[bytes, col("String", "The rows of all tables, each an Arrow IPC stream (zstd).")]
    code_version: Annotated[str, word("Version of Clew.")]
    attempt: Annotated[str, text("Random: a lease chooses one per pass; empty where one process has all.")] = ""


class Run(msgspec.Struct, frozen=True, array_like=True, kw_only=True, gc=False):
    """A run of models over past conversions, which pays nothing. Written after all of its credits."""

    run_id: Annotated[str, text("Hash of the parameters (32 hex digits); its credits bear it.")]
    as_of: Annotated[int, micros("It knows what was received until then.")]
    parameters: Annotated[str, text("JSON: all that decides what the credits say.")]
    slices: Annotated[int, number("Parts that it was worked in.")]
    conversions: Annotated[int, col("UInt64", "Conversions that it credits.")]
    failed: Annotated[int, col("UInt64", "Conversions that it could not work out.")]
    rows: Annotated[int, col("UInt64", "Credits that it wrote.")]
    values: Annotated[dict[str, int], col("Map(LowCardinality(String), Int64)", "Net value by currency.", unit="minor")]
    shares: Annotated[str, text("JSON: shares of the models that are fitted to data; a replay uses them.")] = ""


class Fact(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A value that all parts of an installation must agree on. The first row of a name counts."""

    name: Annotated[str, text("token_keys: which keys sign its ids.")]
    value: Annotated[str, text("What is agreed on; no secret can be read from it.")]
    ts: Annotated[int, micros("When it was said.")]


class ProgramRow(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A program that was loaded, without its secrets."""

    program_hash: Annotated[str, text("Hash of the canonical form (32 hex digits).")]
    loaded_ts: Annotated[int, micros("When it was loaded; each time that it became the newest is a row.")]
    canonical: Annotated[str, text("Canonical JSON of the rules.")]


@dataclass(frozen=True, slots=True)
class Table:
    """A base table of database `clew`."""

    name: str
    structs: tuple[type[msgspec.Struct], ...]
    order_by: str
    doc: str
    partition_by: str = ""
    rename: tuple[tuple[str, str], ...] = ()
    indexes: tuple[str, ...] = ()
    granule_rows: int = 0
    """Minimum number of rows that one lookup reads; 0 means the default of the engine."""


_BY_OFFSET = ("INDEX by_offset _offset TYPE minmax GRANULARITY 1",)

TABLES: tuple[Table, ...] = (
    Table(
        "clicks", (Touch, Enrichment, Source), "(offer_id, partner_id, ts, click_id)", "Accepted clicks.",
        "toYYYYMM(ts)", (("touch_id", "click_id"),), _BY_OFFSET,
    ),
    Table(
        "impressions", (Touch, Enrichment, Source), "(offer_id, partner_id, ts, impression_id)",
        "Accepted impressions.", "toYYYYMM(ts)", (("touch_id", "impression_id"),), _BY_OFFSET,
    ),
    Table(
        "touches", (TouchKey, Source), "(identity, ts, touch_id)",
        "Clicks and impressions by identity; attribution reads journeys from it.", "toYYYYMM(ts)", (), _BY_OFFSET,
    ),
    Table(
        "conversions", (Conversion, Source), "(event_ts, conversion_id)", "One row per accepted dedupe key.",
        "toYYYYMM(event_ts)", (),
        (*_BY_OFFSET, "INDEX by_conversion conversion_id TYPE bloom_filter GRANULARITY 1"),
    ),
    Table(
        "adjustments", (Adjustment, Source), "(conversion_id, ts)", "Status changes, refunds and chargebacks.",
        "", (), _BY_OFFSET,
    ),
    Table(
        "rejected", (Rejected, Source), "(ts, reason)",
        "Hits that were not accepted, and why.", "toYYYYMM(ts)", (), _BY_OFFSET,
    ),
    Table(
        "dead_letters", (DeadLetter, Source), "(_source, _partition, _offset)",
        "Records that could not be decoded or stored.",
    ),
    Table(
        # Every batch looks up scattered keys; small granules make that cheap.
        "claims", (Claim, Source), "(key, _log, _partition, _offset)",
        "Dedupe keys of a log whose readers rule over it, as of each record.", "", (), (), 256,
    ),
    Table(
        "skipped", (Skip, Source), "(_log, _source, _partition, _offset)",
        "Records of such a log that became no row: repeats, duplicates and what was refused.",
    ),
    Table(
        "origins", (Origin, Source), "(_log, _source, _partition, origin, first)",
        "Ranges of appends that are stored, by which repeats are known.", "", (), _BY_OFFSET,
    ),
    Table(
        "credits", (Credit, Source), "(conversion_id, model, revision)",
        "Credits and their reversals.", "", (), _BY_OFFSET,
    ),
    Table(
        "commissions", (Commission, Source), "(conversion_id, commission_id)",
        "Commissions and their reversals.", "", (), _BY_OFFSET,
    ),
    Table("ledger", (Entry, Source), "(conversion_id, journal_id)", "Double-entry postings.", "", (), _BY_OFFSET),
    Table(
        "revisions", (Revision, Source), "(conversion_id, revision)",
        "Which conversions are credited, and how often.", "", (), _BY_OFFSET,
    ),
    Table("joins", (Join, Source), "(identity, event_ts)", "Identities that conversions were joined by."),
    Table("passes", (Pass,), "(shard, pass_id)", "Attribution's passes that are done."),
    # Partitions make it cheap to drop old intents: files are removed and nothing is rewritten.
    Table(
        "intents", (Intent,), "(shard, pass_id)", "What attribution is about to write.",
        "(shard, intDiv(pass_id, 64))",
    ),
    Table("programs", (ProgramRow,), "(program_hash)", "Every program that was loaded."),
    Table("runs", (Run,), "(run_id)", "Runs of models that pay nothing, once they are done."),
    Table("facts", (Fact,), "(name, ts, value)", "What all parts of an installation must agree on."),
)  # fmt: skip

TABLE: dict[str, Table] = {table.name: table for table in TABLES}
