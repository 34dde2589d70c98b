#include "unit.h"

#include <signal.h>
#include <sys/wait.h>

#include "scratch.h"
#include "store/lock.h"

static void the_second_is_told_who_is_running(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    struct err err;
    struct data_lock *lock = NULL;
    struct data_lock *second = NULL;
    char pid[24];
    snprintf(pid, sizeof pid, "process %ld", (long)getpid());
    assert_ok(data_lock_take(scratch.dir, &lock, &err), err);
    assert_int_equal(data_lock_take(scratch.dir, &second, &err), ERR_CONFLICT);
    assert_null(second);
    assert_non_null(strstr(err.text, "already running"));
    assert_non_null(strstr(err.text, pid));
    data_lock_release(lock);
    assert_ok(data_lock_take(scratch.dir, &second, &err), err);
    data_lock_release(second);
    scratch_remove(&scratch);
}

static void a_killed_holder_leaves_no_lock(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    struct err err;
    struct data_lock *lock = NULL;
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        if (data_lock_take(scratch.dir, &lock, &err) != ERR_OK || write(ready[1], "x", 1) != 1)
            _exit(1);
        pause();
    }
    char byte;
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(data_lock_take(scratch.dir, &lock, &err), ERR_CONFLICT);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    assert_ok(data_lock_take(scratch.dir, &lock, &err), err);
    data_lock_release(lock);
    close(ready[0]);
    close(ready[1]);
    scratch_remove(&scratch);
}

static void a_lock_that_is_a_link_is_refused(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    struct err err;
    struct data_lock *lock = NULL;
    assert_int_equal(symlink("/dev/null", scratch_path(&scratch, "lock")), 0);
    assert_int_equal(data_lock_take(scratch.dir, &lock, &err), ERR_IO);
    assert_int_equal(data_lock_take("/nonexistent", &lock, &err), ERR_IO);
    data_lock_release(NULL);
    scratch_remove(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_second_is_told_who_is_running),
        cmocka_unit_test(a_killed_holder_leaves_no_lock),
        cmocka_unit_test(a_lock_that_is_a_link_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
