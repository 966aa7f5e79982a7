-- Times are Unix nanoseconds; NULL is the zero time.

-- One row is one transaction.
CREATE TABLE transactions (
    number      INTEGER PRIMARY KEY,
    id          TEXT    NOT NULL UNIQUE,
    tenant      TEXT    NOT NULL,
    owner       TEXT    NOT NULL,
    operation   TEXT    NOT NULL,
    key         TEXT    NOT NULL,
    provider    TEXT    NOT NULL,
    status      TEXT    NOT NULL,
    stage       TEXT    NOT NULL,
    reason      TEXT    NOT NULL,
    reference   TEXT    NOT NULL,
    version     INTEGER NOT NULL,
    event_id    INTEGER NOT NULL,
    sends       INTEGER NOT NULL,
    checks      INTEGER NOT NULL,
    due         INTEGER,
    created_at  INTEGER,
    sent_at     INTEGER,
    settled_at  INTEGER,
    fingerprint BLOB    NOT NULL,
    payload     BLOB,
    key_held    INTEGER NOT NULL DEFAULT 1 -- 0 once the key may be used again
) STRICT;

-- The table of idempotency keys.
CREATE UNIQUE INDEX keys ON transactions (tenant, owner, operation, key) WHERE key_held = 1;

-- What waits for a person.
CREATE INDEX review ON transactions (event_id) WHERE stage = 'review';

-- A transaction enters these once, with its verdict; until then its changes don't touch them.
CREATE INDEX settled ON transactions (event_id) WHERE stage = 'settled';
CREATE INDEX settled_of_audience ON transactions (tenant, owner, event_id) WHERE stage = 'settled';

-- The next step of each transaction that has one.
CREATE TABLE outbox (
    transaction_id TEXT    NOT NULL PRIMARY KEY,
    kind           TEXT    NOT NULL,
    version        INTEGER NOT NULL,
    provider       TEXT    NOT NULL,
    since          INTEGER NOT NULL, -- when the step was due at first
    due            INTEGER NOT NULL  -- when it may be claimed next
) STRICT, WITHOUT ROWID;

-- since is in it so that what is due can be put in order without a look at the rows.
CREATE INDEX outbox_due ON outbox (due, since);

-- Append-only, so that its number is the order of storing.
CREATE TABLE evidence (
    number         INTEGER PRIMARY KEY,
    transaction_id TEXT    NOT NULL,
    source         TEXT    NOT NULL,
    outcome        TEXT    NOT NULL,
    reason         TEXT    NOT NULL,
    reference      TEXT    NOT NULL,
    asked          INTEGER,
    at             INTEGER,
    wait           INTEGER NOT NULL, -- nanoseconds
    conflict       INTEGER NOT NULL, -- 0 or 1
    raw            BLOB,
    digest         BLOB              -- SHA-256 of raw if the source is a webhook
) STRICT;

CREATE INDEX evidence_of ON evidence (transaction_id);
CREATE UNIQUE INDEX webhooks ON evidence (transaction_id, digest) WHERE digest IS NOT NULL;
CREATE INDEX conflicts ON evidence (number) WHERE conflict = 1;

-- Webhooks that wait for their transaction.
CREATE TABLE parked (
    number         INTEGER PRIMARY KEY, -- a new one is above all that still wait
    transaction_id TEXT    NOT NULL,
    provider       TEXT    NOT NULL,
    digest         BLOB    NOT NULL, -- SHA-256 of the body
    body           BLOB,
    at             INTEGER,
    UNIQUE (transaction_id, provider, digest)
) STRICT;

-- One row: the greatest event id given so far, that of the last verdict whose key was released, and the secret that was
-- made with the store.
CREATE TABLE meta (
    id       INTEGER PRIMARY KEY CHECK (id = 1),
    event    INTEGER NOT NULL,
    released INTEGER NOT NULL DEFAULT 0,
    secret   BLOB    NOT NULL
) STRICT;
