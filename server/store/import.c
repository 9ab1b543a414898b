/* What an import knows of an environment besides its history. See import.h. */
#include "server/store/import.h"

fh_err store_env_set_created(struct db_conn *c, int64_t env_id, int64_t at, struct fh_error *e)
{
    return db_exec(c, "UPDATE environment SET created_at = to_timestamp($2) WHERE id = $1",
                   DB_PARAMS(DB_I64(env_id), DB_I64(at)), NULL, e);
}
