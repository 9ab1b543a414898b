/* Answers to pushes. See wire_report.h. */
#include "server/git/wire_report.h"

#include "common/ceilings.h"
#include "common/pkt.h"

enum { MAX_REPORT = (FH_MAX_PUSH_COMMANDS + 1) * FH_MAX_PKT };

static fh_err add_lines(const struct wire_push *push, const char *unpack, const char *reason,
                        struct fh_buf *out, struct fh_error *e)
{
    FH_TRY(fh_pkt_addf(out, e, "unpack %s\n", unpack));
    for (size_t i = 0; i < push->nupdates; i++)
        FH_TRY(reason ? fh_pkt_addf(out, e, "ng %s %s\n", push->updates[i].ref, reason)
                      : fh_pkt_addf(out, e, "ok %s\n", push->updates[i].ref));
    return fh_pkt_add_flush(out, e);
}

static fh_err report(struct fh_arena *a, const struct wire_push *push, const char *unpack, const char *reason,
                     struct wire_answer *out, struct fh_error *e)
{
    struct fh_buf lines = FH_BUF_INIT(MAX_REPORT), banded = FH_BUF_INIT(2 * MAX_REPORT);
    fh_err rc = FH_OK;
    if (push->report_status)
        rc = add_lines(push, unpack, reason, &lines, e);
    if (rc == FH_OK && push->side_band_64k) {
        rc = fh_pkt_add_band(&banded, 1, lines.data, lines.len, e);
        if (rc == FH_OK)
            rc = fh_pkt_add_flush(&banded, e);
    }
    if (rc == FH_OK)
        wire_answer_take(a, push->side_band_64k ? &banded : &lines, out);
    fh_buf_free(&lines);
    fh_buf_free(&banded);
    return rc;
}

fh_err wire_report_status(struct fh_arena *a, const struct wire_push *push, const char *reason,
                          struct wire_answer *out, struct fh_error *e)
{
    return report(a, push, "ok", reason, out, e);
}

fh_err wire_report_refusal(struct fh_arena *a, const struct wire_push *push, const char *sentence,
                           struct wire_answer *out, struct fh_error *e)
{
    if (!push->side_band_64k)
        return report(a, push, sentence, sentence, out, e);
    const char *line = fh_sprintf(a, "%s\n", sentence);
    struct fh_buf b = FH_BUF_INIT(MAX_REPORT);
    fh_err rc = fh_pkt_add_band(&b, 3, line, strlen(line), e);
    if (rc == FH_OK)
        rc = fh_pkt_add_flush(&b, e);
    if (rc == FH_OK)
        wire_answer_take(a, &b, out);
    fh_buf_free(&b);
    return rc;
}
