/* What all pages share: the frame around a page's own part, and addresses within the hub.
 *
 * Pages have no script, no form and nothing from elsewhere. The frame writes everything outside of <main>. */
#ifndef UI_PAGE_H
#define UI_PAGE_H

#include "server/ui/ui_html.h"

/* How the hub is reached: both borrowed, without a slash at the end. */
struct ui_site {
    const char *base_url; /* "https://hub.example.org/floxhub" */
    const char *prefix;   /* of paths: "" or "/floxhub" */
};

/* Up to and with <main>; title is the page's, the hub's name is added. */
void ui_page_begin(struct ui_html *h, const struct ui_site *site, const char *title);
void ui_page_end(struct ui_html *h, const struct ui_site *site);

/* Addresses for href: the path of an environment's page, and of what is below it (tail "" or "/settings").
 * Every byte that is not plain in a path is written as %XX. */
const char *ui_env_path(struct ui_html *h, const struct ui_site *site, const char *owner, const char *name,
                        const char *tail);

/* The whole pages that stand for themselves. title and detail of a refusal are shown as given; who is not
 * logged in is told how. */
void ui_home_write(struct ui_html *h, const struct ui_site *site);
void ui_refusal_write(struct ui_html *h, const struct ui_site *site, int status, const char *title,
                      const char *detail);
/* The commands that point the two clients at this hub and log in. */
void ui_clients_write(struct ui_html *h, const struct ui_site *site);

#endif
