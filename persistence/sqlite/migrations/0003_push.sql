-- oldest: 1
-- When an app was told of the verdict, and when one confirmed it. A Verdict that doesn't know these leaves them as they are.
ALTER TABLE transactions ADD COLUMN told_at      INTEGER;
ALTER TABLE transactions ADD COLUMN confirmed_at INTEGER;

-- What an app that comes back may have missed.
CREATE INDEX unconfirmed ON transactions (tenant, owner, event_id) WHERE stage = 'settled' AND confirmed_at IS NULL;

-- Names that can't be used again before their time has passed, and needn't be known after.
CREATE TABLE spent (
    name  TEXT    NOT NULL PRIMARY KEY,
    until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX spent_until ON spent (until);
