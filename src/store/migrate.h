/*
 * migrate.h - brings a database to the schema this program knows. Private to room store.
 *
 * The file carries Portreeve's application id and the number of its last migration. Each migration
 * runs in one transaction together with its number: a crash leaves the one before.
 */
#pragma once

#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"

struct sql;

struct migration {
    int number; /* 1, 2, 3, … */
    const char *sql;
};

/* ERR_INVALID: the file belongs to another program, or to a newer version of this one, which knows
 * more than count migrations. Nothing is touched. */
enum err_code migrate_check(struct sql *sql, size_t count, struct err *err) MUST_CHECK;
/* The same check; then runs those that are missing, in order. */
enum err_code migrate(struct sql *sql, const struct migration *migrations, size_t count,
                      struct err *err) MUST_CHECK;

/* All migrations of the store, from the empty file on. */
extern const struct migration store_migrations[];
extern const size_t store_migration_count;
