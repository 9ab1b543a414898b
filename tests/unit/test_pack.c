/* Packs made by git, read back byte for byte; packs pushed, indexed by us. */
#include "gitbox.h"

#include "common/ceilings.h"
#include "common/clock.h"
#include "server/git/wire_guard.h"

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

/* --- indexing --- */

static fh_err index_bytes(const struct fh_buf *pack, char path[4096], uint32_t *n, struct fh_error *e)
{
    uint8_t checksum[20];
    int fd = mill_fd(pack->data, pack->len);
    fh_err rc = wire_index_pack(fd, 0, pack->len, "in", path, checksum, n, e);
    close(fd);
    if (rc == FH_OK)
        assert_memory_equal(checksum, pack->data + pack->len - 20, 20);
    return rc;
}

static void a_pushed_pack_is_indexed_under_its_checksum(void **state)
{
    (void)state;
    char path[4096];
    uint32_t n;
    box_open();
    box_generations("web", 5, 5);
    struct fh_buf pack = FH_BUF_INIT((size_t)1 << 30);
    assert_int_equal(box_try(&pack, "git rev-list --objects web | git pack-objects -q --stdout; mkdir in"),
                     0);
    assert_ok(index_bytes(&pack, path, &n, &e));
    char hex[41];
    fh_hex_encode(pack.data + pack.len - 20, 20, hex);
    assert_non_null(strstr(path, hex));
    box_run("git verify-pack %s.pack && test $(stat -c %%a %s.pack) = 400 && test $(ls in | wc -l) = 2", path,
            path);
    struct wire_packs *packs = box_packs("in/*.pack", NULL);
    assert_int_equal(check_all(packs), n);
    wire_packs_drop(packs);
    fh_buf_free(&pack);
    box_close();
}

static void a_pack_of_nothing_can_be_indexed_or_is_refused_in_words(void **state)
{
    (void)state;
    char path[4096];
    uint32_t n = 7;
    struct fh_error e = {0};
    struct fh_buf p = mill_start(0);
    box_open();
    box_run("mkdir in");
    mill_finish(&p);
    fh_err rc = index_bytes(&p, path, &n, &e);
    if (rc != FH_OK)
        fail_msg("%s", e.msg);
    assert_int_equal(n, 0);
    fh_buf_free(&p);
    box_close();
}

static void assert_index_refuses(struct fh_buf *p, const char *words)
{
    char path[4096];
    uint32_t n;
    struct fh_error e = {0};
    struct wire_scan found;
    int fd = mill_fd(p->data, p->len);
    assert_int_equal(wire_guard_scan(fd, 0, p->len, &found, &e),
                     FH_OK); /* this is what the guard cannot see */
    close(fd);
    fh_err rc = index_bytes(p, path, &n, &e);
    if ((rc != FH_INVALID && rc != FH_TOO_LARGE) || !strstr(e.msg, words))
        fail_msg("got %s: %s", fh_err_name(rc), e.msg);
    box_run("test -z \"$(ls in)\"");
    fh_buf_free(p);
}

static void a_thin_pack_is_refused_and_leaves_nothing(void **state)
{
    (void)state;
    box_open();
    box_run("mkdir in");
    struct fh_buf p = mill_start(2), d = mill_copies(4, 8);
    mill_whole(&p, WIRE_BLOB, "abcd", 4);
    mill_ref_delta(&p, (const uint8_t *)"12345678901234567890", d.data, d.len);
    mill_finish(&p);
    fh_buf_free(&d);
    assert_index_refuses(&p, "base is not in the pack");
    box_close();
}

/* Each is a delta of the one before, named by id: the guard cannot know their depth. */
static struct fh_buf ref_chain(uint32_t deltas, bool backwards)
{
    struct fh_buf p = mill_start(deltas + 1);
    uint8_t(*ids)[20] = fh_xcalloc(deltas + 1, 20);
    char bytes[64];
    for (uint32_t i = 0; i <= deltas; i++) {
        int n = snprintf(bytes, sizeof bytes, "object %08u", i);
        mill_hash("blob", bytes, (size_t)n, ids[i]);
    }
    for (uint32_t at = 0; at <= deltas; at++) {
        uint32_t i = backwards ? deltas - at : at;
        char delta[64] = "\x0f\x0f\x90\x07\x08";
        snprintf(bytes, sizeof bytes, "object %08u", i);
        memcpy(delta + 5, bytes + 7, 8);
        if (i == 0)
            mill_whole(&p, WIRE_BLOB, bytes, 15);
        else
            mill_ref_delta(&p, ids[i - 1], delta, 13);
    }
    mill_finish(&p);
    free(ids);
    return p;
}

