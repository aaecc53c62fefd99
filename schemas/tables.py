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
    bot_reasons: Annotated[int, number("Bit mask; the list of reasons names the bits.", "UInt16")] = 0
    visitor_hash: Annotated[int, col("UInt64", "Hash of the visitor id; unique clicks are counted by it.")] = 0
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

    error: Annotated[str, text("Error that the record caused.")]
    value: Annotated[bytes, col("String", "The record's bytes.", privacy="personal")]


class Claim(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """State that a record put under a dedup key, on a log that its consumers deduplicate. A key's newest row counts."""

    key: Annotated[bytes, digest("Dedup key of a conversion, line, refund or status.")]
    state: Annotated[bytes, col("String", "State under the key after this record (MessagePack).")]
    ts: Annotated[int, micros("When Clew received the record.")]


class Skip(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A record that became no row of an event table, on a log that its consumers deduplicate."""

    verdict: Annotated[str, word("repeat, duplicate, conflict, rejected or malformed.")]
    reason: Annotated[str, word("Reason from the closed list of reasons; empty for repeats and duplicates.")]
    key: Annotated[bytes, digest("Key of the conversion or line that it named; zero for a repeat.")]
    detail: Annotated[str, text("One sentence that explains the verdict.")]


class Origin(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A range of appends that a batch saw for the first time; if one comes again, it is a repeat."""

    origin: Annotated[bytes, digest("Id of the appending process; zero for records known by their offset.")]
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
    weight_e12: Annotated[int, col("Int64", "Share of the conversion.", unit="1e-12")] = 0
    value_minor: Annotated[int, minor("Share of the net value.")] = 0
    currency: Annotated[str, word("ISO 4217 code.")] = ""
    reason: Annotated[str, word("Reason why it is unattributed, or click_pending.")] = ""
    status: Annotated[str, word("Status of the conversion when this was written.")] = ""
    paying: Annotated[int, number("1 when the conversion pays by this model.", "UInt8")] = 0


class Commission(msgspec.Struct, frozen=True, array_like=True, kw_only=True, gc=False):
    """Amount owed to one partner for one conversion under one plan, or the reversal of such a row."""

    commission_id: Annotated[bytes, digest("Derived from conversion, partner, plan, rule, currency and revision.")]
    conversion_id: Annotated[bytes, digest("The conversion.")]
    event_ts: Annotated[int, micros("Conversion time.")]
    offer_id: Annotated[int, number("Number of the offer.")]
    goal: Annotated[str, word("Key of the goal.")]
    partner_id: Annotated[int, number("Number of the partner.")]
    plan: Annotated[str, word("Name of the plan.")]
    rule: Annotated[str, word("Part of the plan that this pays, such as `8.5% + 1.20 USD`.")]
    model: Annotated[str, word("The paying model.")]
    amount_minor: Annotated[int, minor("Amount owed; negative for a reversal.")]
    currency: Annotated[str, word("ISO 4217 code.")]
    conversion_status: Annotated[str, word("Status of the conversion when this was written.")]
    hold_until: Annotated[int, micros("Time until which it is held.")]
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
    program_hash: Annotated[str, word("The program that priced revision 1; later revisions keep it.")]
    paying_model: Annotated[str, word("Model that reports group the conversion by.")]
    status: Annotated[str, word("Status of the conversion when this was written.")]
    value_minor: Annotated[int, minor("Net value, the sum of its credits; never below 0.")]
    currency: Annotated[str, word("ISO 4217 code.")]
    problems: Annotated[
        dict[str, str], col("Map(LowCardinality(String), String)", "Problems: code and one sentence.")
    ] = {}


class Join(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An identity that a conversion's journey was read by; a late touch with it causes a restatement."""

    identity: Annotated[int, col("UInt64", "Hash of the identity.")]
    conversion_id: Annotated[bytes, digest("The conversion.")]
    offer_id: Annotated[int, number("Number of the offer.")]
    event_ts: Annotated[int, micros("Conversion time.")]
    named: Annotated[int, number("1 when the conversion names this touch.", "UInt8")]


class Pass(msgspec.Struct, frozen=True, array_like=True, kw_only=True, gc=False):
    """A completed pass of attribution. Kept forever: audit compares the tables with its counts."""

    pass_id: Annotated[int, col("UInt64", "Counts up by one per shard.")]
    shard: Annotated[int, number("Shard of the conversions, by conversion_id.")]
    ts: Annotated[int, micros("When it was written.")]
    cursor: Annotated[str, text("JSON: positions per log and partition after this pass.")]
    rows: Annotated[dict[str, int], col("Map(LowCardinality(String), UInt64)", "Rows per table.")]
    code_version: Annotated[str, word("Version of Clew.")]
    attempt: Annotated[str, text("The intent that was chosen; empty if one process owns all shards.")] = ""


class Intent(msgspec.Struct, frozen=True, array_like=True, kw_only=True, gc=False):
    """The rows that a pass is about to write, so that a retry writes the same rows. Old intents are dropped."""

    pass_id: Annotated[int, col("UInt64", "Counts up by one per shard.")]
    shard: Annotated[int, number("Shard of the conversions, by conversion_id.")]
    ts: Annotated[int, micros("When it was written.")]
    cursor: Annotated[str, text("JSON: positions per log and partition after this pass.")]
    rows: Annotated[dict[str, int], col("Map(LowCardinality(String), UInt64)", "Rows per table.")]
    payload: Annotated[bytes, col("String", "The rows of all tables, each an Arrow IPC stream (zstd).")]
    code_version: Annotated[str, word("Version of Clew.")]
    attempt: Annotated[str, text("Random id; a lease chooses one per pass. Empty if one process owns all shards.")] = ""


class Run(msgspec.Struct, frozen=True, array_like=True, kw_only=True, gc=False):
    """A run of models over past conversions, which pays nothing. Written after all of its credits."""

    run_id: Annotated[str, text("Hash of the parameters (32 hex digits); run_id of its credits.")]
    as_of: Annotated[int, micros("The run uses only data received until then.")]
    parameters: Annotated[str, text("JSON: everything that determines the credits.")]
    slices: Annotated[int, number("Number of parts that it was computed in.")]
    conversions: Annotated[int, col("UInt64", "Number of conversions that it credited.")]
    failed: Annotated[int, col("UInt64", "Number of conversions that it could not compute.")]
    rows: Annotated[int, col("UInt64", "Number of credits that it wrote.")]
    values: Annotated[dict[str, int], col("Map(LowCardinality(String), Int64)", "Net value by currency.", unit="minor")]
    shares: Annotated[str, text("JSON: shares of the models that are fitted to data; a replay uses them.")] = ""


class Fact(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A value that all parts of an installation must agree on. The first row of a name counts."""

    name: Annotated[str, text("Name of the value; `token_keys` identifies the keys that sign ids.")]
    value: Annotated[str, text("The agreed value; it reveals no secret.")]
    ts: Annotated[int, micros("When it was written.")]


class ProgramRow(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Terms of a program that was loaded."""

    program_hash: Annotated[str, text("Hash of the canonical form (32 hex digits).")]
    loaded_ts: Annotated[int, micros("When it was loaded; one row for each time that it became the newest.")]
    canonical: Annotated[str, text("Canonical JSON of the terms; earlier versions stored the whole program.")]


class LabelRow(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A name that became valid. The latest row of a key counts."""

    kind: Annotated[str, word("program, partner, offer or goal.")]
    number: Annotated[int, number("Partner or offer; 0 for the program.")]
    goal: Annotated[str, text("Key of the offer's goal; empty for other kinds.")]
    name: Annotated[str, text("The name; empty if it was removed.")]
    ts: Annotated[int, micros("When it was loaded.")]


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
        "Dedup keys of a log that its consumers deduplicate; one row per change of state.", "", (), (), 256,
    ),
    Table(
        "skipped", (Skip, Source), "(_log, _source, _partition, _offset)",
        "Records of such a log that became no row: repeats, duplicates and refused records.",
    ),
    Table(
        "origins", (Origin, Source), "(_log, _source, _partition, origin, first)",
        "Ranges of appends that are stored; they identify repeats.", "", (), _BY_OFFSET,
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
        "Credited conversions, one row per revision.", "", (), _BY_OFFSET,
    ),
    Table("joins", (Join, Source), "(identity, event_ts)", "Identities that conversions were joined by."),
    Table("passes", (Pass,), "(shard, pass_id)", "Completed passes of attribution."),
    # Partitions make it cheap to drop old intents: files are removed and nothing is rewritten.
    Table(
        "intents", (Intent,), "(shard, pass_id)", "Rows that attribution is about to write.",
        "(shard, intDiv(pass_id, 64))",
    ),
    Table("programs", (ProgramRow,), "(program_hash)", "Terms of every program that was loaded."),
    Table("labels", (LabelRow,), "(kind, number, goal, ts)", "Names of partners, offers and goals, for reports."),
    Table("runs", (Run,), "(run_id)", "Completed runs of models, which pay nothing."),
    Table("facts", (Fact,), "(name, ts, value)", "Values that all parts of an installation must agree on."),
)  # fmt: skip

TABLE: dict[str, Table] = {table.name: table for table in TABLES}
