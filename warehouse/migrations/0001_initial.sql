CREATE TABLE IF NOT EXISTS clew.clicks
(
    `click_id` FixedString(27) COMMENT 'Id of the click or impression (36 characters as issued).',
    `ts` DateTime64(6, 'UTC') COMMENT 'When it happened: time of receipt, or the line\'s ts on /v1/events.' CODEC(Delta, LZ4),
    `received_ts` DateTime64(6, 'UTC') COMMENT 'When Clew received it.' CODEC(Delta, LZ4),
    `offer_id` UInt32 COMMENT 'Number of the offer.',
    `partner_id` UInt32 COMMENT 'Number of the partner.',
    `link` LowCardinality(String) COMMENT 'Code of the link that was followed; empty when offer and partner were named.',
    `ref` String COMMENT 'The sender\'s own id of the line on /v1/events.',
    `subs` Map(LowCardinality(String), String) COMMENT 'sub1 to sub30 as the partner sent them.',
    `partner_click_id` String COMMENT 'The partner\'s own id of the click.',
    `visitor_id` String COMMENT 'Who: parameter, first-party cookie, or `~` and a keyed hash that never joins touches.',
    `user_id` String COMMENT 'The advertiser\'s id of the person.',
    `ip` String COMMENT 'Address of the visitor, or its truncated form by the privacy setting.',
    `ip_hash` UInt64 COMMENT 'Keyed hash of the address; changes daily.',
    `user_agent` String COMMENT 'User-Agent header.',
    `referrer` String COMMENT 'Referer header.',
    `accept_language` LowCardinality(String) COMMENT 'Accept-Language header.',
    `consent` UInt8 COMMENT 'Bits: 1 Sec-GPC, 2 DNT.',
    `hints` UInt8 COMMENT 'Bits: 1 HEAD request, 2 prefetch.',
    `tcf` String COMMENT 'TCF consent string, if one was given.',
    `landing_url` String COMMENT 'Where the visitor was sent.',
    `redirect_type` LowCardinality(String) COMMENT '302, pixel or api.',
    `country` LowCardinality(String) COMMENT 'ISO 3166 code, when a geo database is configured.',
    `region` LowCardinality(String) COMMENT 'Region, when a city database is configured.',
    `city` LowCardinality(String) COMMENT 'City, when a city database is configured.',
    `device` LowCardinality(String) COMMENT 'desktop, mobile, tablet or other.',
    `os` LowCardinality(String) COMMENT 'Operating system.',
    `browser` LowCardinality(String) COMMENT 'Browser, or the crawler\'s name.',
    `is_bot` UInt8 COMMENT '1 when any bot reason applies.',
    `bot_reasons` UInt16 COMMENT 'Bit mask: see docs/reasons.md.',
    `visitor_hash` UInt64 COMMENT 'Hash of the visitor id; unique clicks count it.',
    `_epoch` LowCardinality(String) COMMENT 'Name of the rules and databases that enriched the row.',
    `_log` LowCardinality(String) COMMENT 'Identity of the log (32 hex digits).',
    `_source` LowCardinality(String) COMMENT 'Topic, or `attribution`.',
    `_partition` UInt32 COMMENT 'Partition, or shard.',
    `_offset` UInt64 COMMENT 'Offset of the record.' CODEC(Delta, LZ4),
    `_batch` UInt64 COMMENT 'First offset of the batch, or number of the pass.',
    INDEX by_offset _offset TYPE minmax GRANULARITY 1
)
ENGINE = $engine
PARTITION BY toYYYYMM(ts)
ORDER BY (offer_id, partner_id, ts, click_id)
SETTINGS non_replicated_deduplication_window = $dedup_window_blocks, fsync_after_insert = $fsync, fsync_part_directory = $fsync
COMMENT 'Accepted clicks.';

