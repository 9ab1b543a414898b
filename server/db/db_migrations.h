/* The table of migrations that the build makes from migrations/. */
#ifndef DB_MIGRATIONS_H
#define DB_MIGRATIONS_H

struct db_migration {
    int version; /* counts from 1 without gaps */
    const char *name;
    const char *sql;
};
extern const struct db_migration db_migrations[];
extern const int db_migration_count;

#endif
