/* Pushing one branch with receive-pack (protocol v0): the tips a writer may push to are in the advertisement,
 * so whether an update is a fast-forward is decided here, before anything is sent. */
#include "client/gitwire.h"

#include "client/say.h"
#include "common/ceilings.h"
#include "common/cli.h"
#include "common/pkt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char zero_id[] = "0000000000000000000000000000000000000000";
static const char result_type[] = "application/x-git-receive-pack-result";

struct advertised {
    gitobj_id tip; /* zeros: the branch is not there */
    const char **tips;
    size_t ntips;
    bool report_status, side_band;
};

static bool has_capability(const char *list, size_t n, const char *name)
{
    size_t len = strlen(name);
    for (size_t at = 0; at < n;) {
        size_t end = at;
        while (end < n && list[end] != ' ' && list[end] != '\n')
            end++;
        if (end - at == len && memcmp(list + at, name, len) == 0)
            return true;
        at = end + 1;
    }
    return false;
}

static fh_err read_advertisement(struct gitwire *w, const struct fh_buf *body, const char *branch,
                                 struct advertised *out, struct fh_error *e)
{
    struct fh_pkt_reader reader = {body->data, body->data + body->len};
    struct fh_pkt line;
    const char *want = fh_sprintf(w->arena, "refs/heads/%s", branch);
    out->tips = fh_alloc(w->arena, (body->len / FH_OID_HEX + 1) * sizeof *out->tips);
    snprintf(out->tip, sizeof out->tip, "%s", zero_id);
    for (bool first = true;; first = false) {
        FH_TRY(fh_pkt_next(&reader, &line, e));
        if (line.kind == FH_PKT_FLUSH)
            return FH_OK;
        struct fh_oid id;
        size_t len = line.kind == FH_PKT_DATA ? fh_pkt_text_len(&line) : 0;
        if (len <= FH_OID_HEX + 1 || !fh_oid_parse(line.data, FH_OID_HEX, &id))
            return FH_FAIL(e, FH_INVALID, "The server's list of branches is malformed.");
        const char *name = line.data + FH_OID_HEX + 1;
        const char *nul = memchr(name, '\0', len - FH_OID_HEX - 1);
        size_t name_len = nul != NULL ? (size_t)(nul - name) : len - FH_OID_HEX - 1;
        if (first && nul != NULL) {
            size_t n = len - FH_OID_HEX - 1 - name_len;
            out->report_status = has_capability(nul + 1, n - 1, "report-status");
            out->side_band = has_capability(nul + 1, n - 1, "side-band-64k");
        }
        char *text = fh_alloc(w->arena, sizeof(gitobj_id));
        fh_oid_format(&id, text);
        if (!fh_oid_is_zero(&id))
            out->tips[out->ntips++] = text;
        if (name_len == strlen(want) && memcmp(name, want, name_len) == 0)
            memcpy(out->tip, text, sizeof(gitobj_id));
    }
}

/* unpack ok | ok <ref> | ng <ref> <reason> */
static fh_err read_report(struct gitwire *w, const struct fh_buf *report, const char *branch,
                          struct fh_error *e)
{
    struct fh_pkt_reader reader = {report->data, report->data + report->len};
    struct fh_pkt line;
    const char *ref = fh_sprintf(w->arena, "refs/heads/%s", branch);
    const char *ok = fh_sprintf(w->arena, "ok %s", ref);
    const char *ng = fh_sprintf(w->arena, "ng %s ", ref);
    const char *broken = NULL;
    for (;;) {
        FH_TRY(fh_pkt_next(&reader, &line, e));
        if (line.kind != FH_PKT_DATA)
            break;
        size_t rest;
        const char *text = fh_pkt_after(&line, "unpack ", &rest);
        if (text != NULL && !fh_pkt_is(&line, "unpack ok"))
            broken = fh_strndup(w->arena, text, fh_pkt_text_len(&line) - strlen("unpack "));
        else if (fh_pkt_is(&line, ok))
            return broken == NULL ? FH_OK : gitwire_said(w, broken, strlen(broken), e);
        else if ((text = fh_pkt_after(&line, ng, &rest)) != NULL)
            return FH_FAIL(
                e, broken != NULL ? FH_INVALID : FH_CONFLICT, "The hub did not take the push: %s.",
                say_safe(w->arena, broken != NULL
                                       ? broken
                                       : fh_strndup(w->arena, text, fh_pkt_text_len(&line) - strlen(ng))));
    }
    if (broken != NULL)
        return gitwire_said(w, broken, strlen(broken), e);
    return FH_FAIL(e, FH_UNAVAILABLE,
                   "The hub did not say whether it took the push. Run 'floe push' again to find out.");
}

