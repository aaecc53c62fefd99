ALTER TABLE clew.intents
    ADD COLUMN IF NOT EXISTS `attempt` String COMMENT 'Random: a lease chooses one per pass; empty where one process has all.',
    COMMENT COLUMN `shard` 'Shard of the conversions, by conversion_id.';

ALTER TABLE clew.passes
    ADD COLUMN IF NOT EXISTS `attempt` String COMMENT 'Which of its intents was chosen; empty where one process has all.',
    COMMENT COLUMN `shard` 'Shard of the conversions, by conversion_id.';
