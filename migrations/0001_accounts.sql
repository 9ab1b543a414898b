-- Accounts: users and organisations share one namespace, so they are one table. Text that names things is
-- compared by bytes (collation C) on every server, whatever its locale: a lock-file or a URL has no locale.
-- Numbers are bigint and flags boolean throughout, because the program binds no other types.

-- What a transaction leaves behind so that its outcome can be asked for when the connection breaks at COMMIT.
CREATE TABLE db_outcome (
    nonce bigint PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE owner (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind bigint NOT NULL CHECK (kind IN (1, 2)),                   -- user, organisation
    handle text COLLATE "C" NOT NULL,
    email text,
    password_hash text,
    admin boolean NOT NULL DEFAULT false,
    disabled_at timestamptz,
    default_visibility bigint NOT NULL DEFAULT 0 CHECK (default_visibility BETWEEN 0 AND 4),
    git_epoch bigint NOT NULL DEFAULT 1,                           -- rises when packs are taken away
    created_at timestamptz NOT NULL DEFAULT now()
);
-- Two handles that differ only in case would be one folder on some disks and one person to most readers.
CREATE UNIQUE INDEX owner_handle ON owner (lower(handle));

CREATE TABLE member (
    org_id bigint NOT NULL REFERENCES owner,
    user_id bigint NOT NULL REFERENCES owner,
    role bigint NOT NULL CHECK (role IN (1, 2, 3)),                -- reader, writer, owner
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, user_id)
);
CREATE INDEX member_user ON member (user_id);

CREATE TABLE token (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    owner_id bigint NOT NULL REFERENCES owner,
    name text,
    hint text NOT NULL,
    hash bytea NOT NULL UNIQUE CHECK (length(hash) = 32),          -- SHA-256; the text is stored nowhere
    scope bigint NOT NULL CHECK (scope IN (1, 2, 3)),              -- read, write, admin
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    revoked_at timestamptz,
    last_used_at timestamptz
);
CREATE INDEX token_owner ON token (owner_id);

-- Kept after its objects are gone, so it refers to nothing.
CREATE TABLE audit (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    owner_id bigint,                                               -- whose trail; null: the hub's
    actor_id bigint,                                               -- null: an admin command
    actor text,
    token_id bigint,
    remote text,
    action text NOT NULL,
    object text NOT NULL,
    detail jsonb
);
CREATE INDEX audit_owner ON audit (owner_id, id);
