/* Packs made by git, read back byte for byte. */
#include "gitbox.h"

#include "common/ceilings.h"

#include <pthread.h>

static const char *type_name(enum wire_type type)
{
    return type == WIRE_COMMIT ? "commit" : type == WIRE_TREE ? "tree" : type == WIRE_BLOB ? "blob" : "tag";
}

struct tally {
    struct wire_reader *reader;
    struct fh_buf buf;
    size_t n;
};

/* That it hashes to its name is what says that it is byte-identical. */
static fh_err check_one(void *arg, const struct fh_oid *oid, const struct wire_place *place,
                        struct fh_error *e)
{
    struct tally *t = arg;
    enum wire_type type, again;
    uint64_t size;
    uint8_t hash[20];
    (void)place;
    FH_TRY(wire_read(t->reader, oid, &type, &t->buf, e));
    FH_TRY(wire_read_header(t->reader, oid, &again, &size, e));
    assert_int_equal(type, again);
    assert_int_equal(size, t->buf.len);
    mill_hash(type_name(type), t->buf.data, t->buf.len, hash);
    assert_memory_equal(hash, oid->id, 20);
    t->n++;
    return FH_OK;
}

static size_t check_all(struct wire_packs *packs)
{
    struct tally t = {.reader = wire_reader_new(packs), .buf = FH_BUF_INIT(FH_MAX_OBJECT)};
    assert_ok(wire_packs_each(packs, check_one, &t, &e));
    wire_reader_free(t.reader);
    fh_buf_free(&t.buf);
    return t.n;
}

static void assert_all_read_back(const char *repack)
{
    box_run("%s", repack);
    char *n = box_text("git cat-file --batch-all-objects --batch-check | wc -l");
    struct wire_packs *packs = box_packs(".git/objects/pack/*.pack", NULL);
    assert_int_equal(check_all(packs), strtoul(n, NULL, 10));
    assert_int_equal(wire_packs_count(packs), strtoul(n, NULL, 10));
    wire_packs_drop(packs);
    free(n);
}

static void every_object_of_packs_made_by_git_reads_back(void **state)
{
    (void)state;
    box_open();
    box_generations("web", 40, 5);
    box_generations("api", 20, 6);
    box_run("git tag -a -m note v1 web");
    assert_all_read_back("git repack -adq --depth=250 --window=30");
    assert_all_read_back("git -c repack.useDeltaBaseOffset=false repack -adfq --depth=50");
    assert_all_read_back("git -c pack.indexVersion=2 repack -adfq --max-pack-size=1m");
    box_close();
}

static void many_packs_read_as_one_set_and_know_what_is_new(void **state)
{
    (void)state;
    struct wire_packs *base, *both;
    box_open();
    box_generations("web", 30, 5);
    box_push_packs("web");
    base = box_packs("pushed/*.pack", NULL);
    struct fh_oid first = box_oid("web");
    box_run("rm -rf pushed && mkdir pushed");
    box_generations("api", 3, 9);
    box_push_packs("api");
    both = box_packs("pushed/*.pack", base);
    struct fh_oid second = box_oid("api");
    wire_packs_drop(base);
    box_run("rm -rf pushed"); /* what is mapped stays */
    assert_true(wire_packs_has(both, &first) && wire_packs_has(both, &second));
    assert_false(wire_packs_is_new(both, &first));
    assert_true(wire_packs_is_new(both, &second));
    assert_int_equal(check_all(both), wire_packs_count(both));
    wire_packs_drop(both);
    box_close();
}

static void a_path_below_a_commit_is_found(void **state)
{
    (void)state;
    box_open();
    box_generations("web", 12, 5);
    box_run("git repack -adq");
    struct wire_packs *packs = box_packs(".git/objects/pack/*.pack", NULL);
    struct wire_reader *r = wire_reader_new(packs);
    struct fh_oid tip = box_oid("web"), want = box_oid("web:11/env/manifest.lock"), got;
    struct fh_error e;
    assert_int_equal(wire_lookup_path(r, &tip, "11/env/manifest.lock", &got, &e), FH_OK);
    assert_memory_equal(got.id, want.id, 20);
    assert_int_equal(wire_lookup_path(r, &tip, "11/env/nothing", &got, &e), FH_NOT_FOUND);
    assert_int_equal(wire_lookup_path(r, &tip, "metadata.json/x", &got, &e), FH_NOT_FOUND);
    assert_int_equal(wire_lookup_path(r, &tip, "13", &got, &e), FH_NOT_FOUND);
    wire_reader_free(r);
    wire_packs_drop(packs);
    box_close();
}

static void *read_everything(void *arg)
{
    assert_int_equal(check_all(arg), wire_packs_count(arg));
    return NULL;
}

