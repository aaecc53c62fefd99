CREATE TABLE IF NOT EXISTS clew.facts
(
    `name` String COMMENT 'token_keys: which keys sign its ids.',
    `value` String COMMENT 'What is agreed on; no secret can be read from it.',
    `ts` DateTime64(6, 'UTC') COMMENT 'When it was said.' CODEC(Delta, LZ4)
)
ENGINE = $engine
ORDER BY (name, ts, value)
SETTINGS non_replicated_deduplication_window = $dedup_window_blocks, fsync_after_insert = $fsync, fsync_part_directory = $fsync
COMMENT 'What all parts of an installation must agree on.';
