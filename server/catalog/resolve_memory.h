/* What resolve keeps between questions: the pages, the packages that were asked for and the rows that were
 * chosen, all of one version of the catalog.
 *
 *     version 41 [pages | packages … | rows …]      questions hold it while they use it
 *     version 42 [pages | …]                         made by the first question that sees version 42
 *
 * A generation only grows, and nothing in it changes, so what was found in it stays as long as it is held.
 * When it is full, or the version is another one, the next question begins a new one. Every question asks the
 * database for the version, in the snapshot in which it reads what is missing; so an answer is never older
 * than the database was when it was asked.
 *
 * Who may see what is decided before anything is looked up here. Safe from any thread.
 */
#ifndef CATALOG_RESOLVE_MEMORY_H
#define CATALOG_RESOLVE_MEMORY_H

#include "server/catalog/resolve.h"

struct resolve_memory;
struct resolve_memory *resolve_memory_new(size_t most); /* bytes that a generation takes, about */
void resolve_memory_free(struct resolve_memory *m);     /* NULL is fine */
/* The database may be another one than it was: the same version of another catalog. NULL is fine. */
void resolve_memory_forget(struct resolve_memory *m);

struct resolve_generation;
/* The one of a version, held until the arena dies; NULL: there is none, and one is made. */
struct resolve_generation *resolve_generation_find(struct resolve_memory *m, struct fh_arena *a,
                                                   int64_t version);
/* With the pages of one moment, held until the arena dies; kept if it is newer than the one there is. The
 * pages live in take_arena. */
struct resolve_generation *resolve_generation_new(struct resolve_memory *m, struct fh_arena *a,
                                                  struct fh_arena *take_arena,
                                                  const struct calendar *calendar);
const struct calendar *resolve_generation_calendar(const struct resolve_generation *g);

/* A package of a catalog, also one that is known not to be there. */
bool resolve_recall_package(struct resolve_generation *g, const struct store_resolve_key *key,
                            struct resolve_package *out);
/* Keeps a copy of it, and gives that. */
void resolve_keep_package(struct resolve_generation *g, const struct store_resolve_key *key,
                          struct resolve_package *package);

/* A package of the base catalog on a page, as text; NULL: it is not here. */
struct resolve_place {
    int64_t package_id;
    enum fh_system system;
    uint32_t page;
};
const char *resolve_recall_row(struct resolve_generation *g, const struct resolve_place *place, size_t *n);
void resolve_keep_row(struct resolve_generation *g, const struct resolve_place *place, const char *text,
                      size_t n);

#endif
