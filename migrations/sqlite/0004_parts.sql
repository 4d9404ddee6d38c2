-- What a recording becomes besides the files of the whole: parts, each with files of its own.

-- What is to be made of recordings and is not ready: the whole of each, and its parts.
CREATE TABLE piece (
    call    INTEGER NOT NULL,
    part    INTEGER NOT NULL,      -- the leg whose part of the call it is; 0: the whole
    account INTEGER NOT NULL,
    files   TEXT NOT NULL,
    began   INTEGER NOT NULL,      -- when the recording did
    from_ms INTEGER NOT NULL,      -- of the recording, from here …
    to_ms   INTEGER,               -- … to here; NULL: to its end
    PRIMARY KEY (call, part)
) STRICT, WITHOUT ROWID;

INSERT INTO piece (call, part, account, files, began, from_ms)
    SELECT call, 0, account, files, coalesce((SELECT at FROM log WHERE log.no = recording.no), 0), 0
    FROM recording;
DROP TABLE recording;
