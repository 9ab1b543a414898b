/* Parsing of git requests (gitprotocol-v2, gitprotocol-pack). See wire_request.h. */
#include "server/git/wire_request.h"

#include "common/ceilings.h"
#include "common/pkt.h"

enum { QUOTE_SIZE = 81, OID_LINE = 40 };

/* What somebody sent, fit for a sentence: printable ASCII, the rest as '?', cut. */
static const char *quote(const char *text, size_t n, char out[QUOTE_SIZE])
{
    size_t len = n < QUOTE_SIZE - 1 ? n : QUOTE_SIZE - 1;
    for (size_t i = 0; i < len; i++)
        out[i] = text[i] >= 0x20 && text[i] < 0x7f ? text[i] : '?';
    out[len] = '\0';
    return out;
}

static size_t at_most(size_t n, size_t ceiling)
{
    return n < ceiling ? n : ceiling;
}

int wire_request_version(const char *git_protocol)
{
    for (const char *at = git_protocol; at && *at;) {
        size_t n = strcspn(at, ":");
        if (n == strlen("version=2") && memcmp(at, "version=2", n) == 0)
            return 2;
        at += n;
        at += *at == ':';
    }
    return 0;
}

static fh_err unexpected_end(const struct fh_pkt *p, struct fh_error *e)
{
    return p->kind == FH_PKT_EOF
               ? FH_FAIL(e, FH_INVALID, "The request ends before it is complete.")
               : FH_FAIL(e, FH_INVALID, "The request holds a delimiter where none is expected.");
}

static fh_err parse_oid(const char *text, size_t n, const char *what, struct fh_oid *out, struct fh_error *e)
{
    char shown[QUOTE_SIZE];
    if (!fh_oid_parse(text, n, out))
        return FH_FAIL(e, FH_INVALID, "A %s line names \"%s\", which is no object id.", what,
                       quote(text, n, shown));
    return FH_OK;
}

static void fetch_init(struct fh_arena *a, size_t n, struct wire_fetch *f)
{
    size_t lines = n / OID_LINE + 1;
    *f = (struct wire_fetch){0};
    f->wants = fh_alloc(a, at_most(lines, FH_MAX_WANTS) * sizeof *f->wants);
    f->haves = fh_alloc(a, at_most(lines, FH_MAX_HAVES) * sizeof *f->haves);
}

static fh_err add_want(struct wire_fetch *f, const char *text, size_t n, struct fh_error *e)
{
    struct fh_oid oid;
    FH_TRY(parse_oid(text, n, "want", &oid, e));
    for (size_t i = 0; i < f->nwants; i++)
        if (fh_oid_equal(&f->wants[i], &oid))
            return FH_OK;
    if (f->nwants == FH_MAX_WANTS)
        return FH_FAIL(e, FH_TOO_LARGE, "The request wants more than %d objects.", FH_MAX_WANTS);
    f->wants[f->nwants++] = oid;
    return FH_OK;
}

static fh_err add_have(struct wire_fetch *f, const char *text, size_t n, struct fh_error *e)
{
    struct fh_oid oid;
    FH_TRY(parse_oid(text, n, "have", &oid, e));
    if (f->nhaves < FH_MAX_HAVES)
        f->haves[f->nhaves++] = oid;
    return FH_OK;
}

/* Refuses, by name, what we do not advertise and some client might send all the same. */
static fh_err refuse_argument(const struct fh_pkt *p, const char *command, struct fh_error *e)
{
    static const char *const shallow[] = {"shallow ", "deepen ", "deepen-since ", "deepen-not ",
                                          "deepen-relative"};
    size_t rest;
    for (size_t i = 0; i < sizeof shallow / sizeof *shallow; i++)
        if (fh_pkt_after(p, shallow[i], &rest))
            return FH_FAIL(e, FH_INVALID, "This hub does not serve shallow clones (%.*s).",
                           (int)strcspn(shallow[i], " "), shallow[i]);
    if (fh_pkt_after(p, "filter ", &rest))
        return FH_FAIL(e, FH_INVALID, "This hub does not serve partial clones (filter).");
    char shown[QUOTE_SIZE];
    return FH_FAIL(e, FH_INVALID, "The argument \"%s\" of %s is not known here.",
                   quote(p->data, fh_pkt_text_len(p), shown), command);
}

