ALTER TABLE clew.conversions
    ADD COLUMN IF NOT EXISTS `reopen_forbidden` UInt8 COMMENT '1 when the offer says that a declined conversion cannot be re-opened.' AFTER `sender_ip`,
    ADD COLUMN IF NOT EXISTS `coupon` String COMMENT 'The coupon that it names, as sent.' AFTER `reopen_forbidden`,
    ADD COLUMN IF NOT EXISTS `coupon_partner_id` UInt32 COMMENT 'Partner of the coupon; 0 where none counts.' AFTER `coupon`,
    ADD COLUMN IF NOT EXISTS `coupon_reason` LowCardinality(String) COMMENT 'Reason why its coupon does not count.' AFTER `coupon_partner_id`;

ALTER TABLE clew.adjustments
    ADD COLUMN IF NOT EXISTS `status_revision` UInt32 COMMENT 'Counts how often a status went back; the furthest status of the latest revision counts.' AFTER `ref`;
