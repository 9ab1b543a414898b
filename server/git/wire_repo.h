/* An owner's repository on this node.
 *
 * The truth is in the database (store/env.h). What stands here is derived: packs under
 * <data>/git/<owner>/floxmeta.git/objects/pack, the bare repository around them for people and backup tools,
 * and in memory a snapshot per owner: refs with visibility, recent tips, the opened packs. A snapshot is
 * immutable and counted; a push on this node, or NOTIFY floe_owner from another, makes the next request load
 * a new one. Losing any of it loses nothing.
 */
#ifndef WIRE_REPO_H
#define WIRE_REPO_H

#include "server/auth/auth.h"
#include "server/git/wire_write.h"
#include "server/store/env.h"

struct wire_repos; /* of the node; safe from any thread */
struct db_pool;

struct wire_repos_config {
    const char *data;
    struct db_pool *pool;
    size_t pack_cache_bytes; /* on disk, under <data>/cache/packs */
    size_t delta_cache_bytes;
    int ref_log_days;
};
struct wire_packcache;
fh_err wire_repos_open(const struct wire_repos_config *config, struct wire_repos **out,
                       struct fh_error *e) FH_MUSTCHECK;
void wire_repos_close(struct wire_repos *r);
void wire_repos_set_live(struct wire_repos *r, bool (*live)(void *),
                         void *arg); /* not live: every request loads */
/* What is in memory of the owner (NULL: of all of them) is stale, unless it is of this revision or a later
 * one (0: not known). */
void wire_repos_changed(struct wire_repos *r, const char *owner, int64_t revision);

struct wire_snapshot {
    struct store_repo repo; /* in the snapshot's own arena */
    struct wire_packs *packs;
    uint64_t stamp; /* of this process: another load has another */
    /* the rest is wire_repo.c's */
};
/* The owner's present snapshot; FH_NOT_FOUND for an owner that does not exist, FH_AGAIN when inline_only and
 * it is not in memory. Drop it when done. */
fh_err wire_repo_hold(struct wire_repos *r, const char *owner, bool inline_only,
                      const struct wire_snapshot **out, struct fh_error *e) FH_MUSTCHECK;
void wire_repo_drop(struct wire_repos *r, const struct wire_snapshot *s); /* NULL is fine */

/* After a push that was made on top of the snapshot s: makes next, which the caller made in *take_arena, the
 * owner's snapshot, and brings the bare repository up to date; the push's pack, if it brought one, stands
 * there already. False when s is not the present one: then nothing was done but the freeing of the arena, and
 * wire_repos_changed is what remains to be called. */
bool wire_repo_advance(struct wire_repos *r, const struct wire_snapshot *s, struct fh_arena *take_arena,
                       const struct store_repo *next);

/* Takes the time that wire_repo_hold takes to find that an owner does not exist. */
fh_err wire_repo_pretend(struct wire_repos *r, struct fh_error *e) FH_MUSTCHECK;

const struct wire_repos_config *wire_repos_settings(const struct wire_repos *r);
struct wire_packcache *wire_repos_cache(struct wire_repos *r);
struct wire_deltas *wire_repos_deltas(struct wire_repos *r);
/* A node compacts one owner at a time: false while another compaction is under way. */
bool wire_repos_begin_compaction(struct wire_repos *r);
void wire_repos_end_compaction(struct wire_repos *r);

#endif
