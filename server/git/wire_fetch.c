/* Answering fetches. See wire_fetch.h.
 *
 *     body:  [acknowledgments]  [pack, in side-band lines]  flush
 *             the preamble       from the pack cache, preamble and all
 *
 * One round is enough: with anything in common we say "ready" and send the pack in the same answer. */
#include "server/git/wire_fetch.h"

#include "common/ceilings.h"
#include "common/pkt.h"
#include "server/git/wire_reach.h"

enum { MAX_PREAMBLE = FH_MAX_HAVES * 64 + 4096 };

struct state {
    const struct wire_fetch_job *job;
    const struct wire_fetch *request;
    struct wire_reader *reader;
    struct fh_oid *common; /* what both have, in the order the client said it; each once */
    size_t ncommon;
    struct fh_buf preamble;
    bool banded; /* the pack goes in side-band lines */
};

/* --- the memory of repeated requests --- */

static void add_number(struct fh_digest *d, uint64_t n)
{
    fh_digest_add(d, &n, sizeof n);
}

void wire_fetch_digest(const struct wire_view *v, int version, const char *bytes, size_t n,
                       struct wire_cache_key *out)
{
    struct fh_digest *d = fh_digest_new(FH_SHA256);
    size_t nenvs = v->snapshot ? v->snapshot->repo.nenvs : 0;
    add_number(d, v->snapshot ? v->snapshot->stamp : 0);
    add_number(d, (uint64_t)version);
    add_number(d, v->ntips); /* recent tips age while the snapshot stands */
    for (size_t i = 0; i < nenvs; i++)
        fh_digest_add(d, v->readable[i] ? "r" : "-", 1);
    fh_digest_add(d, bytes, n);
    fh_digest_finish(d, out->id);
    fh_digest_free(d);
}

bool wire_fetch_repeat(struct wire_repos *r, const struct wire_cache_key *digest, struct wire_answer *out)
{
    struct wire_cache_key key;
    struct wire_cached cached;
    struct wire_packcache *cache = wire_repos_cache(r);
    if (!wire_packcache_recall(cache, digest, &key) || !wire_packcache_find(cache, &key, &cached))
        return false;
    *out = (struct wire_answer){.fd = cached.fd, .size = cached.size};
    return true;
}

/* --- what is granted, and what is common --- */

/* Wants and haves are looked for in one walk. found: for the wants, then the haves. */
static fh_err look(struct state *s, bool *found, struct fh_error *e)
{
    const struct wire_fetch *q = s->request;
    const struct wire_view *v = s->job->view;
    size_t n = q->nwants + q->nhaves;
    struct fh_oid *targets = fh_alloc(s->job->arena, (n + 1) * sizeof *targets);
    memcpy(targets, q->wants, q->nwants * sizeof *targets);
    memcpy(targets + q->nwants, q->haves, q->nhaves * sizeof *targets);
    return wire_reach(s->reader, v->tips, v->ntips, targets, n, FH_MAX_WALK_COMMITS, found, e);
}

static int compare_oids(const void *a, const void *b)
{
    return fh_oid_compare(a, b);
}

static struct fh_oid *sorted(struct fh_arena *a, const struct fh_oid *oids, size_t n)
{
    struct fh_oid *copy = fh_memdup(a, oids, n * sizeof *oids);
    qsort(copy, n, sizeof *copy, compare_oids);
    return copy;
}

static fh_err not_our_ref(const struct fh_oid *want, struct fh_error *e)
{
    char hex[FH_OID_HEX + 1];
    fh_oid_format(want, hex);
    return FH_FAIL(e, FH_NOT_FOUND, "upload-pack: not our ref %s", hex);
}

/* Keeps the haves that were found, each once. One that the caller may not read counts as one that we do not
 * have. */
static void keep_common(struct state *s, const bool *found)
{
    const struct wire_fetch *q = s->request;
    struct fh_arena *a = s->job->arena;
    s->common = fh_alloc(a, (q->nhaves + 1) * sizeof *s->common);
    for (size_t i = 0; i < q->nhaves; i++)
        if (found[i])
            s->common[s->ncommon++] = q->haves[i];
    struct fh_oid *order = sorted(a, s->common, s->ncommon);
    bool doubles = false;
    for (size_t i = 1; i < s->ncommon; i++)
        doubles |= fh_oid_equal(&order[i - 1], &order[i]);
    if (!doubles)
        return;
    size_t n = 0;
    for (size_t i = 0; i < s->ncommon; i++)
        if (i == 0 || !fh_oid_equal(&order[i - 1], &order[i]))
            s->common[n++] = order[i];
    s->ncommon = n;
}