CREATE TABLE IF NOT EXISTS clew.impressions
(
    `impression_id` FixedString(27) COMMENT 'Id of the click or impression (36 characters as issued).',
    `ts` DateTime64(6, 'UTC') COMMENT 'When it happened: time of receipt, or the line\'s ts on /v1/events.' CODEC(Delta, LZ4),
    `received_ts` DateTime64(6, 'UTC') COMMENT 'When Clew received it.' CODEC(Delta, LZ4),
    `offer_id` UInt32 COMMENT 'Number of the offer.',
    `partner_id` UInt32 COMMENT 'Number of the partner.',
    `link` LowCardinality(String) COMMENT 'Code of the link that was followed; empty when offer and partner were named.',
    `ref` String COMMENT 'The sender\'s own id of the line on /v1/events.',
    `subs` Map(LowCardinality(String), String) COMMENT 'sub1 to sub30 as the partner sent them.',
    `partner_click_id` String COMMENT 'The partner\'s own id of the click.',
    `visitor_id` String COMMENT 'Who: parameter, first-party cookie, or `~` and a keyed hash that never joins touches.',
    `user_id` String COMMENT 'The advertiser\'s id of the person.',
    `ip` String COMMENT 'Address of the visitor, or its truncated form by the privacy setting.',
    `ip_hash` UInt64 COMMENT 'Keyed hash of the address; changes daily.',
    `user_agent` String COMMENT 'User-Agent header.',
    `referrer` String COMMENT 'Referer header.',
    `accept_language` LowCardinality(String) COMMENT 'Accept-Language header.',
    `consent` UInt8 COMMENT 'Bits: 1 Sec-GPC, 2 DNT.',
    `hints` UInt8 COMMENT 'Bits: 1 HEAD request, 2 prefetch.',
    `tcf` String COMMENT 'TCF consent string, if one was given.',
    `landing_url` String COMMENT 'Where the visitor was sent.',
    `redirect_type` LowCardinality(String) COMMENT '302, pixel or api.',
    `country` LowCardinality(String) COMMENT 'ISO 3166 code, when a geo database is configured.',
    `region` LowCardinality(String) COMMENT 'Region, when a city database is configured.',
    `city` LowCardinality(String) COMMENT 'City, when a city database is configured.',
    `device` LowCardinality(String) COMMENT 'desktop, mobile, tablet or other.',
    `os` LowCardinality(String) COMMENT 'Operating system.',
    `browser` LowCardinality(String) COMMENT 'Browser, or the crawler\'s name.',
    `is_bot` UInt8 COMMENT '1 when any bot reason applies.',
    `bot_reasons` UInt16 COMMENT 'Bit mask: see docs/reasons.md.',
    `visitor_hash` UInt64 COMMENT 'Hash of the visitor id; unique clicks count it.',
    `_epoch` LowCardinality(String) COMMENT 'Name of the rules and databases that enriched the row.',
    `_log` LowCardinality(String) COMMENT 'Identity of the log (32 hex digits).',
    `_source` LowCardinality(String) COMMENT 'Topic, or `attribution`.',
    `_partition` UInt32 COMMENT 'Partition, or shard.',
    `_offset` UInt64 COMMENT 'Offset of the record.' CODEC(Delta, LZ4),
    `_batch` UInt64 COMMENT 'First offset of the batch, or number of the pass.',
    INDEX by_offset _offset TYPE minmax GRANULARITY 1
)
ENGINE = $engine
PARTITION BY toYYYYMM(ts)
ORDER BY (offer_id, partner_id, ts, impression_id)
SETTINGS non_replicated_deduplication_window = $dedup_window_blocks, fsync_after_insert = $fsync, fsync_part_directory = $fsync
COMMENT 'Accepted impressions.';