/* libgit2 takes time by the square of it; what is longer meets the deadline. */
enum { LONG_CHAIN = 3000 };

static void chains_of_ref_deltas_are_held_to_the_same_depth(void **state)
{
    (void)state;
    char path[4096];
    uint32_t n;
    box_open();
    box_run("mkdir in");
    for (int backwards = 0; backwards < 2; backwards++) {
        struct fh_buf p = ref_chain(64, backwards);
        assert_ok(index_bytes(&p, path, &n, &e));
        assert_int_equal(n, 65);
        box_run("rm -f in/*");
        fh_buf_free(&p);
        p = ref_chain(65, backwards);
        assert_index_refuses(&p, "chain of more than 64 deltas");
    }
    int64_t start = fh_ticks_ms();
    struct fh_buf p = ref_chain(LONG_CHAIN, false);
    assert_index_refuses(&p, "");
    p = ref_chain(LONG_CHAIN, true);
    assert_index_refuses(&p, "");
    print_message("two chains of %d REF_DELTAs: %ld ms\n", LONG_CHAIN, (long)(fh_ticks_ms() - start));
    box_close();
}

static void a_ring_of_ref_deltas_is_refused(void **state)
{
    (void)state;
    box_open();
    box_run("mkdir in");
    struct fh_buf p = mill_start(2), d = mill_copies(4, 4);
    /* Nobody can make two objects that are deltas of each other, so the ids are made up. */
    mill_ref_delta(&p, (const uint8_t *)"aaaaaaaaaaaaaaaaaaaa", d.data, d.len);
    mill_ref_delta(&p, (const uint8_t *)"bbbbbbbbbbbbbbbbbbbb", d.data, d.len);
    mill_finish(&p);
    fh_buf_free(&d);
    assert_index_refuses(&p, "base is not in the pack");
    box_close();
}

static void indexing_a_small_push_is_quick(void **state)
{
    (void)state;
    enum { ROUNDS = 200 };
    char path[4096];
    uint32_t n;
    box_open();
    box_generations("web", 20, 5);
    struct fh_buf pack = FH_BUF_INIT((size_t)1 << 30);
    box_run("mkdir in");
    assert_int_equal(
        box_try(&pack,
                "printf '%%s\\n' web ^web~1 | git pack-objects -q --revs --stdout --delta-base-offset"),
        0);
    int64_t scan = 0, each = 0;
    for (int i = 0; i < ROUNDS; i++) {
        struct wire_scan found;
        int fd = mill_fd(pack.data, pack.len);
        int64_t at = fh_ticks_us();
        assert_ok(wire_guard_scan(fd, 0, pack.len, &found, &e));
        scan += fh_ticks_us() - at;
        close(fd);
        at = fh_ticks_us();
        assert_ok(index_bytes(&pack, path, &n, &e));
        each += fh_ticks_us() - at;
        /* A push is always new: to replace a file makes some file systems wait for the disk. */
        char name[4200];
        snprintf(name, sizeof name, "%s.pack", path);
        assert_int_equal(unlink(name), 0);
        snprintf(name, sizeof name, "%s.idx", path);
        assert_int_equal(unlink(name), 0);
    }
    scan /= ROUNDS;
    each /= ROUNDS;
    print_message("%u objects, %zu bytes: scanned in %ld us, indexed in %ld us\n", n, pack.len, (long)scan,
                  (long)each);
    fh_buf_free(&pack);
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
        cmocka_unit_test(a_pushed_pack_is_indexed_under_its_checksum),
        cmocka_unit_test(a_pack_of_nothing_can_be_indexed_or_is_refused_in_words),
        cmocka_unit_test(a_thin_pack_is_refused_and_leaves_nothing),
        cmocka_unit_test(chains_of_ref_deltas_are_held_to_the_same_depth),
        cmocka_unit_test(a_ring_of_ref_deltas_is_refused),
        cmocka_unit_test(indexing_a_small_push_is_quick),
        cmocka_unit_test(broken_files_are_told_by_name),
        cmocka_unit_test(a_pack_with_flipped_bits_is_never_read_out_of_bounds),
    };
    if (wire_index_init(NULL) != FH_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
