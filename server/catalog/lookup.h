/* The answer to one group of a lookup of build inputs, put together (catalog-read-api 10). Pure.
 *
 *     {"lock": {"myorg/hello": {…}, …}, "matched": {"myorg/hello": ["myorg.hello"]},
 *      "unresolvable": [{"reference": …, "chain": […], "leaf": {"unresolvable": {}}}]}
 *
 * What does not exist, what is too new and what the caller may not see are unresolvable alike. */
#ifndef CATALOG_LOOKUP_H
#define CATALOG_LOOKUP_H

#include "common/json.h"
#include "server/store/catalog_info.h"

struct catalog_answer; /* one group's */
struct catalog_answer *catalog_answer_new(struct fh_arena *a);
/* A reference to which nothing answers. */
void catalog_answer_lacks(struct catalog_answer *g, const char *reference);
void catalog_answer_lacks_as(struct catalog_answer *g, json_t *take_entry); /* in another hub's words */
/* A build that a reference means: its entry goes into the lock, with all its inputs as they were recorded.
 * visible: may the caller see a catalog? An input that is not, and one that is locked already as something
 * else, is unresolvable. */
typedef bool catalog_visible(void *arg, const char *catalog);
void catalog_answer_add(struct catalog_answer *g, const char *reference, const char *owner,
                        const struct store_source *source, catalog_visible *visible, void *arg);
/* Was it added before, by another reference? Then this one is noted with it. */
bool catalog_answer_has(struct catalog_answer *g, const char *reference, const char *owner,
                        const char *attr_path);
/* What another hub answered to other references of the group. */
void catalog_answer_join(struct catalog_answer *g, const json_t *theirs);
json_t *catalog_answer_json(struct catalog_answer *g); /* the arena's */

#endif