static void threads_read_one_set_at_once(void **state)
{
    (void)state;
    pthread_t threads[4];
    box_open();
    box_generations("web", 20, 5);
    box_run("git repack -adq");
    struct wire_packs *packs = box_packs(".git/objects/pack/*.pack", NULL);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_everything, packs), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    wire_packs_drop(packs);
    box_close();
}

/* --- broken files --- */

static void broken_files_are_told_by_name(void **state)
{
    (void)state;
    box_open();
    box_generations("web", 3, 5);
    box_run("git repack -adq && mkdir broken && cp .git/objects/pack/pack-*.pack broken/a.pack && cp "
            ".git/objects/pack/pack-*.idx broken/a.idx && chmod 600 broken/*");
    static const char *const harm[] = {
        "truncate -s 100 broken/a.idx",
        "truncate -s 30 broken/a.pack",
        "printf X | dd of=broken/a.idx bs=1 seek=0 conv=notrunc status=none",
        "printf '\\377\\377' | dd of=broken/a.idx bs=1 seek=8 conv=notrunc status=none",
        "printf X | dd of=broken/a.pack bs=1 seek=11 conv=notrunc status=none",
        "truncate -s -1 broken/a.pack",
    };
    for (size_t i = 0; i < sizeof harm / sizeof *harm; i++) {
        const char *path = "broken/a";
        struct wire_packs *packs;
        struct fh_error e = {0};
        box_run("cp broken/a.pack keep.pack && cp broken/a.idx keep.idx && %s", harm[i]);
        assert_int_equal(wire_packs_open(&path, 1, NULL, &packs, &e), FH_INTERNAL);
        assert_non_null(strstr(e.msg, "broken/a"));
        box_run("cp keep.pack broken/a.pack && cp keep.idx broken/a.idx");
    }
    const char *none = "broken/b";
    struct wire_packs *packs;
    struct fh_error e;
    assert_int_equal(wire_packs_open(&none, 1, NULL, &packs, &e), FH_NOT_FOUND);
    box_close();
}

static fh_err read_one(void *arg, const struct fh_oid *oid, const struct wire_place *place,
                       struct fh_error *e)
{
    struct tally *t = arg;
    enum wire_type type;
    struct wire_entry entry;
    uint64_t size;
    (void)e;
    t->n += wire_read(t->reader, oid, &type, &t->buf, NULL) != FH_OK;
    t->n += wire_read_header(t->reader, oid, &type, &size, NULL) != FH_OK;
    t->n += wire_read_entry(t->reader, place, &entry, NULL) != FH_OK;
    return FH_OK;
}

static void a_pack_with_flipped_bits_is_never_read_out_of_bounds(void **state)
{
    (void)state;
    uint64_t seed = 12;
    box_open();
    box_generations("web", 4, 5);
    box_run("git repack -adq && mkdir broken && cp .git/objects/pack/pack-*.pack broken/a.pack && cp "
            ".git/objects/pack/pack-*.idx broken/a.idx && chmod 600 broken/*");
    size_t faults = 0;
    for (int round = 0; round < 60; round++) {
        const char *path = "broken/a";
        for (int k = 0; k < 2; k++) {
            int fd = open(k ? "broken/a.idx" : "broken/a.pack", O_RDWR);
            struct stat st;
            assert_int_equal(fstat(fd, &st), 0);
            /* Not the headers and checksums that opening looks at. */
            off_t at = (k ? 1032 : 12) + (off_t)(box_next(&seed) % (uint64_t)(st.st_size - 1032 - 40));
            uint8_t byte = (uint8_t)box_next(&seed);
            assert_int_equal(pwrite(fd, &byte, 1, at), 1);
            close(fd);
        }
        struct wire_packs *packs;
        if (wire_packs_open(&path, 1, NULL, &packs, NULL) != FH_OK)
            break;
        struct tally t = {.reader = wire_reader_new(packs), .buf = FH_BUF_INIT(FH_MAX_OBJECT)};
        assert_ok(wire_packs_each(packs, read_one, &t, &e));
        faults += t.n;
        wire_reader_free(t.reader);
        fh_buf_free(&t.buf);
        wire_packs_drop(packs);
    }
    assert_true(faults > 0);
    box_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_object_of_packs_made_by_git_reads_back),
        cmocka_unit_test(many_packs_read_as_one_set_and_know_what_is_new),
        cmocka_unit_test(a_path_below_a_commit_is_found),
        cmocka_unit_test(threads_read_one_set_at_once),
        cmocka_unit_test(broken_files_are_told_by_name),
        cmocka_unit_test(a_pack_with_flipped_bits_is_never_read_out_of_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
