-- oldest: 1
-- Where the backends of apps are told verdicts: all up to position have become notices.
CREATE TABLE endpoints (
    name         bytea  PRIMARY KEY,
    position     bigint NOT NULL, -- an event id
    closed_until bigint,
    reason       bytea  NOT NULL DEFAULT ''
) WITH (fillfactor = 50);

-- What they are to be told, or were.
CREATE TABLE notices (
    number         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    endpoint       bytea  NOT NULL,
    transaction_id bytea  NOT NULL,
    version        bigint NOT NULL,
    attempts       bigint NOT NULL,
    due            bigint, -- NULL once it was told or given up
    settled_at     bigint,
    tried_at       bigint,
    result         bytea  NOT NULL,
    told_at        bigint,
    UNIQUE (transaction_id, endpoint)
);

CREATE INDEX notices_due ON notices (endpoint, due, number) WHERE due IS NOT NULL;
CREATE INDEX notices_given_up ON notices (endpoint, number) WHERE due IS NULL AND told_at IS NULL;
