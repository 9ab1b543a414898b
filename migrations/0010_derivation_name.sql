-- A derivation is looked for by its .drv and by the paths of its outputs, in which its name stands. No index is kept for that, as
-- every import would pay for it; what there is serves (server/store/catalog_derivation.h):
--   the first four bytes of a digest are of the name, so that the index of digests finds all of one name;
--   its last bit tells builds from what is on pages, which are rows of their own from here on;
--   attr_path is by which of its attributes it came here first. Who has it is looked for there, and only if it is not there any
--   more among all runs.

-- FNV-1a of what is behind the folder and the hash, without ".drv"; server/store/derivation_name.c does the same.
CREATE FUNCTION catalog_name_key(drv_path text) RETURNS bytea LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    name bytea := convert_to(regexp_replace(regexp_replace(regexp_replace(drv_path, '^.*/', ''), '^[0-9a-z]{32}-', ''), '\.drv$', ''), 'UTF8');
    hash bigint := 2166136261;
BEGIN
    FOR i IN 0 .. length(name) - 1 LOOP
        hash := ((hash # get_byte(name, i)) * 16777619) & 4294967295;
    END LOOP;
    RETURN substring(int8send(hash) FROM 5);
END $$;

ALTER TABLE derivation ADD COLUMN attr_path text COLLATE "C";       -- null: an owner's build
UPDATE derivation d SET
    digest = set_bit(catalog_name_key(d.drv_path) || substring(d.digest FOR 16), 152, (x.attr_path IS NULL AND x.built)::int),
    attr_path = x.attr_path
FROM (
    SELECT a.id, p.attr_path, EXISTS (SELECT FROM package_build b WHERE b.derivation_id = a.id) AS built FROM derivation a
    LEFT JOIN (SELECT derivation_id, min(package_id) AS package_id FROM page_run GROUP BY derivation_id) r ON r.derivation_id = a.id
    LEFT JOIN package p ON p.id = r.package_id
) x WHERE x.id = d.id;

CREATE INDEX package_build_derivation ON package_build (derivation_id);
