/* HTML that cannot be anything but what its templates say.
 *
 *     UI_HTML(h, "<a href=\"{}\">{}</a>", address, name);
 *
 * A template is a string literal (anything else does not compile) and each {} in it is filled with one text,
 * escaped for the inside of an element and of a quoted attribute alike. There is no way to write text
 * without: what people called things and wrote into manifests reaches a page through here alone. A hole never
 * stands in an unquoted attribute, a tag or a style; one in href or src is filled with an address from
 * ui_page.h. Text that is not UTF-8, controls but tab and line feed, and the characters that turn the
 * direction of writing become U+FFFD, so that a page reads as it is stored, also in a terminal.
 *
 * The first failure is kept and given by ui_html_end; what is written after it is dropped. One thread.
 */
#ifndef UI_HTML_H
#define UI_HTML_H

#include "common/arena.h"
#include "common/buf.h"
#include "common/err.h"

struct ui_html {
    struct fh_arena *arena;
    struct fh_buf out;
    fh_err failed;
    struct fh_error error;
};

enum { UI_MAX_PAGE = 4 * 1024 * 1024 }; /* bytes of one page */

void ui_html_begin(struct ui_html *h, struct fh_arena *a);
/* The page, NUL-terminated and in the arena; h must not be used any more. */
fh_err ui_html_end(struct ui_html *h, const char **out, size_t *n, struct fh_error *e) FH_MUSTCHECK;

#define UI_HTML(h, ...)                                                                                      \
    ui_html_fill((h), (const char *const[]){"" __VA_ARGS__},                                                 \
                 sizeof((const char *const[]){"" __VA_ARGS__}) / sizeof(const char *))
/* parts[0] is the template, the rest fill its holes; NULL fills with nothing. Only for the macro. */
void ui_html_fill(struct ui_html *h, const char *const *parts, size_t n);
/* n bytes of text that may have NULs in it, escaped. */
void ui_html_text(struct ui_html *h, const char *text, size_t n);

/* Texts for holes, in the arena. ui_short: at most UI_SHORT bytes of what people called something. */
enum { UI_SHORT = 120 };
const char *ui_short(struct ui_html *h, const char *text);
const char *ui_number(struct ui_html *h, int64_t n);
const char *ui_date(struct ui_html *h, int64_t unix_seconds);    /* "2026-01-02 03:04 UTC" */
const char *ui_rfc3339(struct ui_html *h, int64_t unix_seconds); /* for <time datetime> */

#endif
