/* The frame of every page. See ui_page.h. */
#include "server/ui/ui_page.h"

#include "server/ui/ui_files.h"

#include <stdbool.h>
#include <string.h>

void ui_page_begin(struct ui_html *h, const struct ui_site *site, const char *title)
{
    UI_HTML(h,
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
            "<title>{} · Floe</title>\n"
            "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
            "<meta name=\"color-scheme\" content=\"light dark\">\n",
            title);
    UI_HTML(h,
            "<link rel=\"icon\" type=\"image/svg+xml\" href=\"{}/static/floe.svg?v={}\">\n"
            "<link rel=\"stylesheet\" href=\"{}/static/floe.css?v={}\">\n</head>\n",
            site->prefix, ui_files[UI_ICON].digest, site->prefix, ui_files[UI_STYLE].digest);
    UI_HTML(h,
            "<body>\n<header class=\"top\"><a href=\"{}/\"><img src=\"{}/static/floe.svg?v={}\" alt=\"\" "
            "width=\"24\" height=\"24\"> Floe</a></header>\n<main>\n",
            site->prefix, site->prefix, ui_files[UI_ICON].digest);
}

void ui_page_end(struct ui_html *h, const struct ui_site *site)
{
    UI_HTML(h, "</main>\n<footer>A hub for flox environments at <code>{}</code></footer>\n</body>\n</html>\n",
            site->base_url);
}

static const char *segment(struct ui_html *h, const char *text)
{
    if (*text == '\0') /* no name is empty; were one, "//" would lead to another host */
        return "_";
    static const char digits[] = "0123456789ABCDEF";
    char *out = fh_alloc(h->arena, 3 * strlen(text) + 1), *at = out;
    for (const char *p = text; *p; p++) {
        unsigned char c = (unsigned char)*p;
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     strchr("._-", c) != NULL;
        if (plain) {
            *at++ = (char)c;
            continue;
        }
        *at++ = '%';
        *at++ = digits[c >> 4];
        *at++ = digits[c & 15];
    }
    return out;
}

const char *ui_env_path(struct ui_html *h, const struct ui_site *site, const char *owner, const char *name,
                        const char *tail)
{
    return fh_sprintf(h->arena, "%s/%s/%s%s", site->prefix, segment(h, owner), segment(h, name), tail);
}

void ui_clients_write(struct ui_html *h, const struct ui_site *site)
{
    UI_HTML(h,
            "<h3>With flox</h3>\n<pre><code>flox config --set floxhub_url {}\n"
            "flox auth login --token-file <i>FILE</i></code></pre>\n",
            site->base_url);
    UI_HTML(
        h,
        "<h3>With floe</h3>\n<pre><code>export FLOE_HUB={}\nfloe auth login</code></pre>\n"
        "<p>Logging in is needed to push, and to read what is not public. The token comes from whoever runs "
        "this hub; with one, <code>floe token create</code> makes others.</p>\n",
        site->base_url);
}

void ui_home_write(struct ui_html *h, const struct ui_site *site)
{
    ui_page_begin(h, site, "Hub");
    UI_HTML(h, "<h1>Floe</h1>\n<p class=\"lead\">This is a hub for <a href=\"https://flox.dev\">flox</a> "
               "environments: it keeps them, their generations and who may read and change them.</p>\n");
    UI_HTML(h, "<section>\n<h2>Use this hub</h2>\n");
    ui_clients_write(h, site);
    UI_HTML(
        h,
        "</section>\n<section>\n<h2>Share an environment</h2>\n<pre><code>floe init\nfloe edit\nfloe push"
        "</code></pre>\n<p>Its page is then at <code>{}/<i>OWNER</i>/<i>NAME</i></code>.</p>\n</section>\n",
        site->base_url);
    UI_HTML(h, "<p class=\"raw\">For programs: <a href=\"{}/openapi\">the REST interface</a>.</p>\n",
            site->prefix);
    ui_page_end(h, site);
}

void ui_refusal_write(struct ui_html *h, const struct ui_site *site, int status, const char *title,
                      const char *detail)
{
    ui_page_begin(h, site, title);
    UI_HTML(h, "<h1>{}</h1>\n<p class=\"lead\">{}</p>\n", title, detail);
    if (status == 401 || status == 404) {
        UI_HTML(h, "<p>If it is not public, it is only there for who is logged in and may read it. This page "
                   "cannot log in; the clients can, and then bring environments from here:</p>\n");
        ui_clients_write(h, site);
        UI_HTML(h, "<pre><code>floe pull <i>OWNER</i>/<i>NAME</i></code></pre>\n");
    }
    ui_page_end(h, site);
}
