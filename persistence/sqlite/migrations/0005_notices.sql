-- oldest: 1
-- Where the backends of apps are told verdicts: all up to position have become notices.
CREATE TABLE endpoints (
    name         TEXT    NOT NULL PRIMARY KEY,
    position     INTEGER NOT NULL, -- an event id
    closed_until INTEGER,
    reason       TEXT    NOT NULL DEFAULT ''
) STRICT, WITHOUT ROWID;

-- What they are to be told, or were.
CREATE TABLE notices (
    number         INTEGER PRIMARY KEY,
    endpoint       TEXT    NOT NULL,
    transaction_id TEXT    NOT NULL,
    version        INTEGER NOT NULL,
    attempts       INTEGER NOT NULL,
    due            INTEGER, -- NULL once it was told or given up
    settled_at     INTEGER,
    tried_at       INTEGER,
    result         TEXT    NOT NULL,
    told_at        INTEGER,
    UNIQUE (transaction_id, endpoint)
) STRICT;

CREATE INDEX notices_due ON notices (endpoint, due) WHERE due IS NOT NULL;
CREATE INDEX notices_given_up ON notices (endpoint, number) WHERE due IS NULL AND told_at IS NULL;
