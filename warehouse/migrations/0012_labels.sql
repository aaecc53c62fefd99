CREATE TABLE IF NOT EXISTS clew.labels
(
    `kind` LowCardinality(String) COMMENT 'program, partner, offer or goal.',
    `number` UInt32 COMMENT 'Partner or offer; 0 for the program.',
    `goal` String COMMENT 'Key of the offer''s goal; empty for other kinds.',
    `name` String COMMENT 'The name; empty if it was removed.',
    `ts` DateTime64(6, 'UTC') COMMENT 'When it was loaded.' CODEC(Delta, LZ4)
)
ENGINE = $engine
ORDER BY (kind, number, goal, ts)
SETTINGS non_replicated_deduplication_window = $dedup_window_blocks, fsync_after_insert = $fsync, fsync_part_directory = $fsync
COMMENT 'Names of partners, offers and goals, for reports.';

ALTER TABLE clew.programs
    MODIFY COMMENT 'Terms of every program that was loaded.';

ALTER TABLE clew.programs
    COMMENT COLUMN `canonical` 'Canonical JSON of the terms; earlier versions stored the whole program.';
