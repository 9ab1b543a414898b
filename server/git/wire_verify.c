/* fsck of one owner. See wire_verify.h; wire_verify_packs.c looks at the packs. */
#include "server/git/wire_verify.h"

#include "common/clock.h"
#include "server/git/wire_materialise.h"
#include "server/git/wire_meta.h"
#include "server/git/wire_verify_packs.h"
#include "server/git/wire_walk.h"
#include "server/store/check.h"

#include <inttypes.h>

void wire_verified_add(struct fh_arena *a, struct wire_verified *v, const struct wire_finding *finding)
{
    if (v->n == v->cap) {
        size_t cap = v->cap ? v->cap * 2 : 16;
        struct wire_finding *items = fh_alloc(a, cap * sizeof *items);
        if (v->n)
            memcpy(items, v->findings, v->n * sizeof *items);
        v->findings = items;
        v->cap = cap;
    }
    v->findings[v->n++] = *finding;
}

void wire_pass_fault(struct wire_pass *p, const char *kind, const char *object, const char *fmt, ...)
{
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    size_t n = strlen(text);
    if (n && text[n - 1] == '.')
        text[n - 1] = '\0';
    struct wire_finding f = {.is_note = strcmp(kind, "node") == 0,
                             .kind = kind,
                             .object = object,
                             .text = fh_strdup(p->arena, text)};
    wire_verified_add(p->arena, &p->found, &f);
}

static fh_err check_rows(struct db_conn *c, void *arg, struct fh_error *e)
{
    struct wire_pass *p = arg;
    struct store_faults faults;
    FH_TRY(store_repo_load(c, p->arena, p->owner, &p->repo, e));
    FH_TRY(store_check_owner(c, p->arena, p->repo.owner.id, &faults, e));
    int64_t since = fh_now() - (int64_t)p->v->ref_log_days * 86400;
    /* An hour less than it is kept: gc may be taking out what has just grown too old. */
    FH_TRY(store_ref_log_roots(c, p->arena, p->repo.owner.id, since + 3600, &p->logged, &p->nlogged, e));
    p->found.n = 0; /* db_read may call twice */
    for (size_t i = 0; i < faults.n; i++)
        wire_pass_fault(p, faults.items[i].kind, faults.items[i].object, "%s", faults.items[i].text);
    return FH_OK;
}

static const char *env_name(const struct wire_pass *p, const struct store_env *env)
{
    return fh_sprintf(p->arena, "%s/%s", p->repo.owner.handle, env->name);
}

static void check_generations(struct wire_pass *p, struct wire_reader *r, const struct store_env *env)
{
    struct store_generations g;
    struct fh_error why = {0};
    if (wire_meta_read_kept(p->arena, r, &env->tip, &g, &why) != FH_OK) {
        wire_pass_fault(p, "object", env_name(p, env), "its metadata.json cannot be read: %s", why.msg);
        return;
    }
    if (g.broken != (env->generations < 0))
        wire_pass_fault(p, "generations", env_name(p, env),
                        "its metadata.json is %s, and the rows say otherwise", g.broken ? "broken" : "sound");
    else if (!g.broken && (g.total != env->generations || g.live != env->live))
        wire_pass_fault(p, "generations", env_name(p, env),
                        "its metadata.json has %" PRId64 " generations, %" PRId64
                        " live, and the rows say %" PRId64 ", %" PRId64 " live",
                        g.total, g.live, env->generations, env->live);
}

static bool check_tip(struct wire_pass *p, struct wire_reader *r, const struct store_env *env)
{
    char hex[FH_OID_HEX + 1];
    enum wire_type type;
    uint64_t size;
    struct fh_error why = {0};
    fh_oid_format(&env->tip, hex);
    if (!wire_packs_has(p->packs, &env->tip))
        wire_pass_fault(p, "tip", env_name(p, env), "its tip %s is in no sound pack", hex);
    else if (wire_read_header(r, &env->tip, &type, &size, &why) != FH_OK)
        wire_pass_fault(p, "tip", env_name(p, env), "its tip %s cannot be read: %s", hex, why.msg);
    else if (type != WIRE_COMMIT)
        wire_pass_fault(p, "tip", env_name(p, env), "its tip %s is no commit", hex);
    else
        return true;
    return false;
}

