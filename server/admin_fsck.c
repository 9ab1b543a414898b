/* floe-server fsck: every owner, and the hub's own rows. The work is in git/wire_verify.h and store/check.h.
 */
#include "server/admin_upkeep.h"

#include "server/git/wire_verify.h"
#include "server/store/check.h"

#include <jansson.h>

struct fsck {
    bool deep, sound;
    struct wire_verified result;
    struct store_faults hub;
    size_t nowners;
};

static fh_err check_hub(struct db_conn *c, void *arg, struct fh_error *e)
{
    struct admin *a = arg;
    struct fsck *f = a->arg;
    return store_check_hub(c, a->arena, &f->hub, e);
}

/* A fault of the hub's own rows counts when a second look finds it too. */
static fh_err look_at_hub(struct admin *a, struct fsck *f, struct fh_error *e)
{
    FH_TRY(admin_read(a, check_hub, e));
    struct store_faults first = f->hub;
    if (first.n == 0)
        return FH_OK;
    FH_TRY(admin_read(a, check_hub, e));
    for (size_t i = 0; i < f->hub.n; i++)
        for (size_t k = 0; k < first.n; k++)
            if (strcmp(first.items[k].object, f->hub.items[i].object) == 0 &&
                strcmp(first.items[k].text, f->hub.items[i].text) == 0) {
                struct wire_finding found = {.kind = f->hub.items[i].kind,
                                             .object = f->hub.items[i].object,
                                             .text = f->hub.items[i].text};
                wire_verified_add(a->arena, &f->result, &found);
                break;
            }
    return FH_OK;
}

static fh_err look_at_owners(struct admin *a, struct fsck *f, struct fh_error *e)
{
    struct admin_stages stages = {0};
    struct store_owner *owners;
    const struct wire_verify v = {.pool = a->pool,
                                  .data = a->config->data,
                                  .deep = f->deep,
                                  .ref_log_days = (int)a->config->ref_log_days};
    FH_TRY(admin_owners(a, &owners, &f->nowners, e));
    fh_err rc = FH_OK;
    for (size_t i = 0; rc == FH_OK && i < f->nowners; i++) {
        admin_stage(&stages, "Checking owners", (int64_t)i, (int64_t)f->nowners);
        rc = wire_verify_owner(&v, owners[i].handle, a->arena, &f->result, e);
        if (rc == FH_NOT_FOUND)
            rc = FH_OK; /* renamed or removed since they were listed */
    }
    admin_stages_end(&stages);
    return rc;
}

static fh_err look(struct admin *a, struct fsck *f, struct fh_error *e)
{
    void *arg = a->arg;
    a->arg = f;
    FH_TRY(admin_become_service(a, e));
    fh_err rc = look_at_hub(a, f, e);
    if (rc == FH_OK)
        rc = look_at_owners(a, f, e);
    admin_become_caller();
    a->arg = arg;
    f->sound = true;
    for (size_t i = 0; i < f->result.n; i++)
        f->sound = f->sound && f->result.findings[i].is_note;
    return rc;
}

static void print_text(struct admin *a, const struct fsck *f)
{
    size_t faults = 0;
    for (size_t i = 0; i < f->result.n; i++) {
        const struct wire_finding *found = &f->result.findings[i];
        char *safe = fh_term_safe(fh_sprintf(a->arena, "%s: %s", found->object, found->text));
        printf("%s %s\n", found->is_note ? "note: " : "fault:", safe);
        free(safe);
        faults += !found->is_note;
    }
    fflush(stdout);
    const char *objects = f->deep ? fh_sprintf(a->arena, ", %zu objects", f->result.objects) : "";
    const char *verdict = faults == 0   ? "no faults"
                          : faults == 1 ? "1 fault"
                                        : fh_sprintf(a->arena, "%zu faults", faults);
    admin_say("%zu owners, %zu environments, %zu packs (%s)%s: %s.", f->nowners, f->result.environments,
              f->result.packs, admin_size(a, f->result.bytes), objects, verdict);
}

static fh_err print_json(const struct fsck *f, struct fh_error *e)
{
    json_t *lists[2] = {json_array(), json_array()};
    for (size_t i = 0; i < f->result.n; i++) {
        const struct wire_finding *found = &f->result.findings[i];
        json_array_append_new(lists[found->is_note], json_pack("{s:s, s:s, s:s}", "kind", found->kind,
                                                               "object", found->object, "text", found->text));
    }
    json_t *top = json_pack("{s:I, s:I, s:I, s:I}", "owners", (json_int_t)f->nowners, "environments",
                            (json_int_t)f->result.environments, "packs", (json_int_t)f->result.packs,
                            "pack_bytes", (json_int_t)f->result.bytes);
    if (f->deep)
        json_object_set_new(top, "objects", json_integer((json_int_t)f->result.objects));
    json_object_set_new(top, "faults", lists[0]);
    json_object_set_new(top, "notes", lists[1]);
    return admin_print_json(top, e);
}

fh_err admin_fsck_print(struct admin *a, bool deep, bool *sound, struct fh_error *e)
{
    struct fsck f = {.deep = deep};
    FH_TRY(look(a, &f, e));
    print_text(a, &f);
    *sound = f.sound;
    return FH_OK;
}

static fh_err fsck(struct admin *a, struct fh_error *e)
{
    struct fsck *f = a->arg;
    FH_TRY(look(a, f, e));
    if (admin_wants_json(a))
        return print_json(f, e);
    print_text(a, f);
    return FH_OK;
}

static int run_fsck(struct fh_cli *cli)
{
    struct fsck f = {.deep = fh_cli_flag(cli, "deep")};
    int status = admin_run(cli, ADMIN_READY, fsck, &f);
    return status == 0 && !f.sound ? 1 : status;
}

static const struct fh_opt fsck_opts[] = {
    {.name = "deep",
     .kind = FH_OPT_FLAG,
     .help = "Also inflate, hash and check every object that an environment has."},
    ADMIN_JSON_OPT,
    {0}};

const struct fh_verb admin_fsck_verbs[] = {{.path = "fsck",
                                            .summary = "Check that what is stored is whole.",
                                            .text = "Looks at every environment's tip and log, at every pack "
                                                    "and index in the database byte by byte, at the "
                                                    "generations on record, at members and tokens; may run "
                                                    "while the hub does. A \"fault\" is something the hub "
                                                    "would not have written itself; the exit status is then "
                                                    "1. A \"note\" is about this node's copy of the "
                                                    "repositories, which the hub makes again from the "
                                                    "database: changes made there by hand, for instance.",
                                            .opts = fsck_opts,
                                            .run = run_fsck},
                                           {0}};
