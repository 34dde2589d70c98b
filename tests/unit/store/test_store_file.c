#include "unit.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <sqlite3.h>

#include "base/arena.h"
#include "scratch.h"
#include "store/store.h"

static const struct store_change nobody = {.now_us = 1000};

static void make_file(const char *path, const void *bytes, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), (ssize_t)len);
    close(fd);
}

static void run_sql(const char *path, const char *text)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void make_store(const char *path)
{
    struct err err;
    struct store *store = NULL;
    assert_ok(store_open(path, &store, &err), err);
    assert_ok(store_save_meta(store, STR("k"), STR("v"), &err), err);
    store_close(store);
}

static enum err_code open_code(const char *path, struct err *err)
{
    CLEANUP(store_closep) struct store *store = NULL;
    return store_open(path, &store, err);
}

static void a_database_from_a_newer_version_is_refused_in_clear_words(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    const char *path = scratch_path(&scratch, "store.db");
    struct err err;
    make_store(path);
    run_sql(path, "PRAGMA user_version = 999");
    assert_int_equal(open_code(path, &err), ERR_INVALID);
    assert_non_null(strstr(err.text, "newer version"));
    assert_non_null(strstr(err.text, "999"));
    scratch_remove(&scratch);
}

static void the_database_of_another_program_is_refused_and_left_alone(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    const char *path = scratch_path(&scratch, "store.db");
    struct err err;
    run_sql(path, "CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1);");
    struct stat before;
    struct stat after;
    assert_int_equal(stat(path, &before), 0);
    assert_int_equal(open_code(path, &err), ERR_INVALID);
    assert_non_null(strstr(err.text, "another program"));
    assert_int_equal(stat(path, &after), 0);
    assert_int_equal(before.st_size, after.st_size);
    assert_int_equal(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
    run_sql(path, "PRAGMA application_id = 7; SELECT * FROM theirs;");
    assert_int_equal(open_code(path, &err), ERR_INVALID);
    scratch_remove(&scratch);
}

static void a_file_that_is_no_database_is_corrupt(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    const char *path = scratch_path(&scratch, "store.db");
    struct err err;
    static char noise[8192];
    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (char)(i * 31 + 7);
    make_file(path, noise, sizeof noise);
    assert_int_equal(open_code(path, &err), ERR_CORRUPT);
    scratch_remove(&scratch);
}

static void a_torn_file_is_corrupt(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    const char *path = scratch_path(&scratch, "store.db");
    struct err err;
    struct stat found;
    make_store(path);
    assert_int_equal(stat(path, &found), 0);
    for (off_t cut = 4096; cut < found.st_size; cut += 4096 * 3) {
        assert_int_equal(unlink(path), 0);
        make_store(path);
        assert_int_equal(truncate(path, found.st_size - cut), 0);
        assert_int_equal(open_code(path, &err), ERR_CORRUPT);
    }
    scratch_remove(&scratch);
}

static void a_page_full_of_noise_is_corrupt(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    const char *path = scratch_path(&scratch, "store.db");
    struct err err;
    make_store(path);
    static char noise[4096];
    memset(noise, 0xa5, sizeof noise);
    int fd = open(path, O_WRONLY);
    assert_int_equal(pwrite(fd, noise, sizeof noise, 4096 * 2), (ssize_t)sizeof noise);
    close(fd);
    assert_int_equal(open_code(path, &err), ERR_CORRUPT);
    scratch_remove(&scratch);
}

static void a_store_has_one_connection(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    const char *path = scratch_path(&scratch, "store.db");
    struct err err;
    int go[2];
    char byte = 'x';
    assert_int_equal(pipe(go), 0);
    pid_t child = fork();
    if (child == 0)
        _exit(read(go[0], &byte, 1) == 1 && open_code(path, &err) == ERR_CONFLICT ? 0 : 1);

    struct store *store = NULL;
    assert_ok(store_open(path, &store, &err), err);
    assert_int_equal(open_code(path, &err), ERR_CONFLICT);
    assert_int_equal(write(go[1], &byte, 1), 1);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    close(go[0]);
    close(go[1]);
    assert_ok(store_save_meta(store, STR("k"), STR("v"), &err), err);
    store_close(store);
    assert_int_equal(open_code(path, &err), ERR_OK);
    scratch_remove(&scratch);
}

static void what_was_acknowledged_survives_a_killed_process(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    const char *path = scratch_path(&scratch, "store.db");
    int pipe_fds[2];
    assert_int_equal(pipe(pipe_fds), 0);
    pid_t child = fork();
    if (child == 0) {
        struct err err;
        struct store *store = NULL;
        if (store_open(path, &store, &err) != ERR_OK ||
            store_save_meta(store, STR("k"), STR("kept"), &err) != ERR_OK ||
            write(pipe_fds[1], "x", 1) != 1)
            _exit(1);
        pause();
    }
    char byte;
    assert_int_equal(read(pipe_fds[0], &byte, 1), 1);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    close(pipe_fds[0]);
    close(pipe_fds[1]);

    CLEANUP(arena_freep) struct arena *arena = arena_new(4096);
    struct err err;
    struct str value;
    struct store *store = NULL;
    assert_ok(store_open(path, &store, &err), err);
    assert_ok(store_load_meta(store, arena, STR("k"), &value, &err), err);
    assert_str(value, "kept");
    store_close(store);
    scratch_remove(&scratch);
}

/* A file size limit makes writes fail in the middle of a transaction, as a bad disk does. */
static void set_file_limit(rlim_t bytes)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void a_failed_write_changes_nothing_and_the_store_goes_on_afterwards(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    const char *path = scratch_path(&scratch, "store.db");
    struct err err;
    struct store *store = NULL;
    assert_ok(store_open(path, &store, &err), err);
    struct robot robot = {.name = STR("r"), .owner = STR("o@x")};
    struct governance governance = {.robots = &robot, .robot_count = 1};
    const struct store_change change = {.id = STR("c"), .now_us = 1};
    uint64_t version = 0;

    signal(SIGXFSZ, SIG_IGN);
    set_file_limit(4096);
    for (int i = 0; i < 3; i++) {
        enum err_code code = store_save_governance(store, &governance, 0, &change, &version, &err);
        assert_true(code == ERR_IO || code == ERR_UNAVAILABLE);
    }
    set_file_limit(RLIM_INFINITY);

    bool has = true;
    assert_ok(store_has_change(store, STR("c"), &has, &err), err);
    assert_false(has);
    assert_ok(store_policy_version(store, &version, &err), err);
    assert_int_equal(version, 1);
    assert_ok(store_save_governance(store, &governance, 0, &change, &version, &err), err);
    assert_int_equal(version, 2);
    store_close(store);
    scratch_remove(&scratch);
}

static void other_databases_and_missing_directories_are_refused(void **state)
{
    (void)state;
    struct err err;
    assert_int_equal(open_code("postgresql://localhost/x", &err), ERR_INVALID);
    assert_int_equal(open_code("/nonexistent/store.db", &err), ERR_IO);
    assert_non_null(strstr(err.text, "/nonexistent/store.db"));
}

static void an_unknown_word_in_the_database_is_an_error_not_a_right(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    const char *path = scratch_path(&scratch, "store.db");
    struct err err;
    struct store *store = NULL;
    assert_ok(store_open(path, &store, &err), err);
    struct grant grant = {
        .name = STR("g"), .server = STR("s"), .categories = CATEGORY_BIT(CATEGORY_READ_ONLY)};
    struct governance governance = {.grants = &grant, .grant_count = 1};
    uint64_t version = 0;
    assert_ok(store_save_governance(store, &governance, 0, &nobody, &version, &err), err);
    store_close(store);
    run_sql(path, "UPDATE access_grant SET categories = 'read-only,everything'");

    CLEANUP(arena_freep) struct arena *arena = arena_new(1 << 20);
    struct governance found;
    assert_ok(store_open(path, &store, &err), err);
    assert_int_equal(store_load_governance(store, arena, &found, &err), ERR_CORRUPT);
    assert_non_null(strstr(err.text, "everything"));
    store_close(store);
    scratch_remove(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_database_from_a_newer_version_is_refused_in_clear_words),
        cmocka_unit_test(the_database_of_another_program_is_refused_and_left_alone),
        cmocka_unit_test(a_file_that_is_no_database_is_corrupt),
        cmocka_unit_test(a_torn_file_is_corrupt),
        cmocka_unit_test(a_page_full_of_noise_is_corrupt),
        cmocka_unit_test(a_store_has_one_connection),
        cmocka_unit_test(what_was_acknowledged_survives_a_killed_process),
        cmocka_unit_test(a_failed_write_changes_nothing_and_the_store_goes_on_afterwards),
        cmocka_unit_test(other_databases_and_missing_directories_are_refused),
        cmocka_unit_test(an_unknown_word_in_the_database_is_an_error_not_a_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
