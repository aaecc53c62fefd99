ALTER TABLE clew.clicks
    ADD COLUMN IF NOT EXISTS `untrusted` UInt8 COMMENT 'Bits of ids that anybody could write and that join nothing: 1 visitor_id, 2 user_id.' AFTER `redirect_type`,
    ADD COLUMN IF NOT EXISTS `params` Map(LowCardinality(String), String) COMMENT 'utm parameters and click ids of ad networks.' AFTER `untrusted`;

ALTER TABLE clew.impressions
    ADD COLUMN IF NOT EXISTS `untrusted` UInt8 COMMENT 'Bits of ids that anybody could write and that join nothing: 1 visitor_id, 2 user_id.' AFTER `redirect_type`,
    ADD COLUMN IF NOT EXISTS `params` Map(LowCardinality(String), String) COMMENT 'utm parameters and click ids of ad networks.' AFTER `untrusted`;