CREATE TABLE IF NOT EXISTS clew.touches
(
    `identity` UInt64 COMMENT 'Hash of an identity of the touch (schemas/identity.py).',
    `ts` DateTime64(6, 'UTC') COMMENT 'When the touch happened.' CODEC(Delta, LZ4),
    `kind` UInt8 COMMENT '1 click, 2 impression.',
    `touch_id` FixedString(27) COMMENT 'The click or impression.',
    `offer_id` UInt32 COMMENT 'Number of the offer.',
    `partner_id` UInt32 COMMENT 'Number of the partner.',
    `is_bot` UInt8 COMMENT '1 when a bot made it.',
    `visitor` UInt64 COMMENT 'Identity of its visitor; 0 for none.',
    `user` UInt64 COMMENT 'Identity of its user; 0 for none.',
    `_log` LowCardinality(String) COMMENT 'Identity of the log (32 hex digits).',
    `_source` LowCardinality(String) COMMENT 'Topic, or `attribution`.',
    `_partition` UInt32 COMMENT 'Partition, or shard.',
    `_offset` UInt64 COMMENT 'Offset of the record.' CODEC(Delta, LZ4),
    `_batch` UInt64 COMMENT 'First offset of the batch, or number of the pass.',
    INDEX by_offset _offset TYPE minmax GRANULARITY 1
)
ENGINE = $engine
PARTITION BY toYYYYMM(ts)
ORDER BY (identity, ts, touch_id)
SETTINGS non_replicated_deduplication_window = $dedup_window_blocks, fsync_after_insert = $fsync, fsync_part_directory = $fsync
COMMENT 'Clicks and impressions by identity; attribution reads journeys from it.';

CREATE TABLE IF NOT EXISTS clew.conversions
(
    `conversion_id` FixedString(16) COMMENT '16-byte BLAKE2b of the dedupe key (32 hex digits as issued).',
    `ts` DateTime64(6, 'UTC') COMMENT 'When Clew received it.' CODEC(Delta, LZ4),
    `event_ts` DateTime64(6, 'UTC') COMMENT 'Conversion time: the line\'s ts, for postbacks the time of receipt.' CODEC(Delta, LZ4),
    `offer_id` UInt32 COMMENT 'Number of the offer.',
    `goal` LowCardinality(String) COMMENT 'Key of the goal.',
    `txn_id` String COMMENT 'The advertiser\'s transaction id.',
    `match_kind` LowCardinality(String) COMMENT 'By which field it matches touches.',
    `click_id` FixedString(27) COMMENT 'The click it names, if it names one by token.',
    `impression_id` FixedString(27) COMMENT 'The impression it names, if it names one by token.',
    `click_ref` String COMMENT 'The sender\'s id of the click line it names.',
    `impression_ref` String COMMENT 'The sender\'s id of the impression line it names.',
    `user_id` String COMMENT 'The advertiser\'s id of the person.',
    `visitor_id` String COMMENT 'Id of the visitor.',
    `amount_minor` Int64 COMMENT 'Value as first reported, before refunds.',
    `currency` LowCardinality(String) COMMENT 'ISO 4217 code of the amount.',
    `status` LowCardinality(String) COMMENT 'Status as first reported; adjustments move it forward.',
    `custom` Map(LowCardinality(String), String) COMMENT 'Further fields of the postback.',
    `ref` String COMMENT 'The sender\'s own id of the line on /v1/events.',
    `origin` LowCardinality(String) COMMENT 'postback or api.',
    `given` UInt8 COMMENT 'Bits of the fields that the hit named itself (Given).',
    `sender_ip` String COMMENT 'Address that reported it.',
    `_log` LowCardinality(String) COMMENT 'Identity of the log (32 hex digits).',
    `_source` LowCardinality(String) COMMENT 'Topic, or `attribution`.',
    `_partition` UInt32 COMMENT 'Partition, or shard.',
    `_offset` UInt64 COMMENT 'Offset of the record.' CODEC(Delta, LZ4),
    `_batch` UInt64 COMMENT 'First offset of the batch, or number of the pass.',
    INDEX by_offset _offset TYPE minmax GRANULARITY 1,
    INDEX by_conversion conversion_id TYPE bloom_filter GRANULARITY 1
)
ENGINE = $engine
PARTITION BY toYYYYMM(event_ts)
ORDER BY (event_ts, conversion_id)
SETTINGS non_replicated_deduplication_window = $dedup_window_blocks, fsync_after_insert = $fsync, fsync_part_directory = $fsync
COMMENT 'One row per accepted dedupe key.';

