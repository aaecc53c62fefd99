ALTER TABLE clew.clicks
    COMMENT COLUMN `visitor_id` 'Parameter, first-party cookie, or `~` and a keyed hash that never joins touches.',
    COMMENT COLUMN `landing_url` 'URL that the visitor was sent to.',
    COMMENT COLUMN `bot_reasons` 'Bit mask; the list of reasons names the bits.',
    COMMENT COLUMN `visitor_hash` 'Hash of the visitor id; unique clicks are counted by it.';

ALTER TABLE clew.impressions
    COMMENT COLUMN `visitor_id` 'Parameter, first-party cookie, or `~` and a keyed hash that never joins touches.',
    COMMENT COLUMN `landing_url` 'URL that the visitor was sent to.',
    COMMENT COLUMN `bot_reasons` 'Bit mask; the list of reasons names the bits.',
    COMMENT COLUMN `visitor_hash` 'Hash of the visitor id; unique clicks are counted by it.';

ALTER TABLE clew.conversions
    COMMENT COLUMN `match_kind` 'Field by which it matches touches.',
    COMMENT COLUMN `status` 'Status as first reported; adjustments change it.',
    COMMENT COLUMN `given` 'Bits of the fields that the hit contained (Given).';

ALTER TABLE clew.adjustments
    COMMENT COLUMN `adjustment_id` '16-byte BLAKE2b of the key of the adjustment.',
    COMMENT COLUMN `amount_e4` 'Amount to refund, positive; -1 means all that remains.',
    COMMENT COLUMN `currency` 'ISO 4217 code; empty means the conversion\'s currency.',
    COMMENT COLUMN `actor` 'Sender: postback or api.';

ALTER TABLE clew.rejected
    COMMENT COLUMN `reason` 'Reason from the closed list of reasons.',
    COMMENT COLUMN `field` 'The field that the reason concerns, if any.',
    COMMENT COLUMN `detail` 'One sentence that explains the reason.',
    COMMENT COLUMN `conversion_id` 'The conversion that it would have created or changed.',
    COMMENT COLUMN `visitor_id` 'Visitor id, as for touches.';

ALTER TABLE clew.dead_letters
    COMMENT COLUMN `error` 'Error that the record caused.';

ALTER TABLE clew.claims
    COMMENT COLUMN `key` 'Dedup key of a conversion, line, refund or status.',
    COMMENT COLUMN `state` 'State under the key after this record (MessagePack).';

ALTER TABLE clew.claims MODIFY COMMENT 'Dedup keys of a log that its consumers deduplicate; one row per change of state.';

ALTER TABLE clew.skipped
    COMMENT COLUMN `reason` 'Reason from the closed list of reasons; empty for repeats and duplicates.',
    COMMENT COLUMN `key` 'Key of the conversion or line that it named; zero for a repeat.',
    COMMENT COLUMN `detail` 'One sentence that explains the verdict.';

ALTER TABLE clew.skipped MODIFY COMMENT 'Records of such a log that became no row: repeats, duplicates and refused records.';

ALTER TABLE clew.origins
    COMMENT COLUMN `origin` 'Id of the appending process; zero for records known by their offset.';

ALTER TABLE clew.origins MODIFY COMMENT 'Ranges of appends that are stored; they identify repeats.';

ALTER TABLE clew.credits
    COMMENT COLUMN `weight_e12` 'Share of the conversion.',
    COMMENT COLUMN `value_minor` 'Share of the net value.',
    COMMENT COLUMN `reason` 'Reason why it is unattributed, or click_pending.',
    COMMENT COLUMN `paying` '1 when the conversion pays by this model.';

ALTER TABLE clew.commissions
    COMMENT COLUMN `rule` 'Part of the plan that this pays, such as `8.5% + 1.20 USD`.',
    COMMENT COLUMN `amount_minor` 'Amount owed; negative for a reversal.',
    COMMENT COLUMN `hold_until` 'Time until which it is held.';

ALTER TABLE clew.revisions
    COMMENT COLUMN `program_hash` 'The program that priced revision 1; later revisions keep it.',
    COMMENT COLUMN `value_minor` 'Net value, the sum of its credits; never below 0.',
    COMMENT COLUMN `problems` 'Problems: code and one sentence.';

ALTER TABLE clew.revisions MODIFY COMMENT 'Credited conversions, one row per revision.';

ALTER TABLE clew.joins
    COMMENT COLUMN `named` '1 when the conversion names this touch.';

ALTER TABLE clew.passes
    COMMENT COLUMN `attempt` 'The intent that was chosen; empty if one process owns all shards.';

ALTER TABLE clew.passes MODIFY COMMENT 'Completed passes of attribution.';

ALTER TABLE clew.intents
    COMMENT COLUMN `attempt` 'Random id; a lease chooses one per pass. Empty if one process owns all shards.';

ALTER TABLE clew.intents MODIFY COMMENT 'Rows that attribution is about to write.';

ALTER TABLE clew.programs
    COMMENT COLUMN `loaded_ts` 'When it was loaded; one row for each time that it became the newest.';

ALTER TABLE clew.runs
    COMMENT COLUMN `run_id` 'Hash of the parameters (32 hex digits); run_id of its credits.',
    COMMENT COLUMN `as_of` 'The run uses only data received until then.',
    COMMENT COLUMN `parameters` 'JSON: everything that determines the credits.',
    COMMENT COLUMN `slices` 'Number of parts that it was computed in.',
    COMMENT COLUMN `conversions` 'Number of conversions that it credited.',
    COMMENT COLUMN `failed` 'Number of conversions that it could not compute.',
    COMMENT COLUMN `rows` 'Number of credits that it wrote.';

ALTER TABLE clew.runs MODIFY COMMENT 'Completed runs of models, which pay nothing.';

ALTER TABLE clew.facts
    COMMENT COLUMN `name` 'Name of the value; `token_keys` identifies the keys that sign ids.',
    COMMENT COLUMN `value` 'The agreed value; it reveals no secret.',
    COMMENT COLUMN `ts` 'When it was written.';

ALTER TABLE clew.facts MODIFY COMMENT 'Values that all parts of an installation must agree on.';
