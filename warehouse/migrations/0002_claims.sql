CREATE TABLE IF NOT EXISTS clew.claims
(
    `key` FixedString(16) COMMENT 'Conversion, line, refund or status that is claimed.',
    `state` String COMMENT 'What is known under the key since this record (MessagePack).',
    `ts` DateTime64(6, 'UTC') COMMENT 'When Clew received the record.' CODEC(Delta, LZ4),
    `_log` LowCardinality(String) COMMENT 'Identity of the log (32 hex digits).',
    `_source` LowCardinality(String) COMMENT 'Topic, or `attribution`.',
    `_partition` UInt32 COMMENT 'Partition, or shard.',
    `_offset` UInt64 COMMENT 'Offset of the record.' CODEC(Delta, LZ4),
    `_batch` UInt64 COMMENT 'First offset of the batch, or number of the pass.'
)
ENGINE = $engine
ORDER BY (key, _log, _partition, _offset)
SETTINGS index_granularity = 256, non_replicated_deduplication_window = $dedup_window_blocks, fsync_after_insert = $fsync, fsync_part_directory = $fsync
COMMENT 'Dedupe keys of a log whose readers rule over it, as of each record.';

CREATE TABLE IF NOT EXISTS clew.skipped
(
    `verdict` LowCardinality(String) COMMENT 'repeat, duplicate, conflict, rejected or malformed.',
    `reason` LowCardinality(String) COMMENT 'Why, out of the closed list (docs/reasons.md); empty for repeats and duplicates.',
    `key` FixedString(16) COMMENT 'The conversion or line that it named; zero for a repeat.',
    `detail` String COMMENT 'One sentence for a person.',
    `_log` LowCardinality(String) COMMENT 'Identity of the log (32 hex digits).',
    `_source` LowCardinality(String) COMMENT 'Topic, or `attribution`.',
    `_partition` UInt32 COMMENT 'Partition, or shard.',
    `_offset` UInt64 COMMENT 'Offset of the record.' CODEC(Delta, LZ4),
    `_batch` UInt64 COMMENT 'First offset of the batch, or number of the pass.'
)
ENGINE = $engine
ORDER BY (_log, _source, _partition, _offset)
SETTINGS non_replicated_deduplication_window = $dedup_window_blocks, fsync_after_insert = $fsync, fsync_part_directory = $fsync
COMMENT 'Records of such a log that became no row: repeats, duplicates and what was refused.';

CREATE TABLE IF NOT EXISTS clew.origins
(
    `origin` FixedString(16) COMMENT 'Process that appended; zero for records of nobody, which count by offset.',
    `first` UInt64 COMMENT 'First sequence of the range.',
    `last` UInt64 COMMENT 'Last sequence of the range, inclusive.',
    `_log` LowCardinality(String) COMMENT 'Identity of the log (32 hex digits).',
    `_source` LowCardinality(String) COMMENT 'Topic, or `attribution`.',
    `_partition` UInt32 COMMENT 'Partition, or shard.',
    `_offset` UInt64 COMMENT 'Offset of the record.' CODEC(Delta, LZ4),
    `_batch` UInt64 COMMENT 'First offset of the batch, or number of the pass.',
    INDEX by_offset _offset TYPE minmax GRANULARITY 1
)
ENGINE = $engine
ORDER BY (_log, _source, _partition, origin, first)
SETTINGS non_replicated_deduplication_window = $dedup_window_blocks, fsync_after_insert = $fsync, fsync_part_directory = $fsync
COMMENT 'Ranges of appends that are stored, by which repeats are known.';
