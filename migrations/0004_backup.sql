-- Backups taken: a row is written before the dump, so that the file says by itself which Floe and which schema
-- made it, and completed after it, so that "status" can say when the last good one was.
CREATE TABLE backup (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    floe text NOT NULL,
    schema_version bigint NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,                                       -- null: under way, failed, or this very file
    bytes bigint
);
