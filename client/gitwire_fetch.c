/* Fetching one branch with protocol v2 (gitprotocol-v2): ls-refs for exactly that branch, then fetch with
 * what is here and "done" at once, so that the answer is the pack and there is no negotiation round. */
#include "client/gitwire.h"

#include "client/say.h"
#include "common/ceilings.h"
#include "common/pkt.h"

#include <string.h>

enum { MAX_FETCH_HAVES = 256 };

static const char result_type[] = "application/x-git-upload-pack-result";
static const char *const fetch_headers[] = {"Content-Type: application/x-git-upload-pack-request",
                                            "Accept: application/x-git-upload-pack-result",
                                            "Git-Protocol: version=2", NULL};

static fh_err check_is_v2(struct gitwire *w, struct fh_error *e)
{
    struct api_answer answer;
    FH_TRY(gitwire_discover(w, GITWIRE_UPLOAD, &answer, e));
    struct fh_pkt_reader reader = {answer.body.data, answer.body.data + answer.body.len};
    struct fh_pkt line;
    fh_err rc = fh_pkt_next(&reader, &line, e);
    if (rc == FH_OK && !(line.kind == FH_PKT_DATA && fh_pkt_is(&line, "version 2")))
        rc = FH_FAIL(e, FH_INVALID,
                     "The server does not speak version 2 of git's protocol. A proxy may be dropping the "
                     "Git-Protocol header.");
    bool can_list = false, can_fetch = false;
    while (rc == FH_OK && (rc = fh_pkt_next(&reader, &line, e)) == FH_OK && line.kind == FH_PKT_DATA) {
        size_t rest;
        can_list = can_list || fh_pkt_after(&line, "ls-refs", &rest) != NULL;
        can_fetch = can_fetch || fh_pkt_after(&line, "fetch", &rest) != NULL;
        const char *format = fh_pkt_after(&line, "object-format=", &rest);
        if (format != NULL && !fh_pkt_is(&line, "object-format=sha1"))
            rc = FH_FAIL(e, FH_INVALID, "The server's repository does not use SHA-1 object ids.");
    }
    if (rc == FH_OK && !(can_list && can_fetch))
        rc = FH_FAIL(e, FH_INVALID, "The server offers neither ls-refs nor fetch.");
    fh_buf_free(&answer.body);
    return rc;
}

static fh_err begin_command(struct fh_buf *body, const char *command, struct fh_error *e)
{
    FH_TRY(fh_pkt_addf(body, e, "command=%s\n", command));
    FH_TRY(fh_pkt_addf(body, e, "agent=floe/%s\n", FLOE_VERSION));
    FH_TRY(fh_pkt_addf(body, e, "object-format=sha1\n"));
    return fh_pkt_add_delim(body, e);
}

/* "<id> refs/heads/<branch>[ attributes]" */
static bool is_tip_of(const struct fh_pkt *line, const char *branch, gitobj_id tip)
{
    char want[FH_MAX_ENV_NAME + 64];
    snprintf(want, sizeof want, " refs/heads/%s", branch);
    size_t len = fh_pkt_text_len(line), n = strlen(want);
    struct fh_oid id;
    if (len < FH_OID_HEX + n || memcmp(line->data + FH_OID_HEX, want, n) != 0 ||
        (len > FH_OID_HEX + n && line->data[FH_OID_HEX + n] != ' ') ||
        !fh_oid_parse(line->data, FH_OID_HEX, &id))
        return false;
    fh_oid_format(&id, tip);
    return true;
}

static fh_err find_tip(struct gitwire *w, const struct fh_buf *body, const char *branch, gitobj_id tip,
                       struct fh_error *e)
{
    struct fh_pkt_reader reader = {body->data, body->data + body->len};
    struct fh_pkt line;
    bool found = false;
    for (;;) {
        FH_TRY(fh_pkt_next(&reader, &line, e));
        if (line.kind != FH_PKT_DATA)
            break;
        size_t rest;
        const char *said = fh_pkt_after(&line, "ERR ", &rest);
        if (said != NULL)
            return gitwire_said(w, said, rest, e);
        found = found || is_tip_of(&line, branch, tip);
    }
    if (line.kind != FH_PKT_FLUSH)
        return FH_FAIL(e, FH_INVALID, "The server's list of branches is cut off.");
    return found ? FH_OK : FH_FAIL(e, FH_NOT_FOUND, "The hub has no environment '%s' for you.", branch);
}

static fh_err list(struct gitwire *w, const char *branch, gitobj_id tip, struct fh_error *e)
{
    struct fh_buf body = FH_BUF_INIT(FH_MAX_BODY_SMALL);
    struct api_answer answer = {0};
    fh_err rc = begin_command(&body, "ls-refs", e);
    if (rc == FH_OK)
        rc = fh_pkt_addf(&body, e, "ref-prefix refs/heads/%s\n", branch);
    if (rc == FH_OK)
        rc = fh_pkt_add_flush(&body, e);
    if (rc != FH_OK)
        goto cleanup;
    const struct api_request request = {
        .url = fh_sprintf(w->arena, "%s/git-upload-pack", w->url),
        .auth = API_BASIC_OAUTH,
        .headers = fetch_headers,
        .body = body.data,
        .body_len = body.len,
        .ceiling = FH_MAX_LOCK,
    };
    rc = api_send(w->api, &request, w->arena, &answer, e);
    if (rc != FH_OK)
        goto cleanup;
    if (answer.status != 200 || strcmp(answer.type, result_type) != 0 || answer.body.len == 0)
        rc = gitwire_refused(w, &answer, e);
    else
        rc = find_tip(w, &answer.body, branch, tip, e);
cleanup:
    fh_buf_free(&answer.body);
    fh_buf_free(&body);
    return rc;
}

