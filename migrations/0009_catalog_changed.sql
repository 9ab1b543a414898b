-- Whoever keeps a catalog's packages in memory reads only those catalogs again whose number is another one. It changes in the
-- same transaction as they do, whoever makes the change.

ALTER TABLE catalog ADD COLUMN changed bigint NOT NULL DEFAULT 1;

CREATE FUNCTION catalog_note_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE catalog SET changed = changed + 1 WHERE id IN (SELECT DISTINCT catalog_id FROM touched);
    RETURN NULL;
END $$;
CREATE TRIGGER package_inserted AFTER INSERT ON package REFERENCING NEW TABLE AS touched
    FOR EACH STATEMENT EXECUTE FUNCTION catalog_note_change();
CREATE TRIGGER package_updated AFTER UPDATE ON package REFERENCING NEW TABLE AS touched
    FOR EACH STATEMENT EXECUTE FUNCTION catalog_note_change();
CREATE TRIGGER package_deleted AFTER DELETE ON package REFERENCING OLD TABLE AS touched
    FOR EACH STATEMENT EXECUTE FUNCTION catalog_note_change();

-- Where a build's source is and what was locked for it, as its publisher said: what lookups of build inputs answer. A build that
-- was imported has none.
CREATE TABLE build_source (
    build_id bigint PRIMARY KEY REFERENCES package_build,
    build_type text NOT NULL CHECK (build_type IN ('manifest', 'nef')),
    source text NOT NULL,                                          -- {"type": "git", "url", "rev", "ref", "dir", …}
    direct text NOT NULL DEFAULT '[]',                             -- keys of its direct inputs in closure
    closure text NOT NULL DEFAULT '{}',                            -- all its inputs: key -> entry, as an answer has it
    locked_inputs_hash text NOT NULL
);