static fh_err negotiate(struct state *s, struct fh_error *e)
{
    const struct wire_fetch *q = s->request;
    if (!s->job->view->snapshot)
        return not_our_ref(&q->wants[0], e);
    bool *found = fh_alloc(s->job->arena, q->nwants + q->nhaves + 1);
    FH_TRY(look(s, found, e));
    for (size_t i = 0; i < q->nwants; i++)
        if (!found[i])
            return not_our_ref(&q->wants[i], e);
    keep_common(s, found + q->nwants);
    return FH_OK;
}

/* --- acknowledgments --- */

static fh_err ack(struct state *s, const struct fh_oid *oid, const char *status, struct fh_error *e)
{
    char hex[FH_OID_HEX + 1];
    fh_oid_format(oid, hex);
    return fh_pkt_addf(&s->preamble, e, "ACK %s%s\n", hex, status);
}

/* Version 2: *pack says whether the pack follows. */
static fh_err acknowledge_v2(struct state *s, bool *pack, struct fh_error *e)
{
    *pack = s->request->done || s->ncommon > 0;
    if (!s->request->done) {
        FH_TRY(fh_pkt_addf(&s->preamble, e, "acknowledgments\n"));
        for (size_t i = 0; i < s->ncommon; i++)
            FH_TRY(ack(s, &s->common[i], "", e));
        if (s->ncommon == 0) {
            FH_TRY(fh_pkt_addf(&s->preamble, e, "NAK\n"));
            return fh_pkt_add_flush(&s->preamble, e);
        }
        FH_TRY(fh_pkt_addf(&s->preamble, e, "ready\n"));
        FH_TRY(fh_pkt_add_delim(&s->preamble, e));
    }
    return fh_pkt_addf(&s->preamble, e, "packfile\n");
}

/* Version 0 with multi_ack_detailed: "common" for each, "ready" at the flush; with no-done the pack follows.
 */
static fh_err acknowledge_detailed(struct state *s, bool *pack, struct fh_error *e)
{
    const struct wire_fetch *q = s->request;
    const struct fh_oid *last = s->ncommon ? &s->common[s->ncommon - 1] : NULL;
    *pack = q->done || (q->no_done && last);
    for (size_t i = 0; i < s->ncommon; i++)
        FH_TRY(ack(s, &s->common[i], " common", e));
    if (!q->done) {
        if (last)
            FH_TRY(ack(s, last, " ready", e));
        FH_TRY(fh_pkt_addf(&s->preamble, e, "NAK\n"));
        return *pack ? ack(s, last, "", e) : FH_OK;
    }
    return last ? ack(s, last, "", e) : fh_pkt_addf(&s->preamble, e, "NAK\n");
}

/* Version 0 without: one ACK for the first thing in common, or one NAK. */
static fh_err acknowledge_single(struct state *s, bool *pack, struct fh_error *e)
{
    *pack = s->request->done;
    return s->ncommon > 0 ? ack(s, &s->common[0], "", e) : fh_pkt_addf(&s->preamble, e, "NAK\n");
}

static fh_err acknowledge(struct state *s, bool *pack, struct fh_error *e)
{
    if (s->job->version == 2)
        return acknowledge_v2(s, pack, e);
    return s->request->multi_ack_detailed ? acknowledge_detailed(s, pack, e) : acknowledge_single(s, pack, e);
}

/* --- the pack --- */

/* Cuts what the writer hands over into full side-band lines. */
struct band {
    wire_sink *write;
    void *arg;
    size_t used;
    char line[4 + 1 + FH_MAX_SIDEBAND];
};

static fh_err send_line(struct band *b, struct fh_error *e)
{
    if (b->used == 0)
        return FH_OK;
    char head[5];
    snprintf(head, sizeof head, "%04zx", b->used + 5);
    memcpy(b->line, head, 4);
    b->line[4] = 1;
    size_t n = b->used + 5;
    b->used = 0;
    return b->write(b->arg, b->line, n, e);
}

