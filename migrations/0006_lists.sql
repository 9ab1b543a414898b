-- Lists of environments in pages, by id: for each reason for which a caller may see one (store/see.h) there is an index
-- that is walked in that order, so that a page costs what is on it. "visibility <= 2" is public and internal.
CREATE INDEX environment_of_owner ON environment (owner_id, id) WHERE deleted_at IS NULL;
CREATE INDEX environment_internal_of_owner ON environment (owner_id, id) WHERE deleted_at IS NULL AND visibility <= 2;
CREATE INDEX environment_public_of_owner ON environment (owner_id, id) WHERE deleted_at IS NULL AND visibility <= 1;
CREATE INDEX environment_internal ON environment (id) WHERE deleted_at IS NULL AND visibility <= 2;
CREATE INDEX environment_public ON environment (id) WHERE deleted_at IS NULL AND visibility <= 1;
-- What can be restored.
CREATE INDEX environment_deleted ON environment (owner_id, name) WHERE deleted_at IS NOT NULL;