static fh_err ls_refs_argument(struct fh_arena *a, const struct fh_pkt *p, struct wire_ls_refs *l,
                               struct fh_error *e)
{
    size_t n;
    const char *prefix = fh_pkt_after(p, "ref-prefix ", &n);
    if (prefix) {
        if (l->nprefixes == FH_MAX_REF_PREFIXES)
            l->too_many = true;
        else if (memchr(prefix, '\0', n) == NULL) /* one with a NUL could match no ref */
            l->prefixes[l->nprefixes++] = fh_strndup(a, prefix, n);
    } else if (fh_pkt_is(p, "peel"))
        l->peel = true;
    else if (fh_pkt_is(p, "symrefs"))
        l->symrefs = true;
    else if (fh_pkt_is(p, "unborn"))
        l->unborn = true;
    else
        return refuse_argument(p, "ls-refs", e);
    return FH_OK;
}

static fh_err fetch_argument(const struct fh_pkt *p, struct wire_fetch *f, struct fh_error *e)
{
    size_t n;
    const char *text;
    if ((text = fh_pkt_after(p, "want ", &n)) != NULL)
        return add_want(f, text, n, e);
    if ((text = fh_pkt_after(p, "have ", &n)) != NULL)
        return add_have(f, text, n, e);
    if (fh_pkt_is(p, "done"))
        f->done = true;
    else if (fh_pkt_is(p, "ofs-delta"))
        f->ofs_delta = true;
    else if (!fh_pkt_is(p, "thin-pack") && !fh_pkt_is(p, "no-progress") && !fh_pkt_is(p, "include-tag"))
        return refuse_argument(p, "fetch", e);
    return FH_OK;
}

static fh_err parse_command(const char *name, size_t n, enum wire_command *out, struct fh_error *e)
{
    if (*out != WIRE_NO_COMMAND)
        return FH_FAIL(e, FH_INVALID, "The request holds two commands.");
    if (n == strlen("ls-refs") && memcmp(name, "ls-refs", n) == 0)
        *out = WIRE_LS_REFS;
    else if (n == strlen("fetch") && memcmp(name, "fetch", n) == 0)
        *out = WIRE_FETCH;
    else {
        char shown[QUOTE_SIZE];
        return FH_FAIL(e, FH_INVALID, "The command \"%s\" is not known here.", quote(name, n, shown));
    }
    return FH_OK;
}

static fh_err check_object_format(const char *format, size_t n, struct fh_error *e)
{
    char shown[QUOTE_SIZE];
    if (n != strlen("sha1") || memcmp(format, "sha1", n) != 0)
        return FH_FAIL(e, FH_INVALID, "The object format \"%s\" is not served here; it is sha1.",
                       quote(format, n, shown));
    return FH_OK;
}

static fh_err parse_key(const struct fh_pkt *p, struct wire_v2 *out, struct fh_error *e)
{
    size_t n;
    const char *text;
    if ((text = fh_pkt_after(p, "command=", &n)) != NULL)
        return parse_command(text, n, &out->command, e);
    if ((text = fh_pkt_after(p, "object-format=", &n)) != NULL)
        return check_object_format(text, n, e);
    if (fh_pkt_after(p, "agent=", &n) || fh_pkt_after(p, "session-id=", &n))
        return FH_OK;
    char shown[QUOTE_SIZE];
    return FH_FAIL(e, FH_INVALID, "The capability \"%s\" was not offered.",
                   quote(p->data, fh_pkt_text_len(p), shown));
}

