/* Discovery and what an answer that is not git's means. */
#include "client/gitwire.h"

#include "client/hub.h"
#include "client/say.h"
#include "common/ceilings.h"
#include "common/pkt.h"

#include <string.h>

enum { MAX_SAID = 400 };

static const char *const service_names[] = {"git-upload-pack", "git-receive-pack"};

/* The first lines of a text from the server, harmless and short. */
static const char *quote(struct gitwire *w, const char *text, size_t n)
{
    const char *safe = say_safe(w->arena, fh_strndup(w->arena, text, n < MAX_SAID ? n : MAX_SAID));
    size_t len = strlen(safe);
    while (len > 0 && strchr(" \n.", safe[len - 1]) != NULL)
        len--;
    return fh_strndup(w->arena, safe, len);
}

static bool says(const char *text, const char *word)
{
    return strstr(text, word) != NULL;
}

fh_err gitwire_said(struct gitwire *w, const char *text, size_t n, struct fh_error *e)
{
    const char *said = quote(w, text, n);
    if (says(said, "DENIED") || says(said, "Authentication failed") || says(said, "Permission denied"))
        return FH_FAIL(e, FH_DENIED, "The hub denies access: %s.", said);
    return FH_FAIL(e, FH_INVALID, "The hub refused: %s.", said);
}

fh_err gitwire_refused(struct gitwire *w, const struct api_answer *answer, struct fh_error *e)
{
    const char *origin = hub_origin(w->url, w->arena);
    bool plain = strcmp(answer->type, "text/plain") == 0;
    const char *said = plain && answer->body.len > 0 ? quote(w, answer->body.data, answer->body.len) : "";
    if (answer->status == 401)
        return FH_FAIL(e, FH_DENIED,
                       "The hub at %s did not accept your credential. Log in with 'floe auth login'.",
                       origin);
    bool is_page = strcmp(answer->type, "text/html") == 0; /* a proxy's 403 says nothing of the hub */
    if ((answer->status == 403 && !is_page) || says(said, "DENIED"))
        return FH_FAIL(e, FH_DENIED, "The hub at %s denies access%s%s.", origin, *said != '\0' ? ": " : "",
                       said);
    return api_unusable(w->url, answer, w->arena, e);
}

static fh_err cut_service_line(struct gitwire *w, struct api_answer *answer, struct fh_error *e)
{
    struct fh_pkt_reader reader = {answer->body.data, answer->body.data + answer->body.len};
    struct fh_pkt line;
    FH_TRY(fh_pkt_next(&reader, &line, e));
    size_t rest;
    if (line.kind == FH_PKT_DATA && fh_pkt_after(&line, "# service=", &rest) != NULL) {
        FH_TRY(fh_pkt_next(&reader, &line, e));
        if (line.kind != FH_PKT_FLUSH)
            return FH_FAIL(e, FH_INVALID, "The server's list of branches is malformed.");
        fh_buf_drop_front(&answer->body, (size_t)(reader.at - answer->body.data));
        reader = (struct fh_pkt_reader){answer->body.data, answer->body.data + answer->body.len};
        FH_TRY(fh_pkt_next(&reader, &line, e));
    }
    const char *said = line.kind == FH_PKT_DATA ? fh_pkt_after(&line, "ERR ", &rest) : NULL;
    return said != NULL ? gitwire_said(w, said, rest, e) : FH_OK;
}

fh_err gitwire_discover(struct gitwire *w, enum gitwire_service service, struct api_answer *answer,
                        struct fh_error *e)
{
    const char *name = service_names[service];
    const char *v2[] = {"Git-Protocol: version=2", "Pragma: no-cache", NULL};
    const char *const v0[] = {"Pragma: no-cache", NULL};
    const struct api_request request = {
        .url = fh_sprintf(w->arena, "%s/info/refs?service=%s", w->url, name),
        .auth = API_BASIC_OAUTH,
        .headers = service == GITWIRE_UPLOAD ? (const char *const *)v2 : v0,
        .ceiling = FH_MAX_LOCK,
    };
    FH_TRY(api_send(w->api, &request, w->arena, answer, e));
    const char *type = fh_sprintf(w->arena, "application/x-%s-advertisement", name);
    fh_err rc;
    if (answer->status != 200 || strcmp(answer->type, type) != 0 || answer->body.len == 0)
        rc = gitwire_refused(w, answer, e);
    else
        rc = cut_service_line(w, answer, e);
    if (rc != FH_OK)
        fh_buf_free(&answer->body);
    return rc;
}
