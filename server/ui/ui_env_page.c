/* The page of an environment, and the one about its settings. See ui_env.h. */
#include "server/ui/ui_env.h"

#include <string.h>

static void heading(struct ui_html *h, const struct ui_site *site, const struct ui_env *env, const char *tail)
{
    UI_HTML(h,
            "<h1><span class=\"owner\">{}<span class=\"slash\">/</span></span><a href=\"{}\">{}</a> "
            "<span class=\"badge {}\">{}</span></h1>\n",
            env->owner, ui_env_path(h, site, env->owner, env->name, ""), env->name, env->visibility,
            env->visibility);
    if (*tail)
        UI_HTML(h, "<p class=\"facts\">{}</p>\n", tail);
}

static void facts(struct ui_html *h, const struct ui_site *site, const struct ui_env *env)
{
    UI_HTML(h, "<ul class=\"facts\">\n");
    if (env->live > 0)
        UI_HTML(h, "<li>Generation {} is live</li>\n", ui_number(h, env->live));
    UI_HTML(h, "<li>Changed <time datetime=\"{}\">{}</time></li>\n", ui_rfc3339(h, env->updated_at),
            ui_date(h, env->updated_at));
    UI_HTML(h, "<li>Since <time datetime=\"{}\">{}</time></li>\n", ui_rfc3339(h, env->created_at),
            ui_date(h, env->created_at));
    UI_HTML(h, "<li><a href=\"{}\">Settings</a></li>\n</ul>\n",
            ui_env_path(h, site, env->owner, env->name, "/settings"));
}

void ui_env_use_write(struct ui_html *h, const struct ui_site *site, const struct ui_env *env)
{
    UI_HTML(h, "<section id=\"use\">\n<h2>Use it</h2>\n");
    UI_HTML(h,
            "<dl class=\"use\">\n<dt>Enter it, wherever you are</dt>\n<dd><pre><code>flox activate -r {}/{}"
            "</code></pre></dd>\n<dt>Bring it into a folder, to work on it</dt>\n"
            "<dd><pre><code>flox pull {}/{}</code></pre></dd>\n</dl>\n",
            env->owner, env->name, env->owner, env->name);
    UI_HTML(h,
            "<p><code>floe</code> takes the same words and needs neither Nix nor root: "
            "<code>floe activate -r {}/{}</code>, <code>floe pull {}/{}</code>.</p>\n",
            env->owner, env->name, env->owner, env->name);
    UI_HTML(h, "<details>\n<summary>The first time with this hub</summary>\n");
    ui_clients_write(h, site);
    UI_HTML(h, "</details>\n</section>\n");
}

void ui_env_write(struct ui_html *h, const struct ui_site *site, const struct ui_env *env)
{
    ui_page_begin(h, site, fh_sprintf(h->arena, "%s/%s", env->owner, env->name));
    heading(h, site, env, "");
    facts(h, site, env);
    if (env->history_note)
        UI_HTML(h, "<p class=\"note\">{}</p>\n", env->history_note);
    ui_env_use_write(h, site, env);
    ui_env_packages_write(h, env);
    ui_env_manifest_write(h, site, env);
    ui_env_generations_write(h, env);
    ui_page_end(h, site);
}

static void setting(struct ui_html *h, const char *title, const char *text)
{
    UI_HTML(h, "<section>\n<h2>{}</h2>\n<p>{}</p>\n", title, text);
}

void ui_settings_write(struct ui_html *h, const struct ui_site *site, const struct ui_env *env)
{
    const char *path = ui_env_path(h, site, env->owner, env->name, "");
    path += strlen(site->prefix);
    ui_page_begin(h, site, fh_sprintf(h->arena, "Settings of %s/%s", env->owner, env->name));
    heading(h, site, env, "Settings. Only an owner may change them, with the client or over REST.");
    setting(h, "Rename", "Whoever has pulled it pulls it anew under the new name.");
    UI_HTML(h, "<pre><code>floe env rename {}/{} <i>NEW-NAME</i></code></pre>\n</section>\n", env->owner,
            env->name);
    setting(
        h, "Who may see it",
        fh_sprintf(h->arena,
                   "It is %s now. Public: anybody. Internal: whoever is logged in. Unlisted: whoever knows "
                   "its name. Private: members of the owner alone.",
                   env->visibility));
    UI_HTML(h,
            "<pre><code>floe env visibility {}/{} <i>public|internal|unlisted|private</i></code></pre>\n"
            "</section>\n",
            env->owner, env->name);
    setting(h, "Delete, and bring back", "What was deleted can be restored until the hub's log forgets it.");
    UI_HTML(h, "<pre><code>floe env delete {}/{}\nfloe env restore {}/{}</code></pre>\n</section>\n",
            env->owner, env->name, env->owner, env->name);
    setting(h, "Over REST", "The same for programs; the token's scope is write or admin.");
    UI_HTML(h,
            "<pre><code>curl -X PATCH -H &quot;Authorization: Bearer $FLOE_TOKEN&quot; \\\n  "
            "-H &quot;Content-Type: application/json&quot; -d &#39;{\"visibility\": \"internal\"}&#39; \\\n  "
            "{}/api/v1/environments{}</code></pre>\n</section>\n",
            site->base_url, path);
    ui_page_end(h, site);
}