/* The answer to a fetch, as it streams in: section headers, then side-band lines until a flush. */
struct receiving {
    struct gitwire *w;
    struct gitobj_intake *intake;
    struct fh_buf pending; /* the beginning of a line whose end has not come yet */
    bool in_pack, done;
    size_t pack_bytes;
};

static fh_err take_line(struct receiving *r, const struct fh_pkt *line, struct fh_error *e)
{
    if (line->kind == FH_PKT_FLUSH) {
        r->done = true;
        return FH_OK;
    }
    if (line->kind != FH_PKT_DATA)
        return FH_OK;
    size_t rest;
    const char *said = r->in_pack ? NULL : fh_pkt_after(line, "ERR ", &rest);
    if (said != NULL)
        return gitwire_said(r->w, said, rest, e);
    if (!r->in_pack) {
        r->in_pack = fh_pkt_is(line, "packfile");
        return FH_OK;
    }
    if (line->len == 0)
        return FH_FAIL(e, FH_INVALID, "The server sent an empty line in a pack.");
    if (line->data[0] == 3)
        return gitwire_said(r->w, line->data + 1, line->len - 1, e);
    if (line->data[0] != 1)
        return FH_OK;
    r->pack_bytes += line->len - 1;
    return gitobj_intake_add(r->intake, line->data + 1, line->len - 1, e);
}

/* The bytes of the first whole line in what is pending; 0: it has not all come. */
static size_t whole_line(const struct fh_buf *pending)
{
    uint8_t len[2];
    if (pending->len < 4)
        return 0;
    if (!fh_hex_decode(pending->data, 2, len))
        return 4; /* the reader says what is wrong with it */
    size_t n = (size_t)len[0] << 8 | len[1];
    if (n < 4)
        return 4;
    return pending->len >= n ? n : 0;
}

static fh_err receive(void *state, const char *bytes, size_t n, struct fh_error *e)
{
    struct receiving *r = state;
    FH_TRY(fh_buf_add(&r->pending, bytes, n, e));
    size_t used = 0;
    while (!r->done) {
        const struct fh_buf view = {.data = r->pending.data + used, .len = r->pending.len - used};
        size_t len = whole_line(&view);
        if (len == 0)
            break;
        struct fh_pkt_reader reader = {view.data, view.data + len};
        struct fh_pkt line;
        FH_TRY(fh_pkt_next(&reader, &line, e));
        FH_TRY(take_line(r, &line, e));
        used += len;
    }
    fh_buf_drop_front(&r->pending, used);
    return FH_OK;
}

static fh_err ask(struct gitwire *w, struct gitobj *g, const char *tip, struct fh_buf *body,
                  struct fh_error *e)
{
    const char **haves;
    size_t n;
    FH_TRY(gitobj_haves(g, MAX_FETCH_HAVES, w->arena, &haves, &n, e));
    FH_TRY(begin_command(body, "fetch", e));
    FH_TRY(fh_pkt_addf(body, e, "no-progress\n"));
    FH_TRY(fh_pkt_addf(body, e, "ofs-delta\n"));
    FH_TRY(fh_pkt_addf(body, e, "want %s\n", tip));
    for (size_t i = 0; i < n; i++)
        FH_TRY(fh_pkt_addf(body, e, "have %s\n", haves[i]));
    FH_TRY(fh_pkt_addf(body, e, "done\n"));
    return fh_pkt_add_flush(body, e);
}

static fh_err download(struct gitwire *w, struct gitobj *g, const char *tip, struct fh_error *e)
{
    struct fh_buf body = FH_BUF_INIT(FH_MAX_BODY_SMALL);
    /* Holds a piece of the transfer behind the beginning of a line. */
    struct receiving r = {.w = w, .pending = FH_BUF_INIT(4 * FH_MAX_PKT)};
    struct api_answer answer = {0};
    fh_err rc = ask(w, g, tip, &body, e);
    if (rc == FH_OK)
        rc = gitobj_intake_begin(g, &r.intake, e);
    if (rc != FH_OK)
        goto cleanup;
    const struct api_request request = {
        .url = fh_sprintf(w->arena, "%s/git-upload-pack", w->url),
        .auth = API_BASIC_OAUTH,
        .headers = fetch_headers,
        .body = body.data,
        .body_len = body.len,
        .ceiling = FH_MAX_PACK_INFLATED,
        .sink = receive,
        .sink_state = &r,
        .sink_type = result_type,
        .progress = "Fetching",
    };
    rc = api_send(w->api, &request, w->arena, &answer, e);
    if (rc != FH_OK)
        goto cleanup;
    if (answer.status != 200 || strcmp(answer.type, result_type) != 0)
        rc = gitwire_refused(w, &answer, e);
    else if (!r.done || !r.in_pack || r.pending.len > 0 || r.pack_bytes == 0)
        rc = FH_FAIL(e, FH_UNAVAILABLE, "The server's answer broke off before its end. Try again.");
    else
        rc = gitobj_intake_finish(r.intake, e);
    if (rc == FH_OK && !gitobj_has_commit(g, tip))
        rc = FH_FAIL(e, FH_INVALID, "The server did not send the commit it was asked for.");
cleanup:
    gitobj_intake_free(r.intake);
    fh_buf_free(&answer.body);
    fh_buf_free(&r.pending);
    fh_buf_free(&body);
    return rc;
}

fh_err gitwire_fetch(struct gitwire *w, struct gitobj *g, const char *branch, gitobj_id tip,
                     struct fh_error *e)
{
    gitobj_id found;
    FH_TRY(check_is_v2(w, e));
    FH_TRY(list(w, branch, found, e));
    if (!gitobj_has_commit(g, found))
        FH_TRY(download(w, g, found, e));
    memcpy(tip, found, sizeof found);
    return FH_OK;
}
