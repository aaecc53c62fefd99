ALTER TABLE clew.programs
    COMMENT COLUMN `loaded_ts` 'When it was loaded; each time that it became the newest is a row.';
