/* Packages in a manifest's text. See pkgedit.h. */
#include "client/pkgedit.h"

#include "common/ceilings.h"
#include "common/manifest_edit.h"
#include "common/manifest_migrate.h"

#include <string.h>

/* Between single quotes what would need escapes between double ones, as the official client writes. */
static bool is_literal(const char *s)
{
    bool wants = false;
    for (; *s; s++) {
        if ((unsigned char)*s < 0x20 || *s == 0x7f || *s == '\'')
            return false;
        wants = wants || *s == '"' || *s == '\\';
    }
    return wants;
}

static fh_err quote(const char *s, bool is_key, struct fh_buf *out, struct fh_error *e)
{
    if (is_literal(s))
        return fh_buf_addf(out, e, "'%s'", s);
    return is_key ? fh_toml_quote_key(s, out, e) : fh_toml_quote(s, out, e);
}

/* The TOML of a string, or of a list of them; NULL when it is too long. */
static const char *toml_text(struct fh_arena *a, const char *s, bool is_key, struct fh_error *e)
{
    struct fh_buf b = FH_BUF_INIT(FH_MAX_MANIFEST);
    const char *out = quote(s, is_key, &b, e) == FH_OK ? fh_strndup(a, b.data, b.len) : NULL;
    fh_buf_free(&b);
    return out;
}

static const char *toml_list(struct fh_arena *a, const struct fh_strings *list, struct fh_error *e)
{
    struct fh_buf b = FH_BUF_INIT(FH_MAX_MANIFEST);
    fh_err rc = fh_buf_add_char(&b, '[', e);
    for (size_t i = 0; rc == FH_OK && i < list->count; i++) {
        rc = fh_buf_add_str(&b, i > 0 ? ", " : "", e);
        if (rc == FH_OK)
            rc = quote(list->items[i], false, &b, e);
    }
    if (rc == FH_OK)
        rc = fh_buf_add_char(&b, ']', e);
    const char *out = rc == FH_OK ? fh_strndup(a, b.data, b.len) : NULL;
    fh_buf_free(&b);
    return out;
}

static void take(struct pkgedit *ed, struct fh_buf *b)
{
    ed->text = fh_strndup(ed->arena, b->data ? b->data : "", b->len);
    ed->n = b->len;
}

fh_err pkgedit_allow_outputs(struct pkgedit *ed, const struct fh_manifest *m, const json_t *packages,
                             struct fh_error *e)
{
    const struct fh_manifest *newest;
    if (m->schema != FH_SCHEMA_V1)
        return FH_OK;
    FH_TRY(fh_manifest_to_newest(ed->arena, m, packages, "manifest.toml", &newest, e));
    struct fh_buf b = FH_BUF_INIT(FH_MAX_MANIFEST);
    fh_err rc = fh_manifest_migrate_text(ed->text, ed->n, m, newest, &b, e);
    if (rc == FH_OK)
        take(ed, &b);
    fh_buf_free(&b);
    return rc;
}

/* value NULL: what made it has failed, and has said why */
static fh_err set(struct pkgedit *ed, const char *id, const char *key, const char *value, struct fh_error *e)
{
    const char *quoted = value ? toml_text(ed->arena, id, true, e) : NULL;
    if (!quoted)
        return e->code;
    struct fh_buf b = FH_BUF_INIT(FH_MAX_MANIFEST);
    fh_err rc = fh_manifest_edit_set(ed->text, ed->n, "install", fh_sprintf(ed->arena, "%s.%s", quoted, key),
                                     value, &b, e);
    if (rc == FH_OK)
        take(ed, &b);
    fh_buf_free(&b);
    return rc;
}

static fh_err add_catalog(struct pkgedit *ed, const struct pkgspec *spec, struct fh_error *e)
{
    struct fh_arena *a = ed->arena;
    FH_TRY(set(ed, spec->id, "pkg-path", toml_text(a, spec->path, false, e), e));
    if (fh_is_custom_path(spec->path))
        FH_TRY(set(ed, spec->id, "pkg-group", toml_text(a, spec->id, false, e), e));
    if (spec->version)
        FH_TRY(set(ed, spec->id, "version", toml_text(a, spec->version, false, e), e));
    if (spec->has_systems)
        FH_TRY(set(ed, spec->id, "systems", toml_list(a, &spec->systems, e), e));
    if (spec->outputs != FH_OUTPUTS_DEFAULT)
        FH_TRY(pkgedit_set_outputs(ed, spec->id, spec->outputs, &spec->output_names, e));
    return FH_OK;
}

/* All lines or none. */
fh_err pkgedit_add(struct pkgedit *ed, const struct pkgspec *spec, struct fh_error *e)
{
    struct pkgedit draft = *ed;
    if (spec->kind == FH_PACKAGE_STORE_PATH)
        FH_TRY(set(&draft, spec->id, "store-path", toml_text(ed->arena, spec->path, false, e), e));
    else
        FH_TRY(add_catalog(&draft, spec, e));
    *ed = draft;
    return FH_OK;
}

fh_err pkgedit_set_outputs(struct pkgedit *ed, const char *id, enum fh_outputs outputs,
                           const struct fh_strings *names, struct fh_error *e)
{
    return set(ed, id, "outputs", outputs == FH_OUTPUTS_ALL ? "\"all\"" : toml_list(ed->arena, names, e), e);
}

fh_err pkgedit_remove(struct pkgedit *ed, const char *id, struct fh_error *e)
{
    const char *quoted = toml_text(ed->arena, id, true, e);
    if (!quoted)
        return e->code;
    struct fh_buf b = FH_BUF_INIT(FH_MAX_MANIFEST);
    fh_err rc = fh_manifest_edit_remove(ed->text, ed->n, "install", quoted, &b, e);
    if (rc == FH_OK)
        take(ed, &b);
    fh_buf_free(&b);
    return rc;
}
