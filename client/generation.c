/* Generations as commits: reading the live one, adding one (git-environments §3). */
#include "client/floxmeta.h"

#include "client/settings.h"
#include "common/ceilings.h"

#include <stdlib.h>
#include <string.h>

fh_err floxmeta_history(struct floxmeta *m, const char *commit, const struct fh_metadata **out,
                        struct fh_error *e)
{
    char *text;
    size_t n;
    FH_TRY(gitobj_read(m->objects, commit, "metadata.json", FH_MAX_METADATA, m->client->arena, &text, &n, e));
    return fh_metadata_parse(m->client->arena, text, n, out, e);
}

static fh_err read_files(struct floxmeta *m, const char *commit, int64_t generation,
                         struct floxdir_files *out, struct fh_error *e)
{
    struct fh_arena *a = m->client->arena;
    struct floxdir_files files = {0};
    const char *dir = fh_sprintf(a, "%lld/env", (long long)generation);
    FH_TRY(gitobj_read(m->objects, commit, fh_sprintf(a, "%s/manifest.toml", dir), FH_MAX_MANIFEST, a,
                       &files.manifest, &files.manifest_len, e));
    fh_err rc = gitobj_read(m->objects, commit, fh_sprintf(a, "%s/manifest.lock", dir), FH_MAX_LOCK, a,
                            &files.lock, &files.lock_len, e);
    if (rc == FH_NOT_FOUND)
        return FH_FAIL(e, FH_INVALID, "Generation %lld of %s/%s is corrupt: it has no manifest.lock.",
                       (long long)generation, m->owner, m->name);
    if (rc == FH_OK)
        *out = files;
    return rc;
}

fh_err floxmeta_live_files(struct floxmeta *m, const char *commit, struct floxdir_files *out,
                           struct fh_error *e)
{
    const struct fh_metadata *history;
    FH_TRY(floxmeta_history(m, commit, &history, e));
    if (history->live <= 0)
        return FH_FAIL(e, FH_INVALID, "The environment %s/%s has no generation yet.", m->owner, m->name);
    return read_files(m, commit, history->live, out, e);
}

fh_err floxmeta_generation_files(struct floxmeta *m, const char *commit, int64_t generation,
                                 struct floxdir_files *out, struct fh_error *e)
{
    const struct fh_metadata *history;
    size_t n;
    FH_TRY(floxmeta_history(m, commit, &history, e));
    const struct fh_generation *all = fh_metadata_generations(m->client->arena, history, &n);
    for (size_t i = 0; i < n; i++)
        if (all[i].number == generation)
            return read_files(m, commit, generation, out, e);
    return FH_FAIL(e, FH_NOT_FOUND, "generation %lld not found: %s/%s has generations 1 to %lld.",
                   (long long)generation, m->owner, m->name, (long long)history->total);
}

static fh_err root_commit(struct floxmeta *m, int64_t when, gitobj_id out, struct fh_error *e)
{
    struct fh_arena *a = m->client->arena;
    struct fh_buf text = FH_BUF_INIT(FH_MAX_METADATA);
    fh_err rc = fh_metadata_write(fh_metadata_new(a), &text, e);
    const struct gitobj_file file = {"metadata.json", text.data, text.len};
    if (rc == FH_OK)
        rc = gitobj_commit(m->objects, NULL, &file, 1,
                           fh_sprintf(a, "%s\n", fh_metadata_root_message(a, m->name)), when, out, e);
    fh_buf_free(&text);
    return rc;
}

/* The change with who, where, when and what was typed. */
static struct fh_change signed_change(struct floxmeta *m, const struct fh_change *change, int64_t when)
{
    struct client *c = m->client;
    struct fh_change full = *change;
    full.author = settings_author(c->arena);
    full.hostname = settings_hostname(c->arena);
    full.timestamp = when;
    full.has_command = true;
    full.command = c->command;
    full.ncommand = c->ncommand;
    return full;
}

fh_err floxmeta_commit(struct floxmeta *m, const char *parent, const struct fh_change *change,
                       const struct floxdir_files *files, gitobj_id out, struct fh_error *e)
{
    struct fh_arena *a = m->client->arena;
    int64_t when = settings_now();
    gitobj_id root;
    const struct fh_metadata *before = fh_metadata_new(a), *after;
    if (parent == NULL) {
        FH_TRY(root_commit(m, when, root, e));
        parent = root;
    } else {
        FH_TRY(floxmeta_history(m, parent, &before, e));
    }
    const struct fh_change full = signed_change(m, change, when);
    FH_TRY(fh_metadata_append(a, before, &full, &after, e));
    const char *message = fh_sprintf(a, "%s\n", fh_change_message(a, &after->changes[after->nchanges - 1]));
    struct fh_buf text = FH_BUF_INIT(FH_MAX_METADATA);
    fh_err rc = fh_metadata_write(after, &text, e);
    const char *dir = fh_sprintf(a, "%lld/env", (long long)after->total);
    struct gitobj_file all[3] = {{"metadata.json", text.data, text.len}};
    size_t n = 1;
    if (files != NULL) {
        all[n++] = (struct gitobj_file){fh_sprintf(a, "%s/manifest.toml", dir), files->manifest,
                                        files->manifest_len};
        all[n++] = (struct gitobj_file){fh_sprintf(a, "%s/manifest.lock", dir), files->lock, files->lock_len};
    }
    if (rc == FH_OK)
        rc = gitobj_commit(m->objects, parent, all, n, message, when, out, e);
    fh_buf_free(&text);
    return rc;
}

fh_err floxmeta_is_edited(struct floxmeta *m, const struct floxdir *d, bool *out, struct fh_error *e)
{
    struct floxdir_files live, here;
    FH_TRY(floxmeta_live_files(m, m->here, &live, e));
    fh_err rc = floxdir_read(m->client, d, &here, e);
    *out = false;
    if (rc == FH_NOT_FOUND) /* a checkout of the pointer files alone */
        return FH_OK;
    if (rc != FH_OK)
        return rc;
    *out = here.manifest_len != live.manifest_len ||
           memcmp(here.manifest, live.manifest, live.manifest_len) != 0 ||
           (here.lock != NULL &&
            (here.lock_len != live.lock_len || memcmp(here.lock, live.lock, live.lock_len) != 0));
    return FH_OK;
}
