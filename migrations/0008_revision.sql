-- What a push spares by knowing that nothing else happened meanwhile: an owner's revision rises with every change of what git
-- is told of the owner (under the owner's row lock), so whoever held the one before a push knows what stands after it.
ALTER TABLE owner ADD COLUMN revision bigint NOT NULL DEFAULT 1;

-- How many entries of the history are stored, and a digest of them: a longer history that begins with them is known by that,
-- without reading them. Null: not counted yet.
ALTER TABLE generation_metadata ADD COLUMN stored bigint;
ALTER TABLE generation_metadata ADD COLUMN digest bytea;
