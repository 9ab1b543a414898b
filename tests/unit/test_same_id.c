/* Two objects under one id. Nobody here can make such, so the index of a stored pack is written by hand: it
 * claims an id for other bytes. And what comparing costs. */
#include "indexbox.h"

#include "common/clock.h"
#include "server/git/wire_list.h"

#define STORED "what the owner has had for long\n"
#define PUSHED "what an attacker made to fit it\n"
static const char another[] = "another object under the name of a stored one";

static void write_be32(uint8_t *p, uint32_t n)
{
    for (unsigned i = 0; i < 4; i++)
        p[i] = (uint8_t)(n >> (24 - 8 * i));
}

/* <path>.pack with the bytes alone, and <path>.idx where they stand under that id. */
static void forge(const char *path, enum wire_type type, const struct fh_buf *bytes, const struct fh_oid *id)
{
    char name[4200];
    struct fh_buf p = mill_start(1), x = FH_BUF_INIT(1 << 16);
    uint8_t fanout[256 * 4], last[8] = {0};
    mill_whole(&p, type, bytes->data, bytes->len);
    mill_finish(&p);
    for (unsigned i = 0; i < 256; i++)
        write_be32(fanout + (size_t)4 * i, i >= id->id[0]);
    write_be32(last + 4, 12);
    mill_add(&x, "\377tOc\0\0\0\2", 8);
    mill_add(&x, fanout, sizeof fanout);
    mill_add(&x, id->id, 20);
    mill_add(&x, last, sizeof last);
    mill_add(&x, p.data + p.len - 20, 20);
    mill_finish(&x);
    snprintf(name, sizeof name, "%s.pack", path);
    box_save(name, &p);
    snprintf(name, sizeof name, "%s.idx", path);
    box_save(name, &x);
    fh_buf_free(&p);
    fh_buf_free(&x);
}

static struct fh_buf bytes_of(const char *text)
{
    struct fh_buf b = FH_BUF_INIT(1 << 20);
    mill_add(&b, text, strlen(text));
    return b;
}

/* What git has under that name. */
static struct fh_buf object_of(const char *name)
{
    struct fh_buf b = FH_BUF_INIT(1 << 20);
    assert_int_equal(box_try(&b, "git cat-file $(git cat-file -t %s) %s", name, name), 0);
    return b;
}

/* A commit on branch "web" that holds the file f, with the pushed bytes; what is pushed is in in/. */
static void open_branch(const char *pack_options)
{
    box_open();
    box_run("printf '%%s' '" PUSHED "' >f && git add f && git commit -qm one && git branch web && mkdir in "
            "stored && git rev-list --objects --no-object-names web | git pack-objects -q %s in/pack "
            ">/dev/null",
            pack_options);
}

static fh_err push_on(struct wire_packs *server, struct fh_error *e)
{
    struct fh_oid tip = box_oid("web");
    struct wire_packs *both = box_packs("in/*.pack", server);
    struct wire_reader *r = wire_reader_new(both);
    fh_err rc = wire_walk_check_push(r, &tip, NULL, 0, e);
    wire_reader_free(r);
    wire_packs_drop(both);
    return rc;
}

static void assert_push(const char *words)
{
    struct fh_error e = {0};
    struct wire_packs *server = box_packs("stored/*.pack", NULL);
    fh_err rc = push_on(server, &e);
    if (rc != (words ? FH_INVALID : FH_OK) || (words && !strstr(e.msg, words)))
        fail_msg("got %s: %s", fh_err_name(rc), e.msg);
    wire_packs_drop(server);
}

static void forge_stored(const char *name, enum wire_type type, const struct fh_buf *bytes)
{
    struct fh_oid id = box_oid(name);
    forge("stored/forged", type, bytes, &id);
}

static void another_object_under_a_stored_id_is_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"web:f", "web^{tree}", "web"};
    open_branch("");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct fh_buf same = object_of(names[i]), other = object_of(names[i]);
        enum wire_type type = (enum wire_type)(WIRE_BLOB - i);
        forge_stored(names[i], type, &same);
        assert_push(NULL);
        other.data[other.len - 1] ^= 1; /* in its last byte */
        forge_stored(names[i], type, &other);
        assert_push(another);
        other.data[other.len - 1] ^= 1;
        other.data[0] ^= 1; /* in its first byte */
        forge_stored(names[i], type, &other);
        assert_push(another);
        forge_stored(names[i], type == WIRE_BLOB ? WIRE_TREE : WIRE_BLOB, &same); /* of another type */
        assert_push(another);
        mill_add(&same, "x", 1); /* longer */
        forge_stored(names[i], type, &same);
        assert_push(another);
        same.len -= 2; /* shorter */
        forge_stored(names[i], type, &same);
        assert_push(another);
        fh_buf_free(&same);
        fh_buf_free(&other);
    }
    box_close();
}

