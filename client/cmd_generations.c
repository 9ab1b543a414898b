/* floe generations list|history|switch|rollback: all from the local branch; a switch needs a push to be seen
 * by others. */
#include "client/cmd.h"

#include "client/checkout.h"
#include "client/gentree.h"
#include "client/print.h"
#include "client/say.h"
#include "common/ceilings.h"
#include "common/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static fh_err open_any(struct client *c, struct fh_cli *cli, struct floxdir *d, struct floxmeta *m,
                       struct fh_error *e)
{
    const char *ref;
    FH_TRY(cmd_reference(c, cli, &ref, e));
    if (ref != NULL)
        return cmd_open_reference(c, ref, d, m, e);
    FH_TRY(floxdir_find(c, cli, false, d, e));
    if (!d->is_managed)
        return FH_FAIL(
            e, FH_INVALID,
            "Generations are only available for environments pushed to FloxHub.\nThe environment %s is a "
            "local only environment.",
            d->title);
    return cmd_open_managed(c, d, m, e);
}

static fh_err open_history(struct client *c, struct fh_cli *cli, struct floxdir *d, struct floxmeta *m,
                           const struct fh_metadata **out, struct fh_error *e)
{
    gitobj_id upstream;
    FH_TRY(open_any(c, cli, d, m, e));
    if (!fh_cli_flag(cli, "upstream"))
        return floxmeta_history(m, m->here, out, e);
    FH_TRY(gitobj_branch(m->objects, m->name, upstream, e));
    return floxmeta_history(m, upstream, out, e);
}