fh_err wire_request_v2(struct fh_arena *a, const char *bytes, size_t n, struct wire_v2 *out,
                       struct fh_error *e)
{
    struct fh_pkt_reader r = {bytes, bytes + n};
    struct fh_pkt p;
    *out = (struct wire_v2){.command = WIRE_NO_COMMAND};
    FH_TRY(fh_pkt_next(&r, &p, e));
    if (p.kind == FH_PKT_FLUSH || p.kind == FH_PKT_EOF)
        return FH_OK;
    for (; p.kind == FH_PKT_DATA;) {
        FH_TRY(parse_key(&p, out, e));
        FH_TRY(fh_pkt_next(&r, &p, e));
    }
    if (p.kind != FH_PKT_DELIM && p.kind != FH_PKT_FLUSH)
        return unexpected_end(&p, e);
    if (out->command == WIRE_NO_COMMAND)
        return FH_FAIL(e, FH_INVALID, "The request names no command.");
    if (out->command == WIRE_FETCH)
        fetch_init(a, n, &out->fetch);
    else
        out->ls_refs.prefixes = fh_alloc(a, at_most(n / strlen("ref-prefix ") + 1, FH_MAX_REF_PREFIXES) *
                                                sizeof *out->ls_refs.prefixes);
    while (p.kind != FH_PKT_FLUSH) {
        FH_TRY(fh_pkt_next(&r, &p, e));
        if (p.kind == FH_PKT_DATA)
            FH_TRY(out->command == WIRE_FETCH ? fetch_argument(&p, &out->fetch, e)
                                              : ls_refs_argument(a, &p, &out->ls_refs, e));
        else if (p.kind != FH_PKT_FLUSH)
            return unexpected_end(&p, e);
    }
    if (out->command == WIRE_FETCH && out->fetch.nwants == 0)
        return FH_FAIL(e, FH_INVALID, "The fetch request wants nothing.");
    return FH_OK;
}

/* The next word of a capability list; false at its end. */
static bool next_word(const char **at, const char *end, const char **word, size_t *n)
{
    while (*at < end && **at == ' ')
        (*at)++;
    *word = *at;
    while (*at < end && **at != ' ')
        (*at)++;
    *n = (size_t)(*at - *word);
    return *n > 0;
}

static bool word_is(const char *word, size_t n, const char *text)
{
    return n == strlen(text) && memcmp(word, text, n) == 0;
}

static const char *word_after(const char *word, size_t n, const char *prefix, size_t *rest)
{
    size_t len = strlen(prefix);
    if (n < len || memcmp(word, prefix, len) != 0)
        return NULL;
    *rest = n - len;
    return word + len;
}

/* Version 0: capabilities stand behind the first want. Unknown ones are passed over, as git does. */
static fh_err v0_capabilities(const char *at, const char *end, struct wire_fetch *f, struct fh_error *e)
{
    const char *word, *format;
    size_t n, rest;
    while (next_word(&at, end, &word, &n)) {
        f->side_band_64k |= word_is(word, n, "side-band-64k");
        f->multi_ack_detailed |= word_is(word, n, "multi_ack_detailed");
        f->no_done |= word_is(word, n, "no-done");
        f->ofs_delta |= word_is(word, n, "ofs-delta");
        if ((format = word_after(word, n, "object-format=", &rest)) != NULL)
            FH_TRY(check_object_format(format, rest, e));
    }
    return FH_OK;
}

static fh_err v0_want(const struct fh_pkt *p, struct wire_fetch *f, struct fh_error *e)
{
    size_t n;
    const char *text = fh_pkt_after(p, "want ", &n);
    if (!text)
        return refuse_argument(p, "git-upload-pack", e);
    size_t id = at_most(n, FH_OID_HEX);
    if (f->nwants == 0)
        FH_TRY(v0_capabilities(text + id, text + n, f, e));
    else if (n != id)
        return FH_FAIL(e, FH_INVALID, "A want line other than the first holds more than an object id.");
    return add_want(f, text, id, e);
}

