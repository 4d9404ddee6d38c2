-- The one ordered log, and the tables folded from it in the transaction of each append.
-- Times are milliseconds since the Unix epoch (UTC) unless the name ends in _s (seconds).

CREATE TABLE log (
    no      INTEGER PRIMARY KEY,   -- gapless when written; retention deletes settled rows
    account INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    command INTEGER,               -- the command that caused it
    call    INTEGER,               -- the call it is about
    seq     INTEGER,               -- events only: the account's event number
    event   TEXT,                  -- events only: JSON
    leg     INTEGER,               -- resume tokens only
    token   BLOB                   -- resume tokens only; NULL with a leg: the token is done with
) STRICT;
CREATE INDEX log_by_call ON log (call, no) WHERE call IS NOT NULL;
CREATE INDEX log_by_command ON log (command) WHERE command IS NOT NULL;

-- Highest numbers ever given out: 'snowflake', 'command'.
CREATE TABLE highest (
    name  TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE account (
    id  INTEGER PRIMARY KEY,
    seq INTEGER NOT NULL           -- its last event number
) STRICT;

-- Presence of signed-in agents: the log rows that say it.
CREATE TABLE agent (
    account   INTEGER NOT NULL,
    number    TEXT NOT NULL,
    signed_in INTEGER NOT NULL,
    chose     INTEGER,
    changed   INTEGER,
    PRIMARY KEY (account, number)
) STRICT, WITHOUT ROWID;

-- Calls that have no record yet.
CREATE TABLE call (
    id      INTEGER PRIMARY KEY,
    account INTEGER NOT NULL
) STRICT;

-- How to end the dialogs that are still up, should the program die.
CREATE TABLE leg (
    id      INTEGER PRIMARY KEY,
    call    INTEGER NOT NULL,
    account INTEGER NOT NULL,
    token   BLOB NOT NULL,
    no      INTEGER NOT NULL
) STRICT;

-- Recordings that began and whose files are not ready.
CREATE TABLE recording (
    call    INTEGER PRIMARY KEY,
    account INTEGER NOT NULL,
    files   TEXT NOT NULL,
    no      INTEGER NOT NULL
) STRICT;

CREATE TABLE record (
    id        INTEGER PRIMARY KEY,
    account   INTEGER NOT NULL,
    call      INTEGER NOT NULL,
    no        INTEGER NOT NULL,    -- its log row: a query pages through what there was when it began
    started_s INTEGER NOT NULL,
    agent     TEXT NOT NULL,
    display   TEXT NOT NULL,
    trunk     TEXT NOT NULL,
    queue     TEXT NOT NULL,
    status    TEXT NOT NULL,
    kind      TEXT NOT NULL,
    body      TEXT NOT NULL        -- the JSON that queries answer
) STRICT;
CREATE INDEX record_by_time    ON record (account, started_s, id);
CREATE INDEX record_by_call    ON record (account, call, started_s, id);
CREATE INDEX record_by_agent   ON record (account, agent, started_s, id);
CREATE INDEX record_by_display ON record (account, display, started_s, id);
CREATE INDEX record_by_trunk   ON record (account, trunk, started_s, id);
CREATE INDEX record_by_queue   ON record (account, queue, started_s, id);
CREATE INDEX record_by_status  ON record (account, status, started_s, id);
CREATE INDEX record_by_kind    ON record (account, kind, started_s, id);

-- Pushes that are neither delivered nor given up. Ids are never used again: delivery reads on from the last it saw.
CREATE TABLE outbox (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    no         INTEGER NOT NULL,   -- the log row it comes from
    account    INTEGER NOT NULL,
    address    TEXT NOT NULL,
    kind       TEXT NOT NULL,
    event      TEXT NOT NULL,      -- eventUniqueId
    agent      TEXT,
    call       INTEGER,
    lasting    INTEGER NOT NULL,   -- 0: a state, worthless after a minute; 1: retried for days
    happened   INTEGER NOT NULL,
    expires    INTEGER NOT NULL,
    body       TEXT NOT NULL
) STRICT;
CREATE INDEX outbox_by_log ON outbox (no);

CREATE TABLE dead_letter (
    id         INTEGER PRIMARY KEY,
    no         INTEGER NOT NULL,
    account    INTEGER NOT NULL,
    address    TEXT NOT NULL,
    kind       TEXT NOT NULL,
    event      TEXT NOT NULL,
    agent      TEXT,
    call       INTEGER,
    lasting    INTEGER NOT NULL,
    happened   INTEGER NOT NULL,
    died       INTEGER NOT NULL,
    reason     TEXT NOT NULL,
    body       TEXT NOT NULL
) STRICT;
CREATE INDEX dead_letter_by_address ON dead_letter (account, address, id);

-- Used (timestamp, nonce) pairs, until the timestamp is too old to be accepted.
CREATE TABLE nonce (
    account INTEGER NOT NULL,
    at_s    INTEGER NOT NULL,
    nonce   TEXT NOT NULL,
    PRIMARY KEY (account, at_s, nonce)
) STRICT, WITHOUT ROWID;
CREATE INDEX nonce_by_time ON nonce (at_s);

CREATE TABLE idempotency (
    account   INTEGER NOT NULL,
    key       TEXT NOT NULL,
    body_hash BLOB NOT NULL,
    command   INTEGER,             -- the command it became, once it was passed on
    begun     INTEGER NOT NULL,
    accepted  TEXT,                -- found in the log after a crash: what the command had led to
    answer    TEXT,                -- the answer that was given
    PRIMARY KEY (account, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_by_time ON idempotency (begun);

-- How many rows a bounded table has, per owner; kept by triggers, so a rolled-back insert is not counted.
CREATE TABLE size (
    of   TEXT PRIMARY KEY,
    rows INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TRIGGER outbox_in AFTER INSERT ON outbox BEGIN
    INSERT INTO size VALUES ('outbox ' || NEW.account || ' ' || NEW.address, 1)
        ON CONFLICT (of) DO UPDATE SET rows = rows + 1;
END;
CREATE TRIGGER outbox_out AFTER DELETE ON outbox BEGIN
    UPDATE size SET rows = rows - 1 WHERE of = 'outbox ' || OLD.account || ' ' || OLD.address;
END;
CREATE TRIGGER dead_letter_in AFTER INSERT ON dead_letter BEGIN
    INSERT INTO size VALUES ('dead_letter ' || NEW.account || ' ' || NEW.address, 1)
        ON CONFLICT (of) DO UPDATE SET rows = rows + 1;
END;
CREATE TRIGGER dead_letter_out AFTER DELETE ON dead_letter BEGIN
    UPDATE size SET rows = rows - 1 WHERE of = 'dead_letter ' || OLD.account || ' ' || OLD.address;
END;
CREATE TRIGGER nonce_in AFTER INSERT ON nonce BEGIN
    INSERT INTO size VALUES ('nonce ' || NEW.account, 1) ON CONFLICT (of) DO UPDATE SET rows = rows + 1;
END;
CREATE TRIGGER nonce_out AFTER DELETE ON nonce BEGIN
    UPDATE size SET rows = rows - 1 WHERE of = 'nonce ' || OLD.account;
END;
CREATE TRIGGER idempotency_in AFTER INSERT ON idempotency BEGIN
    INSERT INTO size VALUES ('idempotency ' || NEW.account, 1) ON CONFLICT (of) DO UPDATE SET rows = rows + 1;
END;
CREATE TRIGGER idempotency_out AFTER DELETE ON idempotency BEGIN
    UPDATE size SET rows = rows - 1 WHERE of = 'idempotency ' || OLD.account;
END;
