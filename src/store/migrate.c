#include "store/migrate.h"

#include <assert.h>
#include <stdio.h>

#include "store/sql.h"

enum { APPLICATION_ID = 0x50727476 }; /* "Prtv" */

const struct migration store_migrations[] = {
#define X(migration_number, text) {.number = (migration_number), .sql = (text)},
#include "store/migrations.def"
#undef X
};
const size_t store_migration_count = ARRAY_LEN(store_migrations);

static enum err_code check(struct sql *sql, size_t count, int64_t *ret_version, struct err *err)
{
    int64_t application = 0;
    int64_t version = 0;
    int64_t objects = 0;
    if (sql_get_i64(sql, "PRAGMA application_id", SQL_NO_ARGS, &application, err) != ERR_OK ||
        sql_get_i64(sql, "PRAGMA user_version", SQL_NO_ARGS, &version, err) != ERR_OK ||
        sql_get_i64(sql, "SELECT count(*) FROM sqlite_schema", SQL_NO_ARGS, &objects, err) !=
            ERR_OK)
        return err_wrap(err, "read the schema");
    bool is_fresh = application == 0 && version == 0 && objects == 0;
    if (!is_fresh && (application != APPLICATION_ID || version < 1))
        return err_set(err, ERR_INVALID, "the database belongs to another program");
    if (version > (int64_t)count)
        return err_set(
            err, ERR_INVALID,
            "the database is from a newer version of portreeve (its schema is %lld, this "
            "one knows %zu): run that version, or restore an older copy",
            (long long)version, count);
    *ret_version = version;
    return ERR_OK;
}

enum err_code migrate_check(struct sql *sql, size_t count, struct err *err)
{
    int64_t version = 0;
    return check(sql, count, &version, err);
}

static enum err_code run_one(struct sql *sql, void *ctx, struct err *err)
{
    const struct migration *migration = ctx;
    char numbers[96];
    snprintf(numbers, sizeof numbers, "PRAGMA application_id = %d; PRAGMA user_version = %d;",
             APPLICATION_ID, migration->number);
    enum err_code code = sql_script(sql, migration->sql, err);
    return code == ERR_OK ? sql_script(sql, numbers, err) : code;
}

enum err_code migrate(struct sql *sql, const struct migration *migrations, size_t count,
                      struct err *err)
{
    int64_t version = 0;
    enum err_code code = check(sql, count, &version, err);
    if (code != ERR_OK)
        return code;
    for (size_t i = (size_t)version; i < count; i++) {
        assert(migrations[i].number == (int)i + 1);
        struct migration one = migrations[i];
        code = sql_transaction(sql, SQL_WRITE, run_one, &one, err);
        if (code != ERR_OK)
            return err_wrap(err, "migrate");
    }
    return ERR_OK;
}
