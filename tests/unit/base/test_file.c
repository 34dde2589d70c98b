#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

static char dir[64];

static const char *in_dir(const char *name)
{
    static char paths[4][128];
    static unsigned next;
    char *path = paths[next++ % 4];

    (void)snprintf(path, sizeof paths[0], "%s/%s", dir, name);
    return path;
}

static int make_dir(void **state)
{
    (void)state;
    (void)snprintf(dir, sizeof dir, "/tmp/portreeve-file-XXXXXX");
    return mkdtemp(dir) == NULL ? -1 : 0;
}

static int remove_one(const char *path, const struct stat *facts, int kind, struct FTW *ftw)
{
    (void)facts;
    (void)kind;
    (void)ftw;
    return remove(path);
}

static int remove_dir(void **state)
{
    (void)state;
    return nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void assert_mode(const char *path, mode_t mode)
{
    struct stat facts;

    assert_int_equal(stat(path, &facts), 0);
    assert_int_equal(facts.st_mode & 07777, mode);
}

static void what_was_written_is_read_whole(void **state)
{
    (void)state;
    static const struct str texts[] = {STR_INIT(""), STR_INIT("x"), STR_INIT("a\0b\n\xff")};
    struct str text;
    struct err err;

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        CLEANUP(arena_freep) struct arena *arena = arena_new(4096);

        assert_ok(file_write(in_dir("f"), texts[i], 0600, &err), err);
        assert_ok(file_read(arena, in_dir("f"), 100, &text, &err), err);
        assert_true(str_eq(text, texts[i]));
        assert_int_equal(text.ptr[text.len], '\0');
    }
    assert_mode(in_dir("f"), 0600);
    assert_int_equal(access(in_dir("f.new"), F_OK), -1);
}

static void the_mode_is_that_of_the_new_file(void **state)
{
    (void)state;
    struct err err;
    mode_t before = umask(022);

    assert_ok(file_write(in_dir("m"), STR("old"), 0644, &err), err);
    assert_mode(in_dir("m"), 0644);
    assert_ok(file_write(in_dir("m"), STR("secret"), 0600, &err), err);
    assert_mode(in_dir("m"), 0600);
    (void)umask(before);
}

/* Somebody's link at the place of the temporary file must not be written through. */
static void a_planted_link_is_replaced_and_not_followed(void **state)
{
    (void)state;
    CLEANUP(arena_freep) struct arena *arena = arena_new(4096);
    struct str text;
    struct err err;

    assert_ok(file_write(in_dir("victim"), STR("kept"), 0600, &err), err);
    assert_int_equal(symlink(in_dir("victim"), in_dir("l.new")), 0);
    assert_ok(file_write(in_dir("l"), STR("new"), 0600, &err), err);
    assert_ok(file_read(arena, in_dir("victim"), 100, &text, &err), err);
    assert_str(text, "kept");
}

static void a_failed_write_leaves_the_old_file(void **state)
{
    (void)state;
    struct err err;

    assert_int_equal(file_write(in_dir("none/f"), STR("x"), 0600, &err), ERR_IO);
    assert_int_equal(mkdir(in_dir("d"), 0700), 0);
    assert_int_equal(file_write(in_dir("d"), STR("x"), 0600, &err), ERR_IO);
    assert_int_equal(access(in_dir("d.new"), F_OK), -1);
}

static void reading_says_what_is_wrong(void **state)
{
    (void)state;
    CLEANUP(arena_freep) struct arena *arena = arena_new(64);
    struct str text = STR("untouched");
    struct err err;

    assert_int_equal(file_read(arena, in_dir("nothing"), 100, &text, &err), ERR_NOT_FOUND);
    assert_int_equal(file_read(arena, dir, 100, &text, &err), ERR_INVALID);
    assert_int_equal(file_read(arena, in_dir("nothing/at/all"), 100, &text, &err), ERR_NOT_FOUND);
    assert_ok(file_write(in_dir("long"), STR("12345678901"), 0600, &err), err);
    assert_int_equal(file_read(arena, in_dir("long"), 10, &text, &err), ERR_LIMIT);
    assert_int_equal(file_read(arena, in_dir("long/f"), 10, &text, &err), ERR_IO);
    CLEANUP(arena_freep) struct arena *small = arena_new(8);
    assert_int_equal(file_read(small, in_dir("long"), 100, &text, &err), ERR_LIMIT);
    assert_str(text, "untouched");
}

static void a_pipe_is_refused_without_waiting_for_its_writer(void **state)
{
    (void)state;
    CLEANUP(arena_freep) struct arena *arena = arena_new(64);
    struct str text;
    struct err err;

    assert_int_equal(mkfifo(in_dir("fifo"), 0600), 0);
    (void)alarm(5);
    assert_int_equal(file_read(arena, in_dir("fifo"), 100, &text, &err), ERR_INVALID);
    (void)alarm(0);
}

static void directories_are_made_with_those_above(void **state)
{
    (void)state;
    struct err err;

    assert_ok(file_make_dir(in_dir("a/b/c"), &err), err);
    assert_mode(in_dir("a"), 0700);
    assert_mode(in_dir("a/b/c"), 0700);
    assert_ok(file_make_dir(in_dir("a/b/c"), &err), err);
    assert_ok(file_make_dir(in_dir("a//e/"), &err), err);
    assert_mode(in_dir("a/e"), 0700);
}

static void a_file_in_the_way_is_an_error(void **state)
{
    (void)state;
    struct err err;

    assert_ok(file_write(in_dir("plain"), STR("x"), 0600, &err), err);
    assert_int_equal(file_make_dir(in_dir("plain"), &err), ERR_IO);
    assert_int_equal(file_make_dir(in_dir("plain/x"), &err), ERR_IO);
    assert_int_equal(file_make_dir("", &err), ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_read_whole),
        cmocka_unit_test(the_mode_is_that_of_the_new_file),
        cmocka_unit_test(a_planted_link_is_replaced_and_not_followed),
        cmocka_unit_test(a_failed_write_leaves_the_old_file),
        cmocka_unit_test(reading_says_what_is_wrong),
        cmocka_unit_test(a_pipe_is_refused_without_waiting_for_its_writer),
        cmocka_unit_test(directories_are_made_with_those_above),
        cmocka_unit_test(a_file_in_the_way_is_an_error),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