/* Band 2 is for the person, band 3 ends the push with a reason. */
static fh_err take_bands(struct gitwire *w, const struct fh_buf *body, struct fh_buf *report,
                         struct fh_error *e)
{
    struct fh_pkt_reader reader = {body->data, body->data + body->len};
    struct fh_pkt line;
    const char *refusal = NULL;
    for (;;) {
        FH_TRY(fh_pkt_next(&reader, &line, e));
        if (line.kind != FH_PKT_DATA)
            break;
        if (line.len == 0)
            continue;
        if (line.data[0] == 1)
            FH_TRY(fh_buf_add(report, line.data + 1, line.len - 1, e));
        else if (line.data[0] == 2 && fh_pkt_text_len(&line) > 1)
            say_plain("remote: %s",
                      say_safe(w->arena, fh_strndup(w->arena, line.data + 1, fh_pkt_text_len(&line) - 1)));
        else if (line.data[0] == 3 && refusal == NULL)
            refusal = fh_strndup(w->arena, line.data + 1, line.len - 1);
    }
    return refusal != NULL ? gitwire_said(w, refusal, strlen(refusal), e) : FH_OK;
}

static fh_err read_result(struct gitwire *w, const struct api_answer *answer, const char *branch,
                          bool side_band, struct fh_error *e)
{
    if (answer->status != 200 || strcmp(answer->type, result_type) != 0 || answer->body.len == 0)
        return gitwire_refused(w, answer, e);
    struct fh_buf report = FH_BUF_INIT(FH_MAX_BODY_SMALL);
    fh_err rc = side_band ? take_bands(w, &answer->body, &report, e)
                          : fh_buf_add(&report, answer->body.data, answer->body.len, e);
    if (rc == FH_OK)
        rc = fh_buf_add_str(&report, "", e); /* a reader needs bytes to point at */
    if (rc == FH_OK)
        rc = read_report(w, &report, branch, e);
    fh_buf_free(&report);
    return rc;
}

static fh_err send_pack(struct gitwire *w, struct gitobj *g, const char *branch, const char *commit,
                        const struct advertised *there, struct fh_error *e)
{
    struct fh_buf body = FH_BUF_INIT(FH_MAX_BODY_PUSH);
    struct api_answer answer = {0};
    char command[FH_MAX_ENV_NAME + 256];
    int n =
        snprintf(command, sizeof command, "%s %s refs/heads/%s%c report-status%s agent=floe/%s", there->tip,
                 commit, branch, '\0', there->side_band ? " side-band-64k" : "", FLOE_VERSION);
    static const char *const headers[] = {"Content-Type: application/x-git-receive-pack-request",
                                          "Accept: application/x-git-receive-pack-result", NULL};
    fh_err rc = fh_pkt_add(&body, command, (size_t)n, e);
    if (rc == FH_OK)
        rc = fh_pkt_add_flush(&body, e);
    if (rc == FH_OK)
        rc = gitobj_pack(g, commit, there->tips, there->ntips, &body, e);
    if (rc != FH_OK)
        goto cleanup;
    const struct api_request request = {
        .url = fh_sprintf(w->arena, "%s/git-receive-pack", w->url),
        .auth = API_BASIC_OAUTH,
        .headers = headers,
        .body = body.data,
        .body_len = body.len,
        .progress = "Pushing",
    };
    rc = api_send(w->api, &request, w->arena, &answer, e);
    if (rc == FH_OK)
        rc = read_result(w, &answer, branch, there->side_band, e);
cleanup:
    fh_buf_free(&answer.body);
    fh_buf_free(&body);
    return rc;
}

/* An answer that was lost on a connection that had been used before: curl sends the request again, and the
 * hub refuses it, for it took the first one. */
static bool was_taken(struct gitwire *w, const char *branch, const char *commit)
{
    struct api_answer answer;
    struct advertised there = {0};
    struct fh_error ignored;
    if (gitwire_discover(w, GITWIRE_RECEIVE, &answer, &ignored) != FH_OK)
        return false;
    fh_err rc = read_advertisement(w, &answer.body, branch, &there, &ignored);
    fh_buf_free(&answer.body);
    return rc == FH_OK && strcmp(there.tip, commit) == 0;
}

fh_err gitwire_push(struct gitwire *w, struct gitobj *g, const char *branch, const char *commit, bool force,
                    enum gitwire_outcome *outcome, struct fh_error *e)
{
    struct api_answer answer;
    struct advertised there = {0};
    FH_TRY(gitwire_discover(w, GITWIRE_RECEIVE, &answer, e));
    fh_err rc = read_advertisement(w, &answer.body, branch, &there, e);
    fh_buf_free(&answer.body);
    if (rc != FH_OK)
        return rc;
    if (!there.report_status)
        return FH_FAIL(e, FH_INVALID, "The server offers no report-status.");
    bool is_new = strcmp(there.tip, zero_id) == 0;
    if (!is_new && strcmp(there.tip, commit) == 0) {
        *outcome = GITWIRE_SAME;
        return FH_OK;
    }
    if (!is_new && !force) {
        bool forward = false;
        if (gitobj_has_commit(g, there.tip))
            FH_TRY(gitobj_is_ancestor(g, there.tip, commit, &forward, e));
        if (!forward) {
            *outcome = GITWIRE_EXISTS;
            return FH_OK;
        }
    }
    rc = send_pack(w, g, branch, commit, &there, e);
    if (rc == FH_CONFLICT && was_taken(w, branch, commit))
        rc = FH_OK;
    if (rc != FH_OK)
        return rc;
    *outcome = is_new ? GITWIRE_CREATED : GITWIRE_UPDATED;
    return FH_OK;
}
