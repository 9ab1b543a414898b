/* The settings as a file: with their values, or the commented sample (deploy/floe-server.conf). */
#include "server/config.h"

#include "common/buf.h"

#include <ctype.h>

enum { MAX_TEXT = 256 * 1024 };

static fh_err add_value(struct fh_buf *b, const struct config *c, const struct config_option *o,
                        struct fh_error *e)
{
    const void *at = (const char *)c + o->offset;
    switch (o->type) {
    case CONFIG_TEXT:
    case CONFIG_PATH: {
        const char *text = *(char *const *)at;
        return fh_buf_add_str(b, !text ? "" : o->secret ? "(set)" : text, e);
    }
    case CONFIG_INT:
    case CONFIG_SIZE:
        return fh_buf_addf(b, e, "%lld", (long long)*(const int64_t *)at);
    case CONFIG_BOOL:
        return fh_buf_add_str(b, *(const bool *)at ? "true" : "false", e);
    case CONFIG_VISIBILITY:
        return fh_buf_add_str(b, store_visibility_name(*(const enum store_visibility *)at), e);
    }
    return FH_OK;
}

static fh_err add_sample(struct fh_buf *b, const struct config_option *o, struct fh_error *e)
{
    char variable[64];
    size_t n = 0;
    for (; o->name[n] && n + 1 < sizeof variable; n++)
        variable[n] = (char)toupper((unsigned char)o->name[n]);
    variable[n] = '\0';
    FH_TRY(fh_buf_addf(b, e, "\n# %s\n# Variable: FLOE_%s%s%s%s\n", o->help, variable,
                       o->secret ? ", FLOE_" : "", o->secret ? variable : "",
                       o->secret ? "_FILE (a file that holds it)" : ""));
    return fh_buf_addf(b, e, "#%s =%s%s\n", o->name, o->fallback ? " " : "", o->fallback ? o->fallback : "");
}

fh_err config_print(const struct config *c, bool sample, char **out, struct fh_error *e)
{
    struct fh_buf b = FH_BUF_INIT(MAX_TEXT);
    fh_err rc = FH_OK;
    if (sample)
        rc = fh_buf_add_str(
            &b,
            "# Settings of floe-server, each with its default. Lines are \"key = value\"; what follows\n"
            "# a # at the beginning of a line is a comment. Variables (FLOE_…) come before this file,\n"
            "# flags of \"floe-server serve\" (--max-connections for max_connections) before both.\n",
            e);
    for (size_t i = 0; rc == FH_OK && i < config_option_count; i++) {
        const struct config_option *o = &config_options[i];
        if (strcmp(o->name, "config") == 0)
            continue;
        if (sample) {
            rc = add_sample(&b, o, e);
            continue;
        }
        rc = fh_buf_addf(&b, e, "%s = ", o->name);
        if (rc == FH_OK)
            rc = add_value(&b, c, o, e);
        if (rc == FH_OK)
            rc = fh_buf_add_char(&b, '\n', e);
    }
    if (rc == FH_OK)
        *out = fh_buf_take(&b, NULL);
    fh_buf_free(&b);
    return rc;
}
