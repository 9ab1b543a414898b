-- Lists of environments in pages, by id: one index for each reason for which a caller may see one (store/see.h),
-- so that a page costs what is on it.
CREATE INDEX environment_of_owner ON environment (owner_id, id) WHERE deleted_at IS NULL;
CREATE INDEX environment_open_of_owner ON environment (owner_id, visibility, id) WHERE deleted_at IS NULL AND visibility <= 2;
CREATE INDEX environment_open ON environment (visibility, id) WHERE deleted_at IS NULL AND visibility <= 2;
-- What can be restored.
CREATE INDEX environment_deleted ON environment (owner_id, name) WHERE deleted_at IS NOT NULL;