/* All at once, since environments share objects; one by one when something is wrong, to tell whose it is. */
static void check_deep(struct wire_pass *p, struct wire_reader *r, const struct store_env *const *envs,
                       size_t n)
{
    struct fh_oid *tips = fh_alloc(p->arena, (n + 1) * sizeof *tips);
    struct fh_error why = {0};
    size_t objects = 0;
    for (size_t i = 0; i < n; i++)
        tips[i] = envs[i]->tip;
    if (n == 0)
        return;
    if (wire_walk_verify(r, tips, n, &objects, &why) == FH_OK) {
        p->found.objects += objects;
        return;
    }
    for (size_t i = 0; i < n; i++) {
        if (wire_walk_verify(r, &tips[i], 1, &objects, &why) != FH_OK)
            wire_pass_fault(p, "object", env_name(p, envs[i]), "%s", why.msg);
        else
            p->found.objects += objects;
    }
}

static void check_tips(struct wire_pass *p)
{
    struct wire_reader *r = wire_reader_new(p->packs);
    const struct store_env **sound = fh_alloc(p->arena, (p->repo.nenvs + 1) * sizeof *sound);
    size_t n = 0;
    char hex[FH_OID_HEX + 1];
    for (size_t i = 0; i < p->repo.nenvs; i++)
        if (check_tip(p, r, &p->repo.envs[i])) {
            check_generations(p, r, &p->repo.envs[i]);
            sound[n++] = &p->repo.envs[i];
        }
    for (size_t i = 0; i < p->nlogged; i++)
        if (!wire_packs_has(p->packs, &p->logged[i])) {
            fh_oid_format(&p->logged[i], hex);
            wire_pass_fault(p, "ref-log", p->repo.owner.handle,
                            "its ref log has %s to go back to, which is in no sound pack", hex);
        }
    if (p->v->deep)
        check_deep(p, r, sound, n);
    wire_reader_free(r);
}

static void on_report(void *arg, const char *sentence)
{
    struct wire_pass *p = arg;
    const char *clause = strstr(sentence, ": ");
    wire_pass_fault(p, "node", p->repo.owner.handle, "%s", clause ? clause + 2 : sentence);
}

static fh_err pass(struct wire_pass *p, struct fh_error *e)
{
    FH_TRY(db_read(p->v->pool, check_rows, p, e));
    FH_TRY(wire_scratch_in_data(&p->scratch, p->v->data, "fsck", e));
    fh_err rc = wire_verify_packs(p, e);
    if (rc == FH_OK)
        check_tips(p);
    if (rc == FH_OK)
        rc = wire_materialise_check(p->v->data, &p->repo, on_report, p, e);
    if (rc == FH_OK)
        wire_verify_node_packs(p);
    p->found.environments += p->repo.nenvs;
    wire_packs_drop(p->packs);
    p->packs = NULL;
    wire_scratch_remove(&p->scratch);
    return rc;
}

static bool has_finding(const struct wire_verified *v, const struct wire_finding *f)
{
    for (size_t i = 0; i < v->n; i++)
        if (strcmp(v->findings[i].object, f->object) == 0 && strcmp(v->findings[i].text, f->text) == 0)
            return true;
    return false;
}

fh_err wire_verify_owner(const struct wire_verify *v, const char *owner, struct fh_arena *a,
                         struct wire_verified *out, struct fh_error *e)
{
    struct wire_pass first = {.v = v, .owner = owner, .arena = a}, second = first;
    const struct wire_pass *last = &first;
    FH_TRY(pass(&first, e));
    if (first.found.n) {
        FH_TRY(pass(&second, e));
        last = &second;
    }
    for (size_t i = 0; i < last->found.n; i++)
        if (has_finding(&first.found, &last->found.findings[i]))
            wire_verified_add(a, out, &last->found.findings[i]);
    out->environments += last->found.environments;
    out->packs += last->found.packs;
    out->objects += last->found.objects;
    out->bytes += last->found.bytes;
    return FH_OK;
}
