/* Advertisements. See wire_adv.h. */
#include "server/git/wire_adv.h"

#include "common/pkt.h"

#define AGENT "agent=floe/" FLOE_VERSION

/* No shallow, filter, wait-for-done, sideband-all: what is not offered, git does not ask. */
#define UPLOAD_CAPABILITIES                                                                                  \
    "multi_ack_detailed no-done side-band-64k ofs-delta no-progress object-format=sha1 " AGENT
/* no-thin: each push is then a pack complete in itself. No delete-refs, atomic or push-options. */
#define RECEIVE_CAPABILITIES                                                                                 \
    "report-status report-status-v2 side-band-64k quiet ofs-delta no-thin object-format=sha1 " AGENT

fh_err wire_adv_v2(struct fh_buf *out, struct fh_error *e)
{
    static const char *const lines[] = {
        "version 2\n", AGENT "\n", "ls-refs=unborn\n", "fetch\n", "object-format=sha1\n",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        FH_TRY(fh_pkt_addf(out, e, "%s", lines[i]));
    return fh_pkt_add_flush(out, e);
}

/* One line of a version 0 advertisement; capabilities stand behind a NUL on the first one. */
static fh_err add_ref(const char *oid, const char *ref, const char *capabilities, struct fh_buf *out,
                      struct fh_error *e)
{
    return capabilities ? fh_pkt_addf(out, e, "%s %s%c%s\n", oid, ref, '\0', capabilities)
                        : fh_pkt_addf(out, e, "%s %s\n", oid, ref);
}

static fh_err add_refs(const struct wire_view *v, const bool *shown, const char *capabilities,
                       struct fh_buf *out, bool *any, struct fh_error *e)
{
    const struct store_repo *repo = v->snapshot ? &v->snapshot->repo : NULL;
    for (size_t i = 0; repo && i < repo->nenvs; i++) {
        char hex[FH_OID_HEX + 1], ref[sizeof "refs/heads/" + 256];
        if (!shown[i])
            continue;
        fh_oid_format(&repo->envs[i].tip, hex);
        snprintf(ref, sizeof ref, "refs/heads/%s", repo->envs[i].name);
        FH_TRY(add_ref(hex, ref, *any ? NULL : capabilities, out, e));
        *any = true;
    }
    return FH_OK;
}

/* The official client names its branch; HEAD is for people who clone by hand, and for libgit2, which fails to
 * clone a branch by name where there is none. */
static fh_err add_head(const struct wire_view *v, struct fh_buf *out, bool *any, struct fh_error *e)
{
    const struct store_env *head = wire_view_head(v);
    char hex[FH_OID_HEX + 1], capabilities[sizeof UPLOAD_CAPABILITIES + 300];
    if (!head)
        return FH_OK;
    fh_oid_format(&head->tip, hex);
    snprintf(capabilities, sizeof capabilities, "%s symref=HEAD:refs/heads/%s", UPLOAD_CAPABILITIES,
             head->name);
    *any = true;
    return add_ref(hex, "HEAD", capabilities, out, e);
}

fh_err wire_adv_upload(const struct wire_view *v, struct fh_buf *out, struct fh_error *e)
{
    bool any = false;
    FH_TRY(fh_pkt_addf(out, e, "# service=git-upload-pack\n"));
    FH_TRY(fh_pkt_add_flush(out, e));
    FH_TRY(add_head(v, out, &any, e));
    FH_TRY(add_refs(v, v->listed, UPLOAD_CAPABILITIES, out, &any, e));
    return fh_pkt_add_flush(out, e);
}

fh_err wire_adv_receive(const struct wire_view *v, struct fh_buf *out, struct fh_error *e)
{
    static const char none[] = "0000000000000000000000000000000000000000";
    bool any = false;
    FH_TRY(fh_pkt_addf(out, e, "# service=git-receive-pack\n"));
    FH_TRY(fh_pkt_add_flush(out, e));
    FH_TRY(add_refs(v, v->readable, RECEIVE_CAPABILITIES, out, &any, e));
    if (!any)
        FH_TRY(add_ref(none, "capabilities^{}", RECEIVE_CAPABILITIES, out, e));
    return fh_pkt_add_flush(out, e);
}

/* A listed ref is shown when a prefix matches, or none was given; an unlisted one only when it was named in
 * full, to those who know its name. */
static bool is_asked_for(const struct wire_ls_refs *request, const char *ref, bool listed)
{
    if (listed && (request->nprefixes == 0 || request->too_many))
        return true;
    for (size_t i = 0; i < request->nprefixes; i++) {
        const char *prefix = request->prefixes[i];
        if (listed ? strncmp(ref, prefix, strlen(prefix)) == 0 : strcmp(ref, prefix) == 0)
            return true;
    }
    return false;
}

static fh_err list_head(const struct wire_view *v, const struct wire_ls_refs *request, struct fh_buf *out,
                        struct fh_error *e)
{
    const struct store_env *head = wire_view_head(v);
    char hex[FH_OID_HEX + 1];
    if (!head || !is_asked_for(request, "HEAD", true))
        return FH_OK;
    fh_oid_format(&head->tip, hex);
    return request->symrefs ? fh_pkt_addf(out, e, "%s HEAD symref-target:refs/heads/%s\n", hex, head->name)
                            : fh_pkt_addf(out, e, "%s HEAD\n", hex);
}

fh_err wire_adv_ls_refs(const struct wire_view *v, const struct wire_ls_refs *request, struct fh_buf *out,
                        struct fh_error *e)
{
    const struct store_repo *repo = v->snapshot ? &v->snapshot->repo : NULL;
    FH_TRY(list_head(v, request, out, e));
    for (size_t i = 0; repo && i < repo->nenvs; i++) {
        char hex[FH_OID_HEX + 1], ref[sizeof "refs/heads/" + 256];
        if (!v->readable[i])
            continue;
        snprintf(ref, sizeof ref, "refs/heads/%s", repo->envs[i].name);
        if (!is_asked_for(request, ref, v->listed[i]))
            continue;
        fh_oid_format(&repo->envs[i].tip, hex);
        FH_TRY(fh_pkt_addf(out, e, "%s %s\n", hex, ref));
    }
    return fh_pkt_add_flush(out, e);
}
