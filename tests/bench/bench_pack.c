/* What listing and writing cost beside git, for the first clone of 100 generations and the fetch of one.
 * Built on demand, see tests/CMakeLists.txt: the numbers are for whoever changes the walk, the plan or the
 * reader. */
#include "../unit/gitbox.h"

#include "common/clock.h"

enum { ROUNDS = 100 };

static fh_err count_bytes(void *arg, const void *bytes, size_t n, struct fh_error *e)
{
    (void)bytes;
    (void)e;
    *(size_t *)arg += n;
    return FH_OK;
}

static double cpu_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void run(const char *what, struct wire_packs *packs, const struct fh_oid *want,
                const struct fh_oid *have, struct wire_deltas *deltas, int rounds)
{
    double list_ms = 0, write_ms = 0;
    size_t bytes = 0, objects = 0;
    for (int i = 0; i < rounds; i++) {
        struct wire_list list;
        struct wire_write_options options = {.ofs_delta = true, .deltas = deltas};
        double start = cpu_ms();
        struct wire_reader *r = wire_reader_new(packs);
        assert_ok(wire_walk_list(r, want, 1, have, have ? 1 : 0, 100000, &list, &e));
        double listed = cpu_ms();
        bytes = 0;
        assert_ok(wire_write_pack(r, &list, &options, count_bytes, &bytes, NULL, &e));
        objects = list.n;
        wire_list_free(&list);
        wire_reader_free(r);
        list_ms += listed - start;
        write_ms += cpu_ms() - listed;
    }
    printf("%-34s list %6.2f ms  write %6.2f ms  %5zu objects %7zu bytes\n", what, list_ms / rounds,
           write_ms / rounds, objects, bytes);
}

/* The push of the last generation upon the others: unchanged places alone, and with an old blob at a new one.
 */
static void check_time(const char *what, const char *objects, const char *tip)
{
    struct fh_oid new_tip = box_oid(tip), readable[1] = {box_oid("web~1")};
    box_run("rm -rf in base && mkdir in base && git rev-list --objects --no-object-names web~1 | git "
            "pack-objects "
            "-q base/pack >/dev/null && (%s) | git pack-objects -q in/pack >/dev/null",
            objects);
    struct wire_packs *base = box_packs("base/*.pack", NULL), *both = box_packs("in/*.pack", base);
    double start = cpu_ms();
    for (int i = 0; i < ROUNDS; i++) {
        struct wire_reader *r = wire_reader_new(both);
        assert_ok(wire_walk_check_push(r, &new_tip, readable, 1, &e));
        wire_reader_free(r);
    }
    printf("%-34s %.3f ms\n", what, (cpu_ms() - start) / ROUNDS);
    wire_packs_drop(base);
    wire_packs_drop(both);
}

static void git_time(const char *revs)
{
    int64_t start = fh_ticks_us();
    for (int i = 0; i < 20; i++)
        box_run("printf '%%s\\n' %s | git pack-objects --revs --stdout --delta-base-offset -q >/dev/null",
                revs);
    printf("%-34s %.2f ms\n", "  git pack-objects (and its start)", (double)(fh_ticks_us() - start) / 20000);
}

int main(void)
{
    box_open();
    box_generations("web", 100, 7);
    box_push_packs("web");
    struct fh_oid tip = box_oid("web"), parent = box_oid("web~1");
    struct wire_packs *pushed = box_packs("pushed/*.pack", NULL);
    struct wire_deltas *deltas = wire_deltas_new(32 << 20);
    run("clone, 100 packs, nothing known", pushed, &tip, NULL, deltas, 1);
    run("clone, 100 packs, deltas known", pushed, &tip, NULL, deltas, ROUNDS);
    run("fetch of one, 100 packs", pushed, &tip, &parent, deltas, ROUNDS);
    box_run("git repack -adq");
    struct wire_packs *packed = box_packs(".git/objects/pack/*.pack", NULL);
    run("clone, one pack", packed, &tip, NULL, deltas, ROUNDS);
    git_time("web");
    run("fetch of one, one pack", packed, &tip, &parent, deltas, ROUNDS);
    git_time("web ^web~1");
    check_time("check of a push", "git rev-list --objects --no-object-names web ^web~1", "web");
    box_run("git checkout -qf web~1 && mkdir -p 100/env && cp 7/env/manifest.toml 100/env/ && echo "
            ">100/env/manifest.lock && "
            "git add 100 && git commit -qm x && git branch moved");
    check_time("check of one that moved a blob",
               "git rev-parse moved moved^{tree} moved:100 moved:100/env moved:100/env/manifest.lock",
               "moved");
    wire_packs_drop(pushed);
    wire_packs_drop(packed);
    wire_deltas_free(deltas);
    box_close();
    return 0;
}
