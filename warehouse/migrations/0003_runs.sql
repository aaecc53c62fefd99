CREATE TABLE IF NOT EXISTS clew.runs
(
    `run_id` String COMMENT 'Hash of the parameters (32 hex digits); its credits bear it.',
    `as_of` DateTime64(6, 'UTC') COMMENT 'It knows what was received until then.' CODEC(Delta, LZ4),
    `parameters` String COMMENT 'JSON: all that decides what the credits say.',
    `slices` UInt32 COMMENT 'Parts that it was worked in.',
    `conversions` UInt64 COMMENT 'Conversions that it credits.',
    `failed` UInt64 COMMENT 'Conversions that it could not work out.',
    `rows` UInt64 COMMENT 'Credits that it wrote.',
    `values` Map(LowCardinality(String), Int64) COMMENT 'Net value by currency.',
    `shares` String COMMENT 'JSON: shares of the models that are fitted to data; a replay uses them.'
)
ENGINE = $engine
ORDER BY (run_id)
SETTINGS non_replicated_deduplication_window = $dedup_window_blocks, fsync_after_insert = $fsync, fsync_part_directory = $fsync
COMMENT 'Runs of models that pay nothing, once they are done.';