static json_t *time_json(int64_t when)
{
    time_t t = (time_t)when;
    struct tm parts;
    char text[64];
    if (gmtime_r(&t, &parts) == NULL || strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
        return json_null();
    return fh_json_text(text);
}

/* flox's form: an object with the numbers as keys, the oldest first. */
static json_t *generations_json(struct client *c, const struct fh_generation *all, size_t n)
{
    json_t *list = json_object();
    for (size_t i = n; i-- > 0;) {
        const struct fh_generation *g = &all[i];
        json_t *o = json_object();
        const char *parent = fh_sprintf(c->arena, "%lld", (long long)g->parent);
        fh_json_set(o, "parent", g->parent > 0 ? fh_json_text(parent) : json_null());
        fh_json_set(o, "created", time_json(g->created));
        fh_json_set(o, "last_live", g->last_live > 0 ? time_json(g->last_live) : json_null());
        fh_json_set(o, "description", fh_json_text(g->description));
        fh_json_set(list, fh_sprintf(c->arena, "%lld", (long long)g->number), o);
    }
    return list;
}

static int print_tree(struct client *c, const struct fh_generation *all, size_t n)
{
    struct fh_buf text = FH_BUF_INIT(64 * 1024 * 1024);
    fh_err rc = gentree_draw(c->arena, all, n, fh_term_colour(STDOUT_FILENO), &text, &c->e);
    if (rc == FH_OK)
        fwrite(text.data != NULL ? text.data : "", 1, text.len, stdout);
    fh_buf_free(&text);
    return rc == FH_OK ? 0 : say_fail(&c->e);
}

int cmd_generations_list(struct fh_cli *cli)
{
    struct client *c = client_begin(cli);
    struct floxdir d;
    struct floxmeta m = {.lock_fd = -1};
    const struct fh_metadata *history;
    size_t n;
    if (c == NULL)
        return 1;
    if (open_history(c, cli, &d, &m, &history, &c->e) != FH_OK)
        return say_fail(&c->e);
    const struct fh_generation *all = fh_metadata_generations(c->arena, history, &n);
    if (fh_cli_flag(cli, "json"))
        return print_json(c, fh_json_own(c->arena, generations_json(c, all, n)));
    if (fh_cli_flag(cli, "tree"))
        return print_tree(c, all, n);
    bool colour = fh_term_colour(STDOUT_FILENO);
    for (size_t i = 0; i < n; i++) {
        const struct fh_generation *g = &all[i];
        printf("%s%sGeneration:  %lld%s%s\nDescription: %s\nCreated:     %s\n", i > 0 ? "\n" : "",
               colour ? "\033[1m" : "", (long long)g->number, g->is_live ? " (live)" : "",
               colour ? "\033[0m" : "", say_safe(c->arena, g->description),
               gentree_time(c->arena, g->created));
        if (g->is_live)
            printf("Last Live:   Now\n");
        else if (g->last_live > 0)
            printf("Last Live:   %s\n", gentree_time(c->arena, g->last_live));
    }
    return 0;
}

int cmd_generations_history(struct fh_cli *cli)
{
    struct client *c = client_begin(cli);
    struct floxdir d;
    struct floxmeta m = {.lock_fd = -1};
    const struct fh_metadata *history;
    if (c == NULL)
        return 1;
    if (open_history(c, cli, &d, &m, &history, &c->e) != FH_OK)
        return say_fail(&c->e);
    if (fh_cli_flag(cli, "json"))
        return print_json(c, json_object_get(history->json, "history"));
    bool colour = fh_term_colour(STDOUT_FILENO);
    for (size_t i = history->nchanges; i-- > 0;) {
        const struct fh_change *change = &history->changes[i];
        const char *command = "";
        for (size_t k = 0; k < change->ncommand; k++)
            command = fh_sprintf(c->arena, "%s%s%s", command, k > 0 ? " " : "", change->command[k]);
        printf("%s%sDate:       %s%s\nAuthor:     %s\nHost:       %s\nGeneration: %lld\n",
               i + 1 < history->nchanges ? "\n" : "", colour ? "\033[1m" : "",
               gentree_time(c->arena, change->timestamp), colour ? "\033[0m" : "",
               say_safe(c->arena, change->author), say_safe(c->arena, change->hostname),
               (long long)change->current);
        if (change->has_command)
            printf("Command:    %s\n", say_safe(c->arena, command));
        printf("Summary:    %s\n", say_safe(c->arena, fh_change_text(c->arena, change)));
    }
    return 0;
}

static int switch_to(struct client *c, struct floxdir *d, struct floxmeta *m, int64_t wanted)
{
    struct fh_error *e = &c->e;
    const struct fh_change change = {.kind = FH_CHANGE_SWITCH, .current = wanted};
    struct floxdir_files live;
    gitobj_id commit;
    bool edited;
    if (floxmeta_is_edited(m, d, &edited, e) != FH_OK)
        return say_fail(e);
    if (edited)
        return cmd_say_unsynced("");
    if (floxmeta_commit(m, m->here, &change, NULL, commit, e) != FH_OK ||
        floxmeta_live_files(m, commit, &live, e) != FH_OK ||
        checkout_move(m, d, commit, m->pin.rev, &live, e) != FH_OK)
        return say_fail(e);
    say_done("Switched to generation %lld", (long long)wanted);
    return 0;
}

int cmd_generations_switch(struct fh_cli *cli)
{
    struct client *c = client_begin(cli);
    struct floxdir d;
    struct floxmeta m = {.lock_fd = -1};
    char *end;
    long long wanted = strtoll(cli->args[0], &end, 10);
    if (c == NULL)
        return 1;
    if (*end != '\0' || wanted <= 0)
        return fh_cli_usage(cli, "'%s' is not the number of a generation.", cli->args[0]);
    return open_any(c, cli, &d, &m, &c->e) == FH_OK ? switch_to(c, &d, &m, wanted) : say_fail(&c->e);
}

int cmd_generations_rollback(struct fh_cli *cli)
{
    struct client *c = client_begin(cli);
    struct floxdir d;
    struct floxmeta m = {.lock_fd = -1};
    const struct fh_metadata *history;
    int64_t wanted;
    if (c == NULL)
        return 1;
    if (open_any(c, cli, &d, &m, &c->e) != FH_OK || floxmeta_history(&m, m.here, &history, &c->e) != FH_OK ||
        fh_metadata_rollback(c->arena, history, &wanted, &c->e) != FH_OK)
        return say_fail(&c->e);
    return switch_to(c, &d, &m, wanted);
}
