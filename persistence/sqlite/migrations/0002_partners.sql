-- oldest: 1
-- What the last checks have told, and whether an app listens. A Verdict that doesn't know these leaves them as they are.
ALTER TABLE transactions ADD COLUMN answered   INTEGER NOT NULL DEFAULT 0; -- 0 or 1
ALTER TABLE transactions ADD COLUMN watched    INTEGER NOT NULL DEFAULT 0; -- 0 or 1
ALTER TABLE transactions ADD COLUMN checked_at INTEGER;

-- What all instances know of each provider, as JSON.
CREATE TABLE partners (
    name    TEXT NOT NULL PRIMARY KEY,
    pace    TEXT NOT NULL DEFAULT '{}',
    learned TEXT NOT NULL DEFAULT '{}'
) STRICT, WITHOUT ROWID;

-- The order in which the commands of a lane are claimed, so that a claim reads no further than it takes. due is in it so
-- that those which wait for the end of a claim are passed over without a look at their rows. A Verdict that doesn't know
-- lanes looks through the whole outbox instead.
CREATE INDEX outbox_lanes ON outbox (provider, kind, since, transaction_id, due);
DROP INDEX outbox_due;