static fh_err write_band(void *arg, const void *bytes, size_t n, struct fh_error *e)
{
    struct band *b = arg;
    const char *at = bytes;
    while (n > 0) {
        size_t part = FH_MAX_SIDEBAND - b->used < n ? FH_MAX_SIDEBAND - b->used : n;
        memcpy(b->line + 5 + b->used, at, part);
        b->used += part;
        at += part;
        n -= part;
        if (b->used == FH_MAX_SIDEBAND)
            FH_TRY(send_line(b, e));
    }
    return FH_OK;
}

static fh_err write_banded(struct state *s, const struct wire_list *list,
                           const struct wire_write_options *options, wire_sink *write, void *arg,
                           struct fh_error *e)
{
    struct band *b = fh_alloc(s->job->arena, sizeof *b);
    b->write = write;
    b->arg = arg;
    FH_TRY(wire_write_pack(s->reader, list, options, write_band, b, NULL, e));
    FH_TRY(send_line(b, e));
    return write(arg, "0000", 4, e);
}

static fh_err build(void *arg, wire_sink *write, void *write_arg, struct fh_error *e)
{
    struct state *s = arg;
    const struct wire_fetch *q = s->request;
    struct wire_list list = {0};
    struct wire_write_options options = {
        .ofs_delta = q->ofs_delta,
        .deltas = wire_repos_deltas(s->job->repos),
    };
    fh_err rc = write(write_arg, s->preamble.data, s->preamble.len, e);
    if (rc == FH_OK)
        rc = wire_walk_list(s->reader, q->wants, q->nwants, s->common, s->ncommon, FH_MAX_WALK_COMMITS, &list,
                            e);
    if (rc == FH_OK)
        rc = s->banded ? write_banded(s, &list, &options, write, write_arg, e)
                       : wire_write_pack(s->reader, &list, &options, write, write_arg, NULL, e);
    wire_list_free(&list);
    return rc;
}

/* Everything the bytes depend on, and nothing of the caller: all who may have this pack share it. */
static void cache_key(const struct state *s, struct wire_cache_key *out)
{
    const struct wire_fetch *q = s->request;
    struct fh_arena *a = s->job->arena;
    struct fh_digest *d = fh_digest_new(FH_SHA256);
    add_number(d, (uint64_t)s->job->view->snapshot->repo.owner.id);
    add_number(d, q->ofs_delta);
    add_number(d, s->banded);
    add_number(d, q->nwants);
    fh_digest_add(d, sorted(a, q->wants, q->nwants), q->nwants * sizeof *q->wants);
    add_number(d, s->ncommon);
    fh_digest_add(d, sorted(a, s->common, s->ncommon), s->ncommon * sizeof *s->common);
    fh_digest_add(d, s->preamble.data, s->preamble.len);
    fh_digest_finish(d, out->id);
    fh_digest_free(d);
}

static fh_err answer_with_pack(struct state *s, struct wire_answer *out, struct fh_error *e)
{
    struct wire_packcache *cache = wire_repos_cache(s->job->repos);
    struct wire_cache_key key;
    struct wire_cached cached;
    cache_key(s, &key);
    FH_TRY(wire_packcache_get(cache, &key, build, s, &cached, e));
    wire_packcache_remember(cache, &s->job->digest, &key);
    if (cached.bytes)
        fh_defer(s->job->arena, free, cached.bytes);
    *out = (struct wire_answer){.data = cached.bytes, .size = cached.size, .fd = cached.fd};
    return FH_OK;
}

fh_err wire_fetch_answer(const struct wire_fetch_job *job, const struct wire_fetch *request,
                         struct wire_answer *out, struct fh_error *e)
{
    struct state s = {
        .job = job,
        .request = request,
        .reader = job->view->snapshot ? wire_reader_new(job->view->snapshot->packs) : NULL,
        .preamble = FH_BUF_INIT(MAX_PREAMBLE),
        .banded = job->version == 2 || request->side_band_64k,
    };
    bool pack = false;
    fh_err rc = negotiate(&s, e);
    if (rc == FH_OK)
        rc = acknowledge(&s, &pack, e);
    if (rc == FH_OK && pack)
        rc = answer_with_pack(&s, out, e);
    else if (rc == FH_OK)
        wire_answer_take(job->arena, &s.preamble, out);
    fh_buf_free(&s.preamble);
    wire_reader_free(s.reader);
    return rc;
}
