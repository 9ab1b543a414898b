/* A package as it is typed: reading it ends; what is read goes into a manifest as one valid package of that
 * id and path, and out of it again without a trace. */
#include "client/pkgedit.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char before[] = "schema-version = \"1.15.0\"\n[install] # i\na.pkg-path = 'a'\n# b\n[vars]\n";

static void must(bool true_fact)
{
    if (!true_fact)
        abort();
}

static void try_spec(struct fh_arena *a, const struct pkgspec *spec)
{
    struct pkgedit ed = {.arena = a, .text = before, .n = sizeof before - 1};
    struct fh_error e;
    const struct fh_manifest *m;
    if (strcmp(spec->id, "a") == 0 || pkgedit_add(&ed, spec, &e) != FH_OK)
        return;
    must(fh_manifest_parse(a, ed.text, ed.n, "m", &m, &e) == FH_OK && m->npackages == 2);
    const struct fh_manifest_package *p = &m->packages[strcmp(m->packages[0].id, "a") == 0];
    must(strcmp(p->id, spec->id) == 0 && strcmp(p->path, spec->path) == 0 && p->kind == spec->kind);
    must(p->outputs == spec->outputs && p->output_names.count == spec->output_names.count);
    must(!spec->version == !p->version && (!spec->version || strcmp(p->version, spec->version) == 0));
    must(pkgedit_remove(&ed, spec->id, &e) == FH_OK);
    must(ed.n == sizeof before - 1 && memcmp(ed.text, before, ed.n) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fh_arena *a = fh_arena_new();
    struct fh_error e;
    struct pkgspec spec;
    const char *word = fh_strndup(a, (const char *)data, strnlen((const char *)data, size));
    if (pkgspec_parse(a, word, &spec, &e) == FH_OK && spec.kind != FH_PACKAGE_FLAKE)
        try_spec(a, &spec);
    fh_arena_free(a);
    return 0;
}
