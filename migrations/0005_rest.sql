-- REST: answers kept for callers who repeat a request because the first answer never reached them. The row is
-- written by the transaction that creates, so there is never one without what it tells of, nor the other way round.
CREATE TABLE idempotency_key (
    owner_id bigint NOT NULL REFERENCES owner ON DELETE CASCADE,   -- the caller's
    key text COLLATE "C" NOT NULL,
    request bytea NOT NULL CHECK (length(request) = 32),           -- SHA-256 of the request it stands for
    made text NOT NULL,                                            -- what came of it, for people: "token 7"
    path text NOT NULL,                                            -- where that is, below the base URL
    etag text,
    answer text,                                                   -- null: it held a secret, which is kept nowhere
    at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (owner_id, key)
);
-- For the sweep of those that are over.
CREATE INDEX idempotency_key_at ON idempotency_key (at);

-- A trail is read by people from its end, narrowed to an action or to one object; it only grows, so reading all
-- of it to find the few rows of one environment would become slow with the years.
CREATE INDEX audit_owner_action ON audit (owner_id, action, id);
CREATE INDEX audit_owner_object ON audit (owner_id, object, id);

-- One page of an owner's tokens, by number.
DROP INDEX token_owner;
CREATE INDEX token_owner ON token (owner_id, id);
