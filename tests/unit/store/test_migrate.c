#include "unit.h"

#include "scratch.h"
#include "store/migrate.h"
#include "store/sql.h"

static const struct migration steps[] = {
    {1, "CREATE TABLE a (x INTEGER); INSERT INTO a VALUES (1);"},
    {2, "ALTER TABLE a ADD COLUMN y INTEGER NOT NULL DEFAULT 5; UPDATE a SET x = 2;"},
    {3, "CREATE TABLE b (z INTEGER);"},
};

static struct sql *open_sql(const struct scratch *scratch)
{
    struct err err;
    struct sql *sql = NULL;
    assert_ok(sql_open(scratch_path(scratch, "m.db"), &sql, &err), err);
    assert_ok(sql_use_wal(sql, &err), err);
    return sql;
}

static int64_t number(struct sql *sql, const char *text)
{
    struct err err;
    int64_t value = -1;
    assert_ok(sql_get_i64(sql, text, SQL_NO_ARGS, &value, &err), err);
    return value;
}

static void each_version_leads_to_the_newest(void **state)
{
    (void)state;
    for (size_t start = 0; start <= ARRAY_LEN(steps); start++) {
        struct scratch scratch = scratch_make();
        struct err err;
        struct sql *sql = open_sql(&scratch);
        assert_ok(migrate(sql, steps, start, &err), err);
        sql_close(sql);
        sql = open_sql(&scratch);
        assert_ok(migrate(sql, steps, ARRAY_LEN(steps), &err), err);
        assert_int_equal(number(sql, "PRAGMA user_version"), 3);
        assert_int_equal(number(sql, "SELECT x * 10 + y FROM a"), 25);
        assert_int_equal(number(sql, "SELECT count(*) FROM b"), 0);
        assert_ok(migrate(sql, steps, ARRAY_LEN(steps), &err), err);
        sql_close(sql);
        scratch_remove(&scratch);
    }
}

static void a_step_that_fails_leaves_the_version_before_it(void **state)
{
    (void)state;
    static const struct migration broken[] = {
        {1, "CREATE TABLE a (x INTEGER);"},
        {2, "INSERT INTO a VALUES (1); INSERT INTO nowhere VALUES (1);"},
    };
    struct scratch scratch = scratch_make();
    struct err err;
    struct sql *sql = open_sql(&scratch);
    assert_int_equal(migrate(sql, broken, 2, &err), ERR_INTERNAL);
    assert_int_equal(number(sql, "PRAGMA user_version"), 1);
    assert_int_equal(number(sql, "SELECT count(*) FROM a"), 0);
    assert_false(sql_is_broken(sql));
    sql_close(sql);
    scratch_remove(&scratch);
}

static void a_newer_database_is_refused_and_left_alone(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    struct err err;
    struct sql *sql = open_sql(&scratch);
    assert_ok(migrate(sql, steps, 3, &err), err);
    assert_int_equal(migrate(sql, steps, 2, &err), ERR_INVALID);
    assert_int_equal(migrate_check(sql, 2, &err), ERR_INVALID);
    assert_ok(migrate_check(sql, 3, &err), err);
    assert_int_equal(number(sql, "PRAGMA user_version"), 3);
    sql_close(sql);
    scratch_remove(&scratch);
}

static void the_steps_of_the_store_are_numbered_without_a_gap(void **state)
{
    (void)state;
    for (size_t i = 0; i < store_migration_count; i++)
        assert_int_equal(store_migrations[i].number, i + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_version_leads_to_the_newest),
        cmocka_unit_test(a_step_that_fails_leaves_the_version_before_it),
        cmocka_unit_test(a_newer_database_is_refused_and_left_alone),
        cmocka_unit_test(the_steps_of_the_store_are_numbered_without_a_gap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
