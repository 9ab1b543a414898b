/* Generation metadata as rows. See wire_meta.h. */
#include "server/git/wire_meta.h"

#include "common/ceilings.h"
#include "common/metadata.h"

static void mark_broken(struct fh_arena *a, const char *reason, struct store_generations *out)
{
    struct fh_oid tip = out->tip;
    *out = (struct store_generations){.tip = tip, .broken = true, .reason = fh_strdup(a, reason)};
}

static const char *compact(struct fh_arena *a, const json_t *value, struct fh_error *e)
{
    struct fh_buf b = FH_BUF_INIT(2 * FH_MAX_METADATA);
    const char *text = fh_json_write_compact(value, &b, e) == FH_OK ? fh_strndup(a, b.data, b.len) : NULL;
    fh_buf_free(&b);
    return text;
}

static fh_err change_row(struct fh_arena *a, const struct fh_change *change, const json_t *entry,
                         struct store_change *out, struct fh_error *e)
{
    const json_t *command = json_object_get(entry, "command");
    *out = (struct store_change){
        .kind = change->kind_text,
        .summary = fh_change_text(a, change),
        .author = change->author,
        .hostname = change->hostname,
        .at = change->timestamp,
        .current = fh_sprintf(a, "%lld", (long long)change->current),
        .previous = change->previous ? fh_sprintf(a, "%lld", (long long)change->previous) : NULL,
        .raw = compact(a, entry, e),
    };
    if (json_is_array(command))
        out->command = compact(a, command, e);
    return out->raw && (out->command || !json_is_array(command)) ? FH_OK : FH_TOO_LARGE;
}

static fh_err rows(struct fh_arena *a, const struct fh_metadata *m, struct store_generations *out,
                   struct fh_error *e)
{
    const json_t *history = json_object_get(m->json, "history");
    struct store_change *changes = fh_alloc(a, (m->nchanges + 1) * sizeof *changes);
    for (size_t i = 0; i < m->nchanges; i++)
        FH_TRY(change_row(a, &m->changes[i], json_array_get(history, i), &changes[i], e));
    out->version = m->version;
    out->total = m->total;
    out->live = m->live;
    out->changes = changes;
    out->nchanges = m->nchanges;
    return FH_OK;
}

static fh_err check_is_object(const char *bytes, size_t n, struct fh_error *e)
{
    json_t *value = NULL;
    fh_err rc = fh_json_parse(bytes, n, "metadata.json", &value, e);
    if (rc != FH_OK) {
        char why[sizeof e->msg];
        snprintf(why, sizeof why, "%s", e ? e->msg : "");
        return FH_FAIL(e, FH_INVALID, "The branch's metadata.json cannot be read: %s", why);
    }
    bool object = json_is_object(value);
    json_decref(value);
    return object ? FH_OK : FH_FAIL(e, FH_INVALID, "The branch's metadata.json is not a JSON object.");
}

fh_err wire_meta_parse(struct fh_arena *a, const char *bytes, size_t n, struct store_generations *out,
                       struct fh_error *e)
{
    const struct fh_metadata *m;
    struct fh_error why = {0};
    fh_err rc = fh_metadata_parse(a, bytes, n, &m, &why);
    if (rc == FH_OK)
        rc = rows(a, m, out, &why);
    if (rc == FH_OK)
        return FH_OK;
    FH_TRY(check_is_object(bytes, n, e));
    mark_broken(a, why.msg, out);
    return FH_OK;
}

fh_err wire_meta_read(struct fh_arena *a, struct wire_reader *r, const struct fh_oid *tip,
                      struct store_generations *out, struct fh_error *e)
{
    struct fh_oid blob;
    enum wire_type type;
    struct fh_buf bytes = FH_BUF_INIT(FH_MAX_METADATA);
    *out = (struct store_generations){.tip = *tip};
    fh_err rc = wire_lookup_path(r, tip, "metadata.json", &blob, e);
    if (rc == FH_NOT_FOUND)
        return FH_FAIL(e, FH_INVALID, "The branch has no metadata.json: it is no environment.");
    if (rc == FH_OK)
        rc = wire_read(r, &blob, &type, &bytes, e);
    if (rc == FH_TOO_LARGE)
        rc = FH_FAIL(e, FH_INVALID, "The branch's metadata.json is larger than the limit of %d bytes.",
                     FH_MAX_METADATA);
    if (rc == FH_OK && type != WIRE_BLOB)
        rc = FH_FAIL(e, FH_INVALID, "The branch's metadata.json is not a file.");
    if (rc == FH_OK)
        rc = wire_meta_parse(a, bytes.data, bytes.len, out, e);
    fh_buf_free(&bytes);
    return rc;
}

fh_err wire_meta_read_kept(struct fh_arena *a, struct wire_reader *r, const struct fh_oid *tip,
                           struct store_generations *out, struct fh_error *e)
{
    struct fh_error why = {0};
    fh_err rc = wire_meta_read(a, r, tip, out, &why);
    if (rc == FH_INVALID) {
        mark_broken(a, why.msg, out);
        return FH_OK;
    }
    if (rc != FH_OK && e)
        *e = why;
    return rc;
}
