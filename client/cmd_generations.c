/* floe generations list|history|switch|rollback: all from the local branch; a switch needs a push to be seen
 * by others. */
#include "client/cmd.h"

#include "client/say.h"
#include "common/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static fh_err open_any(struct client *c, struct fh_cli *cli, struct floxdir *d, struct floxmeta *m,
                       struct fh_error *e)
{
    const char *ref = fh_cli_value(cli, "reference");
    if (ref != NULL)
        return cmd_open_reference(c, ref, d, m, e);
    FH_TRY(floxdir_find(c, cli, false, d, e));
    if (!d->is_managed)
        return FH_FAIL(
            e, FH_INVALID,
            "Generations are only available for environments pushed to FloxHub. The environment %s is a "
            "local environment.",
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

static const char *utc(int64_t when, char out[64])
{
    time_t t = (time_t)when;
    struct tm parts;
    if (gmtime_r(&t, &parts) == NULL || strftime(out, 64, "%Y-%m-%d %H:%M:%S UTC", &parts) == 0)
        return "unknown";
    return out;
}

static int print_json(struct client *c, json_t *take_list)
{
    struct fh_buf text = FH_BUF_INIT(64 * 1024 * 1024);
    fh_err rc = fh_json_write_pretty(take_list, &text, &c->e);
    if (rc == FH_OK)
        puts(text.data);
    fh_buf_free(&text);
    json_decref(take_list);
    return rc == FH_OK ? 0 : say_fail(&c->e);
}

static json_t *generation_json(const struct fh_generation *g)
{
    json_t *o = json_object();
    fh_json_set(o, "generation", json_integer(g->number));
    fh_json_set(o, "live", json_boolean(g->is_live));
    fh_json_set(o, "description", fh_json_text(g->description));
    fh_json_set(o, "created", json_integer(g->created));
    fh_json_set(o, "last_live", g->last_live > 0 ? json_integer(g->last_live) : json_null());
    fh_json_set(o, "parent", g->parent > 0 ? json_integer(g->parent) : json_null());
    return o;
}

int cmd_generations_list(struct fh_cli *cli)
{
    struct client *c = client_begin(cli);
    struct floxdir d;
    struct floxmeta m = {.lock_fd = -1};
    const struct fh_metadata *history;
    char created[64], last[64];
    size_t n;
    if (c == NULL)
        return 1;
    if (open_history(c, cli, &d, &m, &history, &c->e) != FH_OK)
        return say_fail(&c->e);
    const struct fh_generation *all = fh_metadata_generations(c->arena, history, &n);
    json_t *list = fh_cli_flag(cli, "json") ? json_array() : NULL;
    for (size_t i = 0; i < n; i++) {
        const struct fh_generation *g = &all[i];
        if (list != NULL) {
            fh_json_push(list, generation_json(g));
            continue;
        }
        printf("%sGeneration:  %lld%s\nDescription: %s\nCreated:     %s\n", i > 0 ? "\n" : "",
               (long long)g->number, g->is_live ? " (live)" : "", say_safe(c->arena, g->description),
               utc(g->created, created));
        if (g->is_live)
            printf("Last Live:   Now\n");
        else if (g->last_live > 0)
            printf("Last Live:   %s\n", utc(g->last_live, last));
    }
    return list != NULL ? print_json(c, list) : 0;
}

int cmd_generations_history(struct fh_cli *cli)
{
    struct client *c = client_begin(cli);
    struct floxdir d;
    struct floxmeta m = {.lock_fd = -1};
    const struct fh_metadata *history;
    char date[64];
    if (c == NULL)
        return 1;
    if (open_history(c, cli, &d, &m, &history, &c->e) != FH_OK)
        return say_fail(&c->e);
    if (fh_cli_flag(cli, "json"))
        return print_json(c, json_deep_copy(json_object_get(history->json, "history")));
    for (size_t i = history->nchanges; i-- > 0;) {
        const struct fh_change *change = &history->changes[i];
        const char *command = "";
        for (size_t k = 0; k < change->ncommand; k++)
            command = fh_sprintf(c->arena, "%s%s%s", command, k > 0 ? " " : "", change->command[k]);
        printf("%sDate:       %s\nAuthor:     %s\nHost:       %s\nGeneration: %lld\n",
               i + 1 < history->nchanges ? "\n" : "", utc(change->timestamp, date),
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
        return say_error(
            "Your environment has changes that are not yet synced to a generation.\n\n"
            "To resolve this issue, run either\n"
            "* 'floe edit --sync' to commit your local changes to a new generation\n"
            "* 'floe edit --reset' to discard your local changes and reset to the latest generation");
    if (floxmeta_commit(m, m->here, &change, NULL, commit, e) != FH_OK ||
        floxmeta_live_files(m, commit, &live, e) != FH_OK ||
        floxmeta_move(m, d->path, commit, m->pin.rev, e) != FH_OK ||
        floxdir_write(d->path, &live, e) != FH_OK)
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
