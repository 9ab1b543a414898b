/* An environment as its page shows it: plain data, read from stored bytes alone (ui_env_read.c), and written
 * as HTML by pure functions (ui_env_page.c, ui_env_parts.c). All of it lives in the request's arena.
 *
 * What cannot be read has a note that says why instead, and the page shows the rest. */
#ifndef UI_ENV_H
#define UI_ENV_H

#include "common/lock.h"
#include "common/metadata.h"
#include "server/ui/ui_page.h"

enum {
    UI_SHOWN_GENERATIONS = 15,
    UI_SHOWN_PACKAGES = 200, /* of a system */
    UI_SHOWN_SYSTEMS = 8,
    UI_SHOWN_MANIFEST = 64 * 1024, /* bytes */
    UI_READ_LOCK = 1024 * 1024,    /* bytes; a larger lock is not taken apart for a page */
};

struct ui_system {
    const char *name;
    size_t npackages; /* all, also those that are not shown */
    const struct fh_lock_package **packages;
};

struct ui_env {
    const char *owner, *name, *visibility;
    const char *tip; /* forty digits */
    int64_t created_at, updated_at;

    const char *history_note; /* NULL: the generations can be told */
    int64_t live;             /* 0: none */
    size_t ngenerations;
    const struct fh_generation *generations; /* newest first, all of them */

    const char *manifest_note;
    const char *manifest;
    size_t manifest_size;

    const char *lock_note;
    size_t nsystems;
    size_t unshown;            /* packages of systems beyond UI_SHOWN_SYSTEMS */
    struct ui_system *systems; /* x86_64-linux first, then by name */
};

/* bytes of a generation's lock, NULL for none: fills the systems or the note. Pure. */
void ui_env_set_lock(struct fh_arena *a, struct ui_env *env, const char *bytes, size_t n);
/* bytes of the tip's metadata.json: fills the generations or the note. Pure. */
void ui_env_set_history(struct fh_arena *a, struct ui_env *env, const struct fh_metadata *history);

void ui_env_write(struct ui_html *h, const struct ui_site *site, const struct ui_env *env);
void ui_settings_write(struct ui_html *h, const struct ui_site *site, const struct ui_env *env);

/* The parts of ui_env_write. */
void ui_env_use_write(struct ui_html *h, const struct ui_site *site, const struct ui_env *env);
void ui_env_generations_write(struct ui_html *h, const struct ui_env *env);
void ui_env_packages_write(struct ui_html *h, const struct ui_env *env);
void ui_env_manifest_write(struct ui_html *h, const struct ui_site *site, const struct ui_env *env);

#endif
