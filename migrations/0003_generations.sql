-- Generations: an environment's metadata.json as rows, for lists, REST and pages. Derived from the branch, so a
-- broken document marks its row and stops nothing.

CREATE TABLE generation_metadata (
    env_id bigint PRIMARY KEY REFERENCES environment ON DELETE CASCADE,
    tip bytea NOT NULL,                                            -- of the commit that was read
    broken text,                                                   -- the reason; null: it could be read
    version bigint NOT NULL DEFAULT 0,
    total bigint NOT NULL DEFAULT 0,
    live bigint NOT NULL DEFAULT 0
);

CREATE TABLE generation_change (
    env_id bigint NOT NULL REFERENCES environment ON DELETE CASCADE,
    seq bigint NOT NULL,                                           -- place in the document, from 0
    kind text NOT NULL,
    summary text,
    author text,
    hostname text,
    command text,                                                  -- a JSON array
    at bigint NOT NULL,
    current text NOT NULL,
    previous text,
    raw text NOT NULL,                                             -- json would not keep the entry's own spelling
    PRIMARY KEY (env_id, seq)
);
