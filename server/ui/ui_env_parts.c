/* The lists of an environment's page: packages, manifest, generations. See ui_env.h. */
#include "server/ui/ui_env.h"

#include <string.h>

static void rest(struct ui_html *h, size_t all, size_t shown, const char *what)
{
    if (all > shown)
        UI_HTML(h, "<p class=\"raw\">{} more {} are not shown.</p>\n", ui_number(h, (int64_t)(all - shown)),
                what);
}

static const char *origin_of(const struct fh_lock_package *p)
{
    switch (p->kind) {
    case FH_PACKAGE_CATALOG:
        return p->attr_path;
    case FH_PACKAGE_FLAKE:
        return p->locked_url;
    case FH_PACKAGE_STORE_PATH:
        return p->store_path;
    }
    return "";
}

static void packages_of(struct ui_html *h, const struct ui_system *s, bool open)
{
    size_t shown = s->npackages < UI_SHOWN_PACKAGES ? s->npackages : UI_SHOWN_PACKAGES;
    if (open)
        UI_HTML(h, "<details open>\n");
    else
        UI_HTML(h, "<details>\n");
    UI_HTML(h, "<summary>{} <span class=\"count\">{} {}</span></summary>\n<div class=\"wide\"><table>\n",
            ui_short(h, s->name), ui_number(h, (int64_t)s->npackages),
            s->npackages == 1 ? "package" : "packages");
    UI_HTML(h, "<thead><tr><th scope=\"col\">Install id</th><th scope=\"col\">Version</th>"
               "<th scope=\"col\">Package</th></tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < shown; i++) {
        const struct fh_lock_package *p = s->packages[i];
        UI_HTML(h, "<tr><th scope=\"row\">{}</th><td>{}</td><td class=\"from\">{}</td></tr>\n",
                ui_short(h, p->install_id), p->version ? ui_short(h, p->version) : "–",
                ui_short(h, origin_of(p)));
    }
    UI_HTML(h, "</tbody>\n</table></div>\n");
    rest(h, s->npackages, shown, "packages");
    UI_HTML(h, "</details>\n");
}

void ui_env_packages_write(struct ui_html *h, const struct ui_env *env)
{
    UI_HTML(h, "<section id=\"packages\">\n<h2>Packages</h2>\n");
    if (env->lock_note)
        UI_HTML(h, "<p class=\"note\">{}</p>\n", env->lock_note);
    else if (env->nsystems == 0)
        UI_HTML(h, "<p>It installs no packages.</p>\n");
    for (size_t i = 0; i < env->nsystems; i++)
        packages_of(h, &env->systems[i], i == 0);
    rest(h, env->unshown, 0, "packages of other systems");
    UI_HTML(h, "</section>\n");
}

/* Where a long manifest is cut: behind a line. */
static size_t manifest_end(const struct ui_env *env)
{
    size_t n = env->manifest_size;
    if (n <= UI_SHOWN_MANIFEST)
        return n;
    for (n = UI_SHOWN_MANIFEST; n > 0 && env->manifest[n - 1] != '\n'; n--)
        ;
    return n ? n : UI_SHOWN_MANIFEST;
}

void ui_env_manifest_write(struct ui_html *h, const struct ui_site *site, const struct ui_env *env)
{
    UI_HTML(h, "<section id=\"manifest\">\n<h2>Manifest</h2>\n");
    if (env->manifest) {
        size_t end = manifest_end(env);
        UI_HTML(h, "<pre class=\"file\"><code>");
        ui_html_text(h, env->manifest, end);
        UI_HTML(h, "</code></pre>\n");
        rest(h, env->manifest_size, end, "bytes");
        const char *tail = fh_sprintf(h->arena, "/generations/%lld", (long long)env->live);
        const char *path = ui_env_path(h, site, env->owner, env->name, tail) + strlen(site->prefix);
        UI_HTML(h,
                "<p class=\"raw\">As stored: <a href=\"{}/api/v1/environments{}/manifest\">manifest.toml</a>",
                site->prefix, path);
        UI_HTML(h, ", <a href=\"{}/api/v1/environments{}/lock\">manifest.lock</a></p>\n", site->prefix, path);
    } else {
        UI_HTML(h, "<p class=\"note\">{}</p>\n", env->manifest_note);
    }
    UI_HTML(h, "</section>\n");
}

static void generation(struct ui_html *h, const struct fh_generation *g)
{
    UI_HTML(h, "<tr><th scope=\"row\">{}", ui_number(h, g->number));
    if (g->is_live)
        UI_HTML(h, " <span class=\"badge live\">live</span>");
    UI_HTML(h, "</th><td>{}</td><td>{}</td>", ui_short(h, g->description),
            g->change ? ui_short(h, g->change->author) : "");
    UI_HTML(h, "<td><time datetime=\"{}\">{}</time></td></tr>\n", ui_rfc3339(h, g->created),
            ui_date(h, g->created));
}

void ui_env_generations_write(struct ui_html *h, const struct ui_env *env)
{
    size_t shown = env->ngenerations < UI_SHOWN_GENERATIONS ? env->ngenerations : UI_SHOWN_GENERATIONS;
    if (env->history_note)
        return;
    UI_HTML(h, "<section id=\"generations\">\n<h2>Generations</h2>\n");
    if (shown == 0)
        UI_HTML(h, "<p>There is none yet.</p>\n");
    else
        UI_HTML(h, "<div class=\"wide\"><table>\n<thead><tr><th scope=\"col\">Number</th>"
                   "<th scope=\"col\">What</th><th scope=\"col\">Who</th><th scope=\"col\">When</th></tr>"
                   "</thead>\n<tbody>\n");
    for (size_t i = 0; i < shown; i++)
        generation(h, &env->generations[i]);
    if (shown > 0)
        UI_HTML(h, "</tbody>\n</table></div>\n");
    rest(h, env->ngenerations, shown, "generations");
    if (env->ngenerations > shown)
        UI_HTML(h, "<p>All of them: <code>floe generations list -r {}/{}</code></p>\n", env->owner,
                env->name);
    UI_HTML(h, "</section>\n");
}