/* Also where nothing in the pushed history has a use for it. */
static void another_object_is_refused_as_junk_and_as_a_delta_too(void **state)
{
    (void)state;
    struct fh_buf stored = bytes_of(STORED);
    box_open();
    box_run("mkdir in stored && head -c 3000 /dev/urandom >base && (cat base; echo more) >more && "
            "git add base more && git commit -qm one && git branch web && "
            "git rev-list --objects --no-object-names web | git pack-objects -q --window=10 in/pack "
            ">/dev/null");
    char *deltas = box_text("git verify-pack -v in/*.idx | grep -c ' 1 [0-9a-f]\\{40\\}$'");
    assert_string_equal(deltas, "1");
    free(deltas);
    for (int i = 0; i < 2; i++) {
        forge_stored(i ? "web:more" : "web:base", WIRE_BLOB, &stored);
        assert_push(another);
    }
    box_run("rm in/* && git hash-object -w more | git pack-objects -q in/junk >/dev/null && "
            "git rev-list --objects --no-object-names web | grep -v $(git hash-object more) | "
            "git pack-objects -q in/pack >/dev/null");
    forge_stored("web:more", WIRE_BLOB, &stored);
    assert_push(another);
    fh_buf_free(&stored);
    box_close();
}

static void two_new_packs_with_two_objects_of_one_id_are_refused(void **state)
{
    (void)state;
    struct fh_buf other = bytes_of(STORED);
    struct fh_error e = {0};
    open_branch("");
    struct fh_oid id = box_oid("web:f");
    forge("in/x", WIRE_BLOB, &other, &id); /* as an import brings several */
    fh_err rc = push_on(NULL, &e);
    assert_int_equal(rc, FH_INVALID);
    assert_non_null(strstr(e.msg, another));
    fh_buf_free(&other);
    box_close();
}

/* What was stored first is what all get, also from a set that has both: as it is while a push is checked. */
static void what_was_stored_first_is_what_is_read_and_sent(void **state)
{
    (void)state;
    struct fh_buf stored = bytes_of(STORED), out = FH_BUF_INIT(1 << 20), pack = FH_BUF_INIT(1 << 20);
    struct fh_oid id;
    struct wire_list list;
    struct wire_write_options options = {.ofs_delta = true};
    enum wire_type type;
    open_branch("");
    id = box_oid("web:f");
    forge_stored("web:f", WIRE_BLOB, &stored);
    struct wire_packs *server = box_packs("stored/*.pack", NULL), *both = box_packs("in/*.pack", server);
    struct wire_reader *r = wire_reader_new(both);
    assert_ok(wire_read(r, &id, &type, &out, &e));
    assert_int_equal(out.len, stored.len);
    assert_memory_equal(out.data, stored.data, stored.len);
    wire_list_init(&list);
    assert_true(wire_list_add(&list, &id, WIRE_BLOB, 0));
    assert_ok(wire_write_pack(r, &list, &options, box_sink, &pack, NULL, &e));
    wire_list_free(&list);
    wire_reader_free(r);
    wire_packs_drop(both);
    wire_packs_drop(server);
    box_save("sent.pack", &pack);
    box_run("git init -q --bare to && git -C to index-pack --stdin <sent.pack >/dev/null && "
            "git -C to cat-file blob $(printf '%%s' '" STORED "' | git hash-object --stdin) >/dev/null && "
            "! git -C to cat-file -e $(git rev-parse web:f)");
    fh_buf_free(&stored);
    fh_buf_free(&out);
    fh_buf_free(&pack);
    box_close();
}

/* All of it is stored already, so all of it is compared; and each leaf asks for hundreds of MiB anew. */
static void a_push_whose_comparison_would_take_minutes_is_refused(void **state)
{
    (void)state;
    char path[4096];
    uint32_t n;
    struct fh_error e = {0};
    open_branch("");
    struct fh_buf chain = large_chain(), leaves = large_leaves();
    box_run("mv in old && mkdir in");
    assert_int_equal(index_bytes(&leaves, path, &n, &e), FH_OK);
    box_run("mv in/* stored && cp old/* stored");
    struct wire_packs *server = box_packs("stored/*.pack", NULL);
    assert_int_equal(index_bytes(&chain, path, &n, &e), FH_OK);
    int64_t start = fh_ticks_ms();
    fh_err rc = push_on(server, &e);
    print_message("refused after %ld ms\n", (long)(fh_ticks_ms() - start));
    if (rc != FH_TOO_LARGE || !strstr(e.msg, "entangled"))
        fail_msg("got %s: %s", fh_err_name(rc), e.msg);
    wire_packs_drop(server);
    fh_buf_free(&chain);
    fh_buf_free(&leaves);
    box_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_object_under_a_stored_id_is_refused),
        cmocka_unit_test(another_object_is_refused_as_junk_and_as_a_delta_too),
        cmocka_unit_test(two_new_packs_with_two_objects_of_one_id_are_refused),
        cmocka_unit_test(what_was_stored_first_is_what_is_read_and_sent),
        cmocka_unit_test(a_push_whose_comparison_would_take_minutes_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