CREATE TABLE IF NOT EXISTS clew.adjustments
(
    `adjustment_id` FixedString(16) COMMENT '16-byte BLAKE2b of what makes it unique.',
    `conversion_id` FixedString(16) COMMENT 'The conversion it changes; may arrive later.',
    `ts` DateTime64(6, 'UTC') COMMENT 'When Clew received it.' CODEC(Delta, LZ4),
    `event_ts` DateTime64(6, 'UTC') COMMENT 'When it happened: the line\'s ts, for postbacks the time of receipt.' CODEC(Delta, LZ4),
    `kind` LowCardinality(String) COMMENT 'status, refund or chargeback.',
    `status` LowCardinality(String) COMMENT 'New status, for kind status.',
    `amount_e4` Int64 COMMENT 'Amount taken off, positive; -1 asks for what remains.',
    `currency` LowCardinality(String) COMMENT 'ISO 4217 code, if it was given; else the conversion\'s.',
    `reason` String COMMENT 'The sender\'s reason.',
    `actor` LowCardinality(String) COMMENT 'Who: postback or api.',
    `refund_id` String COMMENT 'The sender\'s id of the refund.',
    `ref` String COMMENT 'The sender\'s own id of the line on /v1/events.',
    `_log` LowCardinality(String) COMMENT 'Identity of the log (32 hex digits).',
    `_source` LowCardinality(String) COMMENT 'Topic, or `attribution`.',
    `_partition` UInt32 COMMENT 'Partition, or shard.',
    `_offset` UInt64 COMMENT 'Offset of the record.' CODEC(Delta, LZ4),
    `_batch` UInt64 COMMENT 'First offset of the batch, or number of the pass.',
    INDEX by_offset _offset TYPE minmax GRANULARITY 1
)
ENGINE = $engine
ORDER BY (conversion_id, ts)
SETTINGS non_replicated_deduplication_window = $dedup_window_blocks, fsync_after_insert = $fsync, fsync_part_directory = $fsync
COMMENT 'Status changes, refunds and chargebacks.';

CREATE TABLE IF NOT EXISTS clew.rejected
(
    `ts` DateTime64(6, 'UTC') COMMENT 'When Clew received it.' CODEC(Delta, LZ4),
    `kind` LowCardinality(String) COMMENT 'click, impression, conversion, adjustment or event.',
    `reason` LowCardinality(String) COMMENT 'Why, out of the closed list (docs/reasons.md).',
    `field` LowCardinality(String) COMMENT 'The field that was wrong, if one was.',
    `detail` String COMMENT 'One sentence for a person.',
    `offer_id` UInt32 COMMENT 'Number of the offer, if it is known.',
    `partner_id` UInt32 COMMENT 'Number of the partner, if it is known.',
    `link` LowCardinality(String) COMMENT 'Code of the link as asked for.',
    `conversion_id` FixedString(16) COMMENT 'The conversion it would have made or changed.',
    `method` LowCardinality(String) COMMENT 'HTTP method.',
    `path` String COMMENT 'Path of the request.',
    `fields` Map(String, String) COMMENT 'Parameters or fields as sent, secrets left out.',
    `visitor_id` String COMMENT 'Visitor, as for touches.',
    `ip` String COMMENT 'Address of the sender.',
    `user_agent` String COMMENT 'User-Agent header.',
    `referrer` String COMMENT 'Referer header.',
    `ref` String COMMENT 'The sender\'s own id of the line on /v1/events.',
    `_log` LowCardinality(String) COMMENT 'Identity of the log (32 hex digits).',
    `_source` LowCardinality(String) COMMENT 'Topic, or `attribution`.',
    `_partition` UInt32 COMMENT 'Partition, or shard.',
    `_offset` UInt64 COMMENT 'Offset of the record.' CODEC(Delta, LZ4),
    `_batch` UInt64 COMMENT 'First offset of the batch, or number of the pass.',
    INDEX by_offset _offset TYPE minmax GRANULARITY 1
)
ENGINE = $engine
PARTITION BY toYYYYMM(ts)
ORDER BY (ts, reason)
SETTINGS non_replicated_deduplication_window = $dedup_window_blocks, fsync_after_insert = $fsync, fsync_part_directory = $fsync
COMMENT 'Hits that were not accepted, and why.';

