/* env.json and env.lock. See envjson.h; formats: git-environments §4.2, §4.3. */
#include "common/envjson.h"

#include "common/ceilings.h"
#include "common/json.h"

static fh_err load_object(const char *text, size_t n, const char *file, json_t **out, struct fh_error *e)
{
    if (n > FH_MAX_BODY_SMALL)
        return FH_FAIL(e, FH_TOO_LARGE, "%s is larger than %d bytes.", file, FH_MAX_BODY_SMALL);
    json_t *value = NULL;
    FH_TRY(fh_json_parse(text, n, file, &value, e));
    if (!json_is_object(value)) {
        json_decref(value);
        return FH_FAIL(e, FH_INVALID, "%s is not a JSON object.", file);
    }
    *out = value;
    return FH_OK;
}

static fh_err check_version(const json_t *object, const char *file, struct fh_error *e)
{
    const json_t *version = json_object_get(object, "version");
    if (!json_is_integer(version))
        return FH_FAIL(e, FH_INVALID, "%s has no 'version' number.", file);
    if (json_integer_value(version) != 1)
        return FH_FAIL(e, FH_INVALID, "%s has version %lld; only version 1 is known.", file,
                       (long long)json_integer_value(version));
    return FH_OK;
}

fh_err fh_envjson_parse(struct fh_arena *a, const char *text, size_t n, const char *file,
                        struct fh_envjson *out, struct fh_error *e)
{
    json_t *object = NULL;
    FH_TRY(load_object(text, n, file, &object, e));
    fh_json_own(a, object);
    FH_TRY(check_version(object, file, e));
    struct fh_envjson env = {.name = fh_json_string(object, "name")};
    if (!env.name)
        return FH_FAIL(e, FH_INVALID, "%s has no 'name'.", file);
    FH_TRY(fh_envname_check(env.name, e));
    const char *owner = fh_json_string(object, "owner");
    const char *url = fh_json_string(object, "floxhub_url");
    if (owner &&
        url) { /* with one of them missing it is a local environment, as the official client reads it */
        FH_TRY(fh_envname_check(owner, e));
        env.owner = owner;
        env.floxhub_url = url;
        env.git_url_override = fh_json_string(object, "floxhub_git_url_override");
    }
    *out = env;
    return FH_OK;
}

fh_err fh_envjson_write(const struct fh_envjson *env, enum fh_envjson_style style, struct fh_buf *out,
                        struct fh_error *e)
{
    json_t *object = json_object();
    if (env->owner)
        fh_json_set(object, "owner", fh_json_text(env->owner));
    fh_json_set(object, "name", fh_json_text(env->name));
    if (env->owner)
        fh_json_set(object, "floxhub_url", fh_json_text(env->floxhub_url));
    if (env->owner && env->git_url_override)
        fh_json_set(object, "floxhub_git_url_override", fh_json_text(env->git_url_override));
    fh_json_set(object, "version", json_integer(1));
    fh_err rc = style == FH_ENVJSON_COMPACT ? fh_json_write_compact(object, out, e)
                                            : fh_json_write_pretty(object, out, e);
    if (rc == FH_OK && style == FH_ENVJSON_PRETTY_NEWLINE)
        rc = fh_buf_add_char(out, '\n', e);
    json_decref(object);
    return rc;
}

static fh_err read_commit(const json_t *object, const char *key, const char *file, char out[FH_OID_HEX + 1],
                          struct fh_error *e)
{
    const char *text = fh_json_string(object, key);
    struct fh_oid oid;
    if (!text || !fh_oid_parse(text, strlen(text), &oid))
        return FH_FAIL(e, FH_INVALID, "%s: '%s' is not a commit id.", file, key);
    fh_oid_format(&oid, out);
    return FH_OK;
}

fh_err fh_envlock_parse(const char *text, size_t n, const char *file, struct fh_envlock *out,
                        struct fh_error *e)
{
    json_t *object = NULL;
    struct fh_envlock lock = {.rev = ""};
    FH_TRY(load_object(text, n, file, &object, e));
    fh_err rc = check_version(object, file, e);
    if (rc == FH_OK)
        rc = read_commit(object, "rev", file, lock.rev, e);
    const json_t *local = json_object_get(object, "local_rev");
    if (rc == FH_OK && local && !json_is_null(local))
        rc = read_commit(object, "local_rev", file, lock.local_rev, e);
    json_decref(object);
    if (rc == FH_OK)
        *out = lock;
    return rc;
}

fh_err fh_envlock_write(const struct fh_envlock *lock, struct fh_buf *out, struct fh_error *e)
{
    json_t *object = json_object();
    fh_json_set(object, "version", json_integer(1));
    fh_json_set(object, "rev", fh_json_text(lock->rev));
    fh_json_set(object, "local_rev", lock->local_rev[0] ? fh_json_text(lock->local_rev) : json_null());
    fh_err rc = fh_json_write_pretty(object, out, e);
    json_decref(object);
    return rc;
}
