-- oldest: 1
-- The traceparent of the request that a transaction came by; NULL if it isn't traced. A Verdict that doesn't know it leaves it.
ALTER TABLE transactions ADD COLUMN trace TEXT;