CREATE TABLE IF NOT EXISTS clew.dead_letters
(
    `error` String COMMENT 'Why.',
    `value` String COMMENT 'The record\'s bytes.',
    `_log` LowCardinality(String) COMMENT 'Identity of the log (32 hex digits).',
    `_source` LowCardinality(String) COMMENT 'Topic, or `attribution`.',
    `_partition` UInt32 COMMENT 'Partition, or shard.',
    `_offset` UInt64 COMMENT 'Offset of the record.' CODEC(Delta, LZ4),
    `_batch` UInt64 COMMENT 'First offset of the batch, or number of the pass.'
)
ENGINE = $engine
ORDER BY (_source, _partition, _offset)
SETTINGS non_replicated_deduplication_window = $dedup_window_blocks, fsync_after_insert = $fsync, fsync_part_directory = $fsync
COMMENT 'Records that could not be decoded or stored.';

CREATE TABLE IF NOT EXISTS clew.credits
(
    `run_id` LowCardinality(String) COMMENT '`live`, or the run that computed it.',
    `model` LowCardinality(String) COMMENT 'Attribution model.',
    `conversion_id` FixedString(16) COMMENT 'The conversion.',
    `event_ts` DateTime64(6, 'UTC') COMMENT 'Conversion time.' CODEC(Delta, LZ4),
    `offer_id` UInt32 COMMENT 'Number of the offer.',
    `revision` UInt32 COMMENT 'Counts the times this conversion was credited, from 1.',
    `sign` Int8 COMMENT '1 for a credit, -1 for the reversal of one of an earlier revision.',
    `touch_id` FixedString(27) COMMENT 'The touch; zero for unattributed.',
    `partner_id` UInt32 COMMENT 'Number of the partner; 0 is unattributed.',
    `weight_e12` Int64 COMMENT 'Part of the conversion.',
    `value_minor` Int64 COMMENT 'Part of the net value.',
    `currency` LowCardinality(String) COMMENT 'ISO 4217 code.',
    `reason` LowCardinality(String) COMMENT 'Why it is unattributed, or click_pending.',
    `status` LowCardinality(String) COMMENT 'Status of the conversion when this was written.',
    `paying` UInt8 COMMENT '1 when the model is the one that the conversion pays by.',
    `_log` LowCardinality(String) COMMENT 'Identity of the log (32 hex digits).',
    `_source` LowCardinality(String) COMMENT 'Topic, or `attribution`.',
    `_partition` UInt32 COMMENT 'Partition, or shard.',
    `_offset` UInt64 COMMENT 'Offset of the record.' CODEC(Delta, LZ4),
    `_batch` UInt64 COMMENT 'First offset of the batch, or number of the pass.',
    INDEX by_offset _offset TYPE minmax GRANULARITY 1
)
ENGINE = $engine
ORDER BY (conversion_id, model, revision)
SETTINGS non_replicated_deduplication_window = $dedup_window_blocks, fsync_after_insert = $fsync, fsync_part_directory = $fsync
COMMENT 'Credits and their reversals.';

CREATE TABLE IF NOT EXISTS clew.commissions
(
    `commission_id` FixedString(16) COMMENT 'Derived from conversion, partner, plan, rule, currency and revision.',
    `conversion_id` FixedString(16) COMMENT 'The conversion.',
    `event_ts` DateTime64(6, 'UTC') COMMENT 'Conversion time.' CODEC(Delta, LZ4),
    `offer_id` UInt32 COMMENT 'Number of the offer.',
    `goal` LowCardinality(String) COMMENT 'Key of the goal.',
    `partner_id` UInt32 COMMENT 'Number of the partner.',
    `plan` LowCardinality(String) COMMENT 'Name of the plan.',
    `rule` LowCardinality(String) COMMENT 'What of the plan this pays, as `8.5% + 1.20 USD`.',
    `model` LowCardinality(String) COMMENT 'The paying model.',
    `amount_minor` Int64 COMMENT 'What is owed; negative for a reversal.',
    `currency` LowCardinality(String) COMMENT 'ISO 4217 code.',
    `conversion_status` LowCardinality(String) COMMENT 'Status of the conversion when this was written.',
    `hold_until` DateTime64(6, 'UTC') COMMENT 'Held until then.' CODEC(Delta, LZ4),
    `program_hash` LowCardinality(String) COMMENT 'The program it was priced under.',
    `revision` UInt32 COMMENT 'Revision of the conversion that wrote it.',
    `reverses` FixedString(16) COMMENT 'The commission it reverses; zero for none.',
    `_log` LowCardinality(String) COMMENT 'Identity of the log (32 hex digits).',
    `_source` LowCardinality(String) COMMENT 'Topic, or `attribution`.',
    `_partition` UInt32 COMMENT 'Partition, or shard.',
    `_offset` UInt64 COMMENT 'Offset of the record.' CODEC(Delta, LZ4),
    `_batch` UInt64 COMMENT 'First offset of the batch, or number of the pass.',
    INDEX by_offset _offset TYPE minmax GRANULARITY 1
)
ENGINE = $engine
ORDER BY (conversion_id, commission_id)
SETTINGS non_replicated_deduplication_window = $dedup_window_blocks, fsync_after_insert = $fsync, fsync_part_directory = $fsync
COMMENT 'Commissions and their reversals.';

