/* What an answer means that no hub gives to a request it understood: proxies, gateways, web pages, servers
 * that are busy. One sentence each, and the way out. */
#include "client/api.h"

#include "client/hub.h"
#include "client/say.h"

#include <string.h>

enum { MAX_QUOTED = 200, LONG_WAIT = 24 * 60 * 60 };

/* A server's own words, where they are plain text: ": …" */
static const char *quoted(const struct api_answer *answer, struct fh_arena *a)
{
    if (strcmp(answer->type, "text/plain") != 0 || answer->body.len == 0)
        return "";
    size_t n = answer->body.len < MAX_QUOTED ? answer->body.len : MAX_QUOTED;
    const char *text = say_safe(a, fh_strndup(a, answer->body.data, n));
    size_t len = strlen(text);
    while (len > 0 && strchr(" .", text[len - 1]) != NULL)
        len--;
    return len > 0 ? fh_sprintf(a, ": %.*s", (int)len, text) : "";
}

static const char *when_again(const struct api_answer *answer, struct fh_arena *a)
{
    if (answer->retry_after <= 0 || answer->retry_after > LONG_WAIT)
        return "Try again later.";
    return fh_sprintf(a, "Try again in %lld second%s.", (long long)answer->retry_after,
                      answer->retry_after == 1 ? "" : "s");
}

fh_err api_unusable(const char *url, const struct api_answer *answer, struct fh_arena *a, struct fh_error *e)
{
    const char *origin = hub_origin(url, a);
    bool is_page = strcmp(answer->type, "text/html") == 0;
    switch (answer->status) {
    case 407:
        return FH_FAIL(e, FH_UNAVAILABLE,
                       "The proxy on the way to %s asks for a login (status 407). Put it into http_proxy and "
                       "https_proxy as http://USER:PASSWORD@HOST:PORT, or the hub into no_proxy.",
                       origin);
    case 502:
    case 504:
        return FH_FAIL(
            e, FH_UNAVAILABLE,
            "A proxy on the way to %s cannot reach the hub now (status %ld)%s. The hub may be down. %s",
            origin, answer->status, quoted(answer, a), when_again(answer, a));
    case 429:
        return FH_FAIL(e, FH_UNAVAILABLE,
                       "The hub at %s cannot do that now (status 429: too many requests)%s. %s", origin,
                       quoted(answer, a), when_again(answer, a));
    default:
        break;
    }
    if (answer->status == 503 || (answer->status >= 500 && !is_page))
        return FH_FAIL(e, FH_UNAVAILABLE, "The hub at %s cannot do that now (status %ld)%s. %s", origin,
                       answer->status, quoted(answer, a), when_again(answer, a));
    if (is_page)
        return FH_FAIL(
            e, FH_INVALID,
            "The server at %s does not answer like a Floe/FloxHub hub: it sent a web page (status %ld). "
            "Is the address right, or does the network ask for a sign-in, or is a proxy in between?",
            origin, answer->status);
    return FH_FAIL(
        e, FH_INVALID,
        "The server at %s does not answer like a Floe/FloxHub hub (status %ld)%s. Is the address right? "
        "'floe config' tells where it comes from.",
        origin, answer->status, quoted(answer, a));
}
