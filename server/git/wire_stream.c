/* Inflating piece by piece. See wire_stream.h. */
#include "server/git/wire_stream.h"

#include "common/mem.h"
#include "server/git/wire_pages.h"

enum { PIECE = 32 * 1024 };

bool wire_stream_open(struct wire_stream *s, z_stream *z, const uint8_t *bytes, size_t n)
{
    *s = (struct wire_stream){.z = z, .kept = bytes, .left = n};
    /* zlib takes no const; it does not write there. */
    z->next_in = (Bytef *)(uintptr_t)bytes;
    z->avail_in = 0;
    return inflateReset(z) == Z_OK;
}

/* Little at a time is given to inflate: data that make nothing (empty blocks) are gone through in one call.
 */
bool wire_stream_next(struct wire_stream *s, uint8_t *out, size_t room, size_t *n)
{
    z_stream *z = s->z;
    if (z->next_in - s->kept >= WIRE_PAGES_STEP) {
        wire_pages_drop(s->kept, z->next_in);
        s->kept = z->next_in;
    }
    if (z->avail_in == 0) {
        z->avail_in = (uInt)(s->left < WIRE_PAGES_STEP ? s->left : WIRE_PAGES_STEP);
        s->left -= z->avail_in;
    }
    z->next_out = out;
    z->avail_out = (uInt)room;
    int rc = inflate(z, Z_NO_FLUSH);
    *n = room - z->avail_out;
    s->ended = rc == Z_STREAM_END;
    return s->ended || rc == Z_OK;
}

struct side {
    struct wire_stream stream;
    z_stream z;
    size_t n;
    uint8_t piece[PIECE];
};

/* A full piece, or what there is up to the end. */
static bool fill(struct side *s)
{
    for (s->n = 0; s->n < PIECE && !s->stream.ended;) {
        size_t got;
        if (!wire_stream_next(&s->stream, s->piece + s->n, PIECE - s->n, &got))
            return false;
        s->n += got;
    }
    return true;
}

static bool compare(struct side sides[2], uint64_t size)
{
    uint64_t made = 0;
    do {
        if (!fill(&sides[0]) || !fill(&sides[1]) || sides[0].n != sides[1].n ||
            memcmp(sides[0].piece, sides[1].piece, sides[0].n) != 0)
            return false;
        made += sides[0].n;
    } while (made <= size && sides[0].n == PIECE);
    return made == size;
}

bool wire_stream_same(const struct wire_entry *a, const struct wire_entry *b)
{
    const struct wire_entry *entries[] = {a, b};
    struct side *sides = fh_xcalloc(2, sizeof *sides);
    bool same = a->type == b->type && a->size == b->size;
    for (int i = 0; i < 2; i++)
        same &= inflateInit(&sides[i].z) == Z_OK &&
                wire_stream_open(&sides[i].stream, &sides[i].z, entries[i]->bytes, entries[i]->nbytes);
    same = same && compare(sides, a->size);
    for (int i = 0; i < 2; i++) {
        if (sides[i].z.next_in)
            wire_pages_drop(entries[i]->bytes, sides[i].z.next_in);
        inflateEnd(&sides[i].z);
    }
    free(sides);
    return same;
}
