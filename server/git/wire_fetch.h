/* git-upload-pack: which wants are granted, what is common, and the pack (gitprotocol-v2 "fetch",
 * gitprotocol-pack for version 0). */
#ifndef WIRE_FETCH_H
#define WIRE_FETCH_H

#include "server/git/wire_answer.h"
#include "server/git/wire_packcache.h"
#include "server/git/wire_request.h"
#include "server/git/wire_view.h"

struct wire_fetch_job {
    struct wire_repos *repos;
    const struct wire_view *view;
    struct fh_arena *arena;
    int version; /* 0 or 2 */
    /* A digest of the request and of what its caller may see (wire_fetch_digest), under which the answer is
     * remembered. */
    struct wire_cache_key digest;
};

/* Made of the request's bytes and everything that its answer depends on. */
void wire_fetch_digest(const struct wire_view *v, int version, const char *bytes, size_t n,
                       struct wire_cache_key *out);
/* The answer of a request that was answered just so before, at the price of opening a file. */
bool wire_fetch_repeat(struct wire_repos *r, const struct wire_cache_key *digest, struct wire_answer *out);

/* FH_NOT_FOUND, with the sentence for the client, when a want is not granted: the same one for what does not
 * exist and what is hidden. */
fh_err wire_fetch_answer(const struct wire_fetch_job *job, const struct wire_fetch *request,
                         struct wire_answer *out, struct fh_error *e) FH_MUSTCHECK;

#endif
