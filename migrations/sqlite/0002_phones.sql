-- Where registered phones can be reached, so that a restart need not wait for them to come again.

ALTER TABLE log ADD COLUMN phone TEXT; -- where phones are: the user; then the token says where, NULL: nowhere
CREATE INDEX log_by_phone ON log (no) WHERE phone IS NOT NULL;

-- The last that was said of each user who has phones somewhere.
CREATE TABLE phone (
    account INTEGER NOT NULL,
    user    TEXT NOT NULL,
    kept    BLOB NOT NULL,
    no      INTEGER NOT NULL,
    PRIMARY KEY (account, user)
) STRICT, WITHOUT ROWID;
CREATE INDEX phone_by_log ON phone (no);