CREATE TABLE IF NOT EXISTS clew.ledger
(
    `entry_id` FixedString(16) COMMENT 'Derived from the journal and the account.',
    `journal_id` FixedString(16) COMMENT 'Derived from the commission.',
    `ts` DateTime64(6, 'UTC') COMMENT 'When it was posted.' CODEC(Delta, LZ4),
    `account` LowCardinality(String) COMMENT 'commission_expense or partner_payable.',
    `partner_id` UInt32 COMMENT 'Number of the partner.',
    `amount_minor` Int64 COMMENT 'Debit positive, credit negative.',
    `currency` LowCardinality(String) COMMENT 'ISO 4217 code.',
    `conversion_id` FixedString(16) COMMENT 'The conversion.',
    `commission_id` FixedString(16) COMMENT 'The commission that this posts.',
    `reverses` FixedString(16) COMMENT 'The entry it reverses; zero for none.',
    `_log` LowCardinality(String) COMMENT 'Identity of the log (32 hex digits).',
    `_source` LowCardinality(String) COMMENT 'Topic, or `attribution`.',
    `_partition` UInt32 COMMENT 'Partition, or shard.',
    `_offset` UInt64 COMMENT 'Offset of the record.' CODEC(Delta, LZ4),
    `_batch` UInt64 COMMENT 'First offset of the batch, or number of the pass.',
    INDEX by_offset _offset TYPE minmax GRANULARITY 1
)
ENGINE = $engine
ORDER BY (conversion_id, journal_id)
SETTINGS non_replicated_deduplication_window = $dedup_window_blocks, fsync_after_insert = $fsync, fsync_part_directory = $fsync
COMMENT 'Double-entry postings.';

CREATE TABLE IF NOT EXISTS clew.revisions
(
    `conversion_id` FixedString(16) COMMENT 'The conversion.',
    `revision` UInt32 COMMENT 'From 1.',
    `event_ts` DateTime64(6, 'UTC') COMMENT 'Conversion time.' CODEC(Delta, LZ4),
    `offer_id` UInt32 COMMENT 'Number of the offer.',
    `program_hash` LowCardinality(String) COMMENT 'The program in force at revision 1; later revisions keep it.',
    `paying_model` LowCardinality(String) COMMENT 'Model that reports group the conversion by.',
    `status` LowCardinality(String) COMMENT 'Status of the conversion when this was written.',
    `value_minor` Int64 COMMENT 'Net value, which its credits add up to; never below 0.',
    `currency` LowCardinality(String) COMMENT 'ISO 4217 code.',
    `problems` Map(LowCardinality(String), String) COMMENT 'What is wrong: code and one sentence.',
    `_log` LowCardinality(String) COMMENT 'Identity of the log (32 hex digits).',
    `_source` LowCardinality(String) COMMENT 'Topic, or `attribution`.',
    `_partition` UInt32 COMMENT 'Partition, or shard.',
    `_offset` UInt64 COMMENT 'Offset of the record.' CODEC(Delta, LZ4),
    `_batch` UInt64 COMMENT 'First offset of the batch, or number of the pass.',
    INDEX by_offset _offset TYPE minmax GRANULARITY 1
)
ENGINE = $engine
ORDER BY (conversion_id, revision)
SETTINGS non_replicated_deduplication_window = $dedup_window_blocks, fsync_after_insert = $fsync, fsync_part_directory = $fsync
COMMENT 'Which conversions are credited, and how often.';

