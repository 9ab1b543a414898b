/* Looking up verbs and options in a program's tables, and what was probably meant. */
#include "common/cli_table.h"

const struct fh_opt fh_cli_help_opts[] = {
    {.name = "help", .letter = 'h', .kind = FH_OPT_FLAG, .help = "Show this help and exit."}, {0}};

static bool has_path(const struct fh_verb *verbs, const char *path)
{
    for (; verbs->path; verbs++)
        if (strcmp(verbs->path, path) == 0)
            return true;
    return false;
}

size_t fh_cli_verbs(const struct fh_program *p, const struct fh_verb *out[FH_CLI_VERBS])
{
    size_t n = 0;
    for (const struct fh_verb *v = p->verbs; v->path && n < FH_CLI_VERBS; v++)
        out[n++] = v;
    for (const struct fh_verb *v = fh_cli_builtin; v->path && n < FH_CLI_VERBS; v++)
        if (!has_path(p->verbs, v->path))
            out[n++] = v;
    return n;
}

size_t fh_cli_group_len(const struct fh_verb *v)
{
    const char *space = strrchr(v->path, ' ');
    return space ? (size_t)(space - v->path) : 0;
}

bool fh_cli_in_group(const struct fh_verb *v, const char *group, size_t len)
{
    return len == 0 || (strncmp(v->path, group, len) == 0 && v->path[len] == ' ');
}

bool fh_cli_last_word_is(const struct fh_verb *v, const char *word)
{
    size_t group = fh_cli_group_len(v), n = strlen(word);
    if (strcmp(v->path + (group ? group + 1 : 0), word) == 0)
        return true;
    for (const char *at = v->aliases; at && *at && n;) {
        size_t len = strcspn(at, " ");
        if (len == n && memcmp(at, word, n) == 0)
            return true;
        at += len;
        at += strspn(at, " ");
    }
    return false;
}

static bool table_has(const struct fh_opt *opts, const char *name)
{
    for (; opts && opts->name; opts++)
        if (strcmp(opts->name, name) == 0)
            return true;
    return false;
}

static size_t table_size(const struct fh_opt *opts)
{
    size_t n = 0;
    while (opts && opts[n].name)
        n++;
    return n;
}

const struct fh_opt *fh_cli_next_opt(const struct fh_program *p, const struct fh_verb *v, size_t *i)
{
    const struct fh_opt *own = v ? v->opts : NULL;
    size_t nown = table_size(own), nglobal = table_size(p->globals);
    while (*i < nown + nglobal + 1) {
        size_t at = (*i)++;
        if (at < nown)
            return &own[at];
        const struct fh_opt *o = at < nown + nglobal ? &p->globals[at - nown] : fh_cli_help_opts;
        if (!table_has(own, o->name))
            return o;
    }
    return NULL;
}

/* Levenshtein's distance with neighbours swapped counting once, for short words. */
static size_t distance(const char *a, const char *b)
{
    enum { MAX = 40 };
    size_t na = strlen(a), nb = strlen(b);
    if (na > MAX || nb > MAX)
        return MAX;
    size_t rows[3][MAX + 1];
    size_t *before = rows[0], *prev = rows[1], *row = rows[2];
    for (size_t j = 0; j <= nb; j++)
        prev[j] = j;
    for (size_t i = 1; i <= na; i++) {
        row[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            size_t best = prev[j - 1] + (a[i - 1] != b[j - 1]);
            if (prev[j] + 1 < best)
                best = prev[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            row[j] = best;
        }
        size_t *spare = before;
        before = prev;
        prev = row;
        row = spare;
    }
    return prev[nb];
}

void fh_cli_near_try(struct fh_cli_near *n, const char *name)
{
    size_t d = distance(n->wanted, name), len = strlen(n->wanted);
    /* One slip in three letters is a slip; more is another word. */
    size_t limit = len < 3 ? 1 : 1 + len / 4;
    if (strncmp(n->wanted, name, len) == 0 && len >= 2)
        d = 1;
    if (d <= limit && (!n->best || d < n->distance)) {
        n->best = name;
        n->distance = d;
    }
}
