/* Request targets: first byte picks the prefix, the rest is the target. What is accepted has no way out of
 * it. */
#include "server/http/router.h"
#include "server/http/target.h"

#include "common/mem.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct web_route routes[] = {
    {.methods = WEB_GET, .pattern = "/git/{owner}/floxmeta/info/refs", .name = "refs"},
    {.methods = WEB_GET, .pattern = "/rest/{rest*}", .name = "rest"},
};

static void must(bool truth)
{
    if (!truth)
        abort();
}

/* slash: the first one that was sent encoded; only beside such may two stand together. */
static void check_path(const char *path, const char *slash)
{
    const char *doubled = strstr(path, "//");
    must(path[0] == '/');
    must(!doubled || (slash && slash <= doubled + 1));
    must(!strstr(path, "/../") && !strchr(path, '\\'));
    size_t n = strlen(path);
    must(n < 3 || strcmp(path + n - 3, "/..") != 0);
    for (const char *p = path; *p; p++)
        must((unsigned char)*p >= 0x20 && *p != 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fh_error e = {0};
    struct web_target target;
    static struct web_router *router;
    if (!router && web_router_new(routes, 2, &router, &e) != FH_OK)
        abort();
    if (size == 0)
        return 0;
    struct fh_arena *a = fh_arena_new();
    char *raw = fh_strndup(a, (const char *)data + 1, size - 1);
    fh_err rc = web_target_parse(a, raw, data[0] & 1 ? "/hub" : "", &target, &e);
    must(target.shown != NULL);
    if (rc == FH_OK) {
        struct web_match match;
        check_path(target.path, target.slash);
        for (size_t i = 0; i < target.nquery; i++)
            must(target.query[i].name && target.query[i].value);
        web_router_find(router, a, WEB_GET, target.path, &match);
        if (match.route == &routes[0])
            must(match.params[0][0] && !strchr(match.params[0], '/'));
        must(!match.rest || strstr(target.path, match.rest));
    }
    fh_arena_free(a);
    return 0;
}
