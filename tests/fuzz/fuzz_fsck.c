/* The rules for a tree or a commit: the first byte says which. What is taken must parse. */
#include "server/git/wire_walk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void walk_tree(const uint8_t *data, size_t size, bool sound)
{
    struct wire_tree_cursor c = {data, data + size};
    struct wire_tree_entry entry;
    bool bad = false;
    while (wire_tree_next(&c, &entry, &bad))
        if (entry.name_len >= size || entry.name + entry.name_len >= (const char *)data + size)
            abort();
    if (sound && bad)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    enum wire_type type = data[0] & 1 ? WIRE_TREE : WIRE_COMMIT;
    struct wire_commit commit;
    struct fh_error e = {0};
    fh_err rc = wire_fsck_object(type, (const char *)data + 1, size - 1, &e);
    if (rc != FH_OK && !e.msg[0])
        abort();
    if (type == WIRE_TREE)
        walk_tree(data + 1, size - 1, rc == FH_OK);
    else if (wire_commit_parse((const char *)data + 1, size - 1, &commit, &e) != FH_OK && rc == FH_OK)
        abort();
    return 0;
}
