/* Growable bytes with a ceiling. See buf.h. */
#include "common/buf.h"

#include "common/mem.h"

void fh_buf_init(struct fh_buf *b, size_t ceiling)
{
    *b = FH_BUF_INIT(ceiling);
}

void fh_buf_free(struct fh_buf *b)
{
    free(b->data);
    *b = FH_BUF_INIT(b->ceiling);
}

void fh_buf_clear(struct fh_buf *b)
{
    b->len = 0;
    if (b->data)
        b->data[0] = '\0';
}

fh_err fh_buf_reserve(struct fh_buf *b, size_t n, char **where, struct fh_error *e)
{
    if (n > b->ceiling || b->len > b->ceiling - n)
        return FH_FAIL(e, FH_TOO_LARGE, "A value is larger than the limit of %zu bytes.", b->ceiling);
    size_t need = b->len + n + 1;
    if (need > b->cap) {
        size_t cap = b->cap < 64 ? 64 : b->cap;
        while (cap < need)
            cap += cap / 2;
        if (cap > b->ceiling + 1)
            cap = b->ceiling + 1;
        b->data = fh_xrealloc(b->data, cap);
        b->cap = cap;
    }
    b->data[b->len] = '\0';
    if (where)
        *where = b->data + b->len;
    return FH_OK;
}

fh_err fh_buf_add(struct fh_buf *b, const void *bytes, size_t n, struct fh_error *e)
{
    char *where;
    FH_TRY(fh_buf_reserve(b, n, &where, e));
    if (n)
        memcpy(where, bytes, n);
    b->len += n;
    b->data[b->len] = '\0';
    return FH_OK;
}

fh_err fh_buf_add_str(struct fh_buf *b, const char *s, struct fh_error *e)
{
    return fh_buf_add(b, s, strlen(s), e);
}

fh_err fh_buf_add_char(struct fh_buf *b, char c, struct fh_error *e)
{
    return fh_buf_add(b, &c, 1, e);
}

fh_err fh_buf_addf(struct fh_buf *b, struct fh_error *e, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    char *where;
    fh_err rc = n < 0 ? FH_FAIL(e, FH_INTERNAL, "A text could not be formatted.")
                      : fh_buf_reserve(b, (size_t)n, &where, e);
    if (rc == FH_OK) {
        vsnprintf(where, (size_t)n + 1, fmt, again);
        b->len += (size_t)n;
    }
    va_end(again);
    return rc;
}

void fh_buf_drop_front(struct fh_buf *b, size_t n)
{
    if (n == 0)
        return;
    memmove(b->data, b->data + n, b->len - n);
    b->len -= n;
    b->data[b->len] = '\0';
}

char *fh_buf_take(struct fh_buf *b, size_t *len)
{
    char *out = b->data ? b->data : fh_xstrdup("");
    if (len)
        *len = b->len;
    *b = FH_BUF_INIT(b->ceiling);
    return out;
}