CREATE TABLE IF NOT EXISTS clew.joins
(
    `identity` UInt64 COMMENT 'Hash of the identity.',
    `conversion_id` FixedString(16) COMMENT 'The conversion.',
    `offer_id` UInt32 COMMENT 'Number of the offer.',
    `event_ts` DateTime64(6, 'UTC') COMMENT 'Conversion time.' CODEC(Delta, LZ4),
    `named` UInt8 COMMENT '1 when it is the touch that the conversion names.',
    `_log` LowCardinality(String) COMMENT 'Identity of the log (32 hex digits).',
    `_source` LowCardinality(String) COMMENT 'Topic, or `attribution`.',
    `_partition` UInt32 COMMENT 'Partition, or shard.',
    `_offset` UInt64 COMMENT 'Offset of the record.' CODEC(Delta, LZ4),
    `_batch` UInt64 COMMENT 'First offset of the batch, or number of the pass.'
)
ENGINE = $engine
ORDER BY (identity, event_ts)
SETTINGS non_replicated_deduplication_window = $dedup_window_blocks, fsync_after_insert = $fsync, fsync_part_directory = $fsync
COMMENT 'Identities that conversions were joined by.';

CREATE TABLE IF NOT EXISTS clew.passes
(
    `pass_id` UInt64 COMMENT 'Counts up by one per shard.',
    `shard` UInt32 COMMENT 'Shard of the identity hash.',
    `ts` DateTime64(6, 'UTC') COMMENT 'When it was written.' CODEC(Delta, LZ4),
    `cursor` String COMMENT 'JSON: positions per log and partition after this pass.',
    `rows` Map(LowCardinality(String), UInt64) COMMENT 'Rows per table.',
    `code_version` LowCardinality(String) COMMENT 'Version of Clew.'
)
ENGINE = $engine
ORDER BY (shard, pass_id)
SETTINGS non_replicated_deduplication_window = $dedup_window_blocks, fsync_after_insert = $fsync, fsync_part_directory = $fsync
COMMENT 'Attribution\'s passes that are done.';

CREATE TABLE IF NOT EXISTS clew.intents
(
    `pass_id` UInt64 COMMENT 'Counts up by one per shard.',
    `shard` UInt32 COMMENT 'Shard of the identity hash.',
    `ts` DateTime64(6, 'UTC') COMMENT 'When it was written.' CODEC(Delta, LZ4),
    `cursor` String COMMENT 'JSON: positions per log and partition after this pass.',
    `rows` Map(LowCardinality(String), UInt64) COMMENT 'Rows per table.',
    `payload` String COMMENT 'The rows of all tables, each an Arrow IPC stream (zstd).',
    `code_version` LowCardinality(String) COMMENT 'Version of Clew.'
)
ENGINE = $engine
PARTITION BY (shard, intDiv(pass_id, 64))
ORDER BY (shard, pass_id)
SETTINGS non_replicated_deduplication_window = $dedup_window_blocks, fsync_after_insert = $fsync, fsync_part_directory = $fsync
COMMENT 'What attribution is about to write.';

CREATE TABLE IF NOT EXISTS clew.programs
(
    `program_hash` String COMMENT 'Hash of the canonical form (32 hex digits).',
    `loaded_ts` DateTime64(6, 'UTC') COMMENT 'When it was first loaded.' CODEC(Delta, LZ4),
    `canonical` String COMMENT 'Canonical JSON of the rules.'
)
ENGINE = $engine
ORDER BY (program_hash)
SETTINGS non_replicated_deduplication_window = $dedup_window_blocks, fsync_after_insert = $fsync, fsync_part_directory = $fsync
COMMENT 'Every program that was loaded.';
