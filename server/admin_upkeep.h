/* The verbs that look after the data as a whole: git export and import, backup and restore, fsck, gc. */
#ifndef SERVER_ADMIN_UPKEEP_H
#define SERVER_ADMIN_UPKEEP_H

#include "server/admin.h"

extern const struct fh_verb admin_git_verbs[], admin_backup_verbs[], admin_fsck_verbs[], admin_gc_verbs[];

/* A line of progress for work that has stages: pass admin_stage and a zeroed struct; end it in any case. */
struct admin_stages {
    struct fh_progress *progress;
    const char *what;
};
void admin_stage(void *arg, const char *what, int64_t done, int64_t total);
void admin_stages_end(struct admin_stages *s);
const char *admin_size(struct admin *a, int64_t bytes); /* "1.4 MB" */

/* Run as root, what is made below the data folder must be the service user's: from the first on the process
 * acts as the folder's owner, until the second. Nothing happens for anybody else. */
fh_err admin_become_service(const struct admin *a, struct fh_error *e) FH_MUSTCHECK;
void admin_become_caller(void);

/* Every owner, users and organisations. */
fh_err admin_owners(struct admin *a, struct store_owner **out, size_t *n, struct fh_error *e) FH_MUSTCHECK;

/* fsck of the whole hub, printed (as text); *sound is false when it found faults. */
fh_err admin_fsck_print(struct admin *a, bool deep, bool *sound, struct fh_error *e) FH_MUSTCHECK;

#endif
