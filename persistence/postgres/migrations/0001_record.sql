-- Times are Unix nanoseconds; NULL is the zero time. What others name (keys, owners, partners, reasons) may hold any byte,
-- which text may not: it is bytea. To read it in psql: SELECT encode(owner, 'escape').

-- One row is one transaction. Its number changes with every change, and with the stage decides which lists it is in. The
-- generated columns stand for it in the indexes of those lists, so that a change of what is pending touches no index: there
-- is room left for the new row beside the old (https://www.postgresql.org/docs/current/storage-hot.html).
CREATE TABLE transactions (
    id            bytea   PRIMARY KEY,
    tenant        bytea   NOT NULL,
    owner         bytea   NOT NULL,
    operation     bytea   NOT NULL,
    key           bytea   NOT NULL,
    provider      bytea   NOT NULL,
    status        text    NOT NULL,
    stage         text    NOT NULL,
    reason        bytea   NOT NULL,
    reference     bytea   NOT NULL,
    version       bigint  NOT NULL,
    event_id      bigint  NOT NULL,
    sends         bigint  NOT NULL,
    checks        bigint  NOT NULL,
    answered      boolean NOT NULL,
    watched       boolean NOT NULL,
    due           bigint,
    created_at    bigint,
    sent_at       bigint,
    checked_at    bigint,
    settled_at    bigint,
    fingerprint   bytea   NOT NULL,
    payload       bytea,
    key_held      boolean NOT NULL DEFAULT true, -- false once the key may be used again
    told_at       bigint,
    confirmed_at  bigint,
    settled_event bigint GENERATED ALWAYS AS (CASE stage WHEN 'settled' THEN event_id END) STORED,
    review_event  bigint GENERATED ALWAYS AS (CASE stage WHEN 'review' THEN event_id END) STORED
) WITH (fillfactor = 70);

-- The table of idempotency keys.
CREATE UNIQUE INDEX keys ON transactions (tenant, owner, operation, key) WHERE key_held;

-- What waits for a person.
CREATE INDEX review ON transactions (review_event) WHERE review_event IS NOT NULL;

CREATE INDEX settled ON transactions (settled_event) WHERE settled_event IS NOT NULL;
CREATE INDEX settled_of_audience ON transactions (tenant, owner, settled_event) WHERE settled_event IS NOT NULL;

-- What an app that comes back may have missed.
CREATE INDEX unconfirmed ON transactions (tenant, owner, settled_event) WHERE settled_event IS NOT NULL AND confirmed_at IS NULL;

-- The next step of each transaction that has one.
CREATE TABLE outbox (
    transaction_id bytea  PRIMARY KEY,
    kind           text   NOT NULL,
    version        bigint NOT NULL,
    provider       bytea  NOT NULL,
    since          bigint NOT NULL, -- when the step was due at first
    due            bigint NOT NULL  -- when it may be claimed next
) WITH (fillfactor = 70);

-- The order in which the commands of a lane are claimed. due isn't in it, so that a claim touches no index.
CREATE INDEX outbox_lanes ON outbox (provider, kind, since, transaction_id);

-- Append-only. Its numbers are drawn under the lock of all changes, so they are the order of storing.
CREATE TABLE evidence (
    number         bigint  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    transaction_id bytea   NOT NULL,
    source         text    NOT NULL,
    outcome        text    NOT NULL,
    reason         bytea   NOT NULL,
    reference      bytea   NOT NULL,
    asked          bigint,
    at             bigint,
    wait           bigint  NOT NULL, -- nanoseconds
    conflict       boolean NOT NULL,
    raw            bytea,
    digest         bytea             -- SHA-256 of raw if the source is a webhook
);

CREATE INDEX evidence_of ON evidence (transaction_id, number);
CREATE UNIQUE INDEX webhooks ON evidence (transaction_id, digest) WHERE digest IS NOT NULL;
CREATE INDEX conflicts ON evidence (number) WHERE conflict;

-- Webhooks that wait for their transaction.
CREATE TABLE parked (
    number         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    transaction_id bytea  NOT NULL,
    provider       bytea  NOT NULL,
    digest         bytea  NOT NULL, -- SHA-256 of the body
    body           bytea,
    at             bigint,
    UNIQUE (transaction_id, provider, digest)
);

-- What all instances know of each provider, as JSON.
CREATE TABLE partners (
    name    bytea PRIMARY KEY,
    pace    text  NOT NULL DEFAULT '{}',
    learned text  NOT NULL DEFAULT '{}'
) WITH (fillfactor = 50);

-- Names that can't be used again before their time has passed, and needn't be known after.
CREATE TABLE spent (
    name  bytea  PRIMARY KEY,
    until bigint NOT NULL
);

CREATE INDEX spent_until ON spent (until);

-- One row: the greatest event id given so far, that of the last verdict whose key was released, and the secret that was
-- made with the store. It changes with every commit, and is the lock of all changes.
CREATE TABLE meta (
    id       integer PRIMARY KEY CHECK (id = 1),
    event    bigint  NOT NULL,
    released bigint  NOT NULL DEFAULT 0,
    secret   bytea   NOT NULL
) WITH (fillfactor = 10);