fh_err wire_request_v0(struct fh_arena *a, const char *bytes, size_t n, struct wire_fetch *out,
                       struct fh_error *e)
{
    struct fh_pkt_reader r = {bytes, bytes + n};
    struct fh_pkt p;
    fetch_init(a, n, out);
    FH_TRY(fh_pkt_next(&r, &p, e));
    while (p.kind == FH_PKT_DATA) {
        FH_TRY(v0_want(&p, out, e));
        FH_TRY(fh_pkt_next(&r, &p, e));
    }
    if (out->nwants == 0)
        return FH_OK;
    if (p.kind != FH_PKT_FLUSH)
        return unexpected_end(&p, e);
    /* Over HTTP every round is a request of its own: a flush behind haves ends it, as "done" does. */
    while (!out->done) {
        size_t rest;
        const char *text;
        FH_TRY(fh_pkt_next(&r, &p, e));
        if (p.kind == FH_PKT_FLUSH)
            return FH_OK;
        if (p.kind != FH_PKT_DATA)
            return unexpected_end(&p, e);
        if ((text = fh_pkt_after(&p, "have ", &rest)) != NULL)
            FH_TRY(add_have(out, text, rest, e));
        else if (fh_pkt_is(&p, "done"))
            out->done = true;
        else
            return refuse_argument(&p, "git-upload-pack", e);
    }
    return FH_OK;
}

static fh_err push_capabilities(const char *at, const char *end, struct wire_push *out, struct fh_error *e)
{
    const char *word, *format;
    size_t n, rest;
    while (next_word(&at, end, &word, &n)) {
        out->report_status |= word_is(word, n, "report-status") || word_is(word, n, "report-status-v2");
        out->side_band_64k |= word_is(word, n, "side-band-64k");
        if (word_is(word, n, "atomic") || word_is(word, n, "push-options"))
            return FH_FAIL(e, FH_INVALID, "The capability \"%.*s\" was not offered.", (int)n, word);
        if ((format = word_after(word, n, "object-format=", &rest)) != NULL)
            FH_TRY(check_object_format(format, rest, e));
    }
    return FH_OK;
}

/* "<old> <new> <ref>", behind a NUL the capabilities (first line only). */
static fh_err push_command(struct fh_arena *a, const struct fh_pkt *p, struct wire_push *out,
                           struct fh_error *e)
{
    enum { REF_AT = 2 * (FH_OID_HEX + 1) };
    size_t n = fh_pkt_text_len(p);
    const char *nul = memchr(p->data, '\0', n);
    size_t len = nul ? (size_t)(nul - p->data) : n;
    char shown[QUOTE_SIZE];
    struct wire_update u;
    if (len <= REF_AT || p->data[FH_OID_HEX] != ' ' || p->data[REF_AT - 1] != ' ' ||
        !fh_oid_parse(p->data, FH_OID_HEX, &u.old_tip) ||
        !fh_oid_parse(p->data + FH_OID_HEX + 1, FH_OID_HEX, &u.new_tip))
        return FH_FAIL(e, FH_INVALID, "The push holds the line \"%s\", which is no update of a ref.",
                       quote(p->data, len, shown));
    if (nul && out->nupdates == 0)
        FH_TRY(push_capabilities(nul + 1, p->data + n, out, e));
    if (out->nupdates == FH_MAX_PUSH_COMMANDS)
        return FH_FAIL(e, FH_TOO_LARGE, "The push holds more than %d updates.", FH_MAX_PUSH_COMMANDS);
    u.ref = fh_strndup(a, p->data + REF_AT, len - REF_AT);
    for (char *c = u.ref; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            return FH_FAIL(e, FH_INVALID, "The push names a ref with a control character.");
    out->updates[out->nupdates++] = u;
    return FH_OK;
}

fh_err wire_request_push(struct fh_arena *a, const char *bytes, size_t n, struct wire_push *out,
                         struct fh_error *e)
{
    struct fh_pkt_reader r = {bytes, bytes + n};
    struct fh_pkt p;
    *out = (struct wire_push){.updates = fh_alloc(a, FH_MAX_PUSH_COMMANDS * sizeof *out->updates)};
    FH_TRY(fh_pkt_next(&r, &p, e));
    while (p.kind == FH_PKT_DATA) {
        FH_TRY(push_command(a, &p, out, e));
        FH_TRY(fh_pkt_next(&r, &p, e));
    }
    if (p.kind != FH_PKT_FLUSH)
        return unexpected_end(&p, e);
    out->pack_offset = (size_t)(r.at - bytes);
    return FH_OK;
}
