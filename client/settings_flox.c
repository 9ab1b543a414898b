/* flox.toml: floxhub_url, catalog_url, floxhub_token, search_limit, upgrade_notifications,
 * trusted_environments. A file that does not read is passed over with a warning: it is flox's, and floe must
 * work beside a newer one. */
#include "client/settings_flox.h"

#include "client/disk.h"
#include "client/say.h"
#include "common/ceilings.h"
#include "common/toml.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_SEARCH_LIMIT = 255 };

static const char *text_of(const struct fh_toml *root, const char *key)
{
    const struct fh_toml_entry *entry = fh_toml_find(root, key);
    return entry != NULL && entry->value.kind == FH_TOML_STRING && *entry->value.text != '\0'
               ? entry->value.text
               : NULL;
}

static void take_trust(struct fh_arena *a, const struct fh_toml *root, struct settings_flox *out)
{
    const struct fh_toml_entry *table = fh_toml_find(root, "trusted_environments");
    if (table == NULL || table->value.kind != FH_TOML_TABLE)
        return;
    struct settings_trust *all = fh_alloc(a, (out->ntrust + table->value.count) * sizeof *all + 1);
    size_t n = 0;
    for (size_t i = 0; i < table->value.count; i++) {
        const struct fh_toml_entry *entry = &table->value.entries[i];
        if (entry->value.kind == FH_TOML_STRING)
            all[n++] = (struct settings_trust){entry->key, strcmp(entry->value.text, "trust") == 0};
    }
    /* The person's own file, read last, is asked first. */
    for (size_t i = 0; i < out->ntrust; i++)
        all[n++] = out->trust[i];
    out->trust = all;
    out->ntrust = n;
}

static void read_one(struct fh_arena *a, const char *path, struct settings_flox *out)
{
    char *text;
    size_t n;
    struct fh_error e;
    const struct fh_toml *root;
    fh_err rc = disk_read(path, FH_MAX_BODY_SMALL, a, &text, &n, &e);
    if (rc == FH_NOT_FOUND)
        return;
    if (rc == FH_OK)
        rc = fh_toml_parse(a, text, n, path, &root, &e);
    if (rc != FH_OK) {
        say_warn("flox's configuration is left out: %s", say_safe(a, e.msg));
        return;
    }
    const char *hub = text_of(root, "floxhub_url"), *token = text_of(root, "floxhub_token");
    const char *catalog = text_of(root, "catalog_url");
    const struct fh_toml_entry *notes = fh_toml_find(root, "upgrade_notifications");
    if (hub != NULL)
        out->hub = hub;
    if (catalog != NULL)
        out->catalog = catalog;
    if (notes != NULL && notes->value.kind == FH_TOML_BOOLEAN)
        out->silences_upgrades = !notes->value.boolean;
    if (token != NULL) {
        out->token = token;
        out->token_path = path;
    }
    const struct fh_toml_entry *limit = fh_toml_find(root, "search_limit");
    if (limit != NULL && limit->value.kind == FH_TOML_INTEGER && limit->value.integer > 0 &&
        limit->value.integer <= MAX_SEARCH_LIMIT)
        out->search_limit = (size_t)limit->value.integer;
    take_trust(a, root, out);
}

fh_err settings_flox_load(struct fh_arena *a, const char *dir, struct settings_flox *out, struct fh_error *e)
{
    (void)e;
    const char *system_dir = getenv("FLOX_SYSTEM_CONFIG_DIR");
    if (system_dir == NULL || *system_dir != '\0')
        read_one(a, fh_sprintf(a, "%s/flox.toml", system_dir != NULL ? system_dir : "/etc"), out);
    read_one(a, fh_sprintf(a, "%s/flox.toml", dir), out);
    return FH_OK;
}
