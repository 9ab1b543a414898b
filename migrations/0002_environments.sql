-- Environments: a branch of the owner's floxmeta repository is a row, its tip moves by compare-and-swap, and
-- every accepted push is one immutable pack. Packs stand in the database so that a push is one transaction and
-- a node's disk is a cache.

CREATE TABLE environment (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    owner_id bigint NOT NULL REFERENCES owner,
    name text COLLATE "C" NOT NULL,
    visibility bigint NOT NULL CHECK (visibility BETWEEN 1 AND 4), -- public, internal, unlisted, private
    -- Tips that were replaced before this moment were never readable under the present visibility.
    visibility_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    tip bytea NOT NULL CHECK (length(tip) = 20),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz
);
-- As for handles; a deleted one leaves its name free.
CREATE UNIQUE INDEX environment_name ON environment (owner_id, lower(name)) WHERE deleted_at IS NULL;
CREATE INDEX environment_owner ON environment (owner_id);

-- What every tip was: for "restore", for clients that listed a tip just before it moved, and as roots for gc.
CREATE TABLE ref_log (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    env_id bigint NOT NULL REFERENCES environment ON DELETE CASCADE,
    owner_id bigint NOT NULL REFERENCES owner,
    name text COLLATE "C" NOT NULL,
    old_tip bytea,                                                 -- null: created
    new_tip bytea,                                                 -- null: deleted
    kind bigint NOT NULL CHECK (kind BETWEEN 1 AND 5),             -- push, import, delete, restore, rename
    actor_id bigint,
    token_id bigint,
    remote text,
    at timestamptz NOT NULL DEFAULT clock_timestamp()           -- under the owner's row lock
);
CREATE INDEX ref_log_owner_at ON ref_log (owner_id, at);
CREATE INDEX ref_log_env ON ref_log (env_id, id);

CREATE TABLE git_pack (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    owner_id bigint NOT NULL REFERENCES owner,
    checksum bytea NOT NULL CHECK (length(checksum) = 20),
    objects bigint NOT NULL,
    bytes bigint NOT NULL,
    idx_bytes bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (owner_id, checksum)
);

CREATE TABLE git_pack_chunk (
    pack_id bigint NOT NULL REFERENCES git_pack ON DELETE CASCADE,
    idx boolean NOT NULL,                                          -- of the index, not of the pack
    seq bigint NOT NULL,
    data bytea NOT NULL CHECK (length(data) <= 1048576),
    PRIMARY KEY (pack_id, idx, seq)
);
-- Packs are deflated already: trying to compress them again costs time and saves nothing.
ALTER TABLE git_pack_chunk ALTER COLUMN data SET STORAGE EXTERNAL;
