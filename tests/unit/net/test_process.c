#include "unit.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include "base/buf.h"
#include "base/clock.h"
#include "net/launcher.h"
#include "net/loop.h"
#include "net/process.h"

enum { MAX_WAIT_MS = 20000 };

/* One process and what it said. */
struct run {
    struct loop *loop;
    struct process *process;
    struct buf out;
    struct buf lines; /* each with a '|' behind it */
    struct process_status status;
    int exits;
    int drains;
};

static struct launcher *launcher;

static int start(void **state)
{
    (void)state;
    return launcher_start(&launcher, NULL) == ERR_OK ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    launcher_stop(launcher);
    return 0;
}

static void on_stdout(struct process *process, struct str bytes)
{
    struct run *run = process_ctx(process);
    buf_add(&run->out, bytes);
}

static void on_stderr_line(struct process *process, struct str line)
{
    struct run *run = process_ctx(process);
    buf_add(&run->lines, line);
    buf_add_byte(&run->lines, '|');
}

static void on_drain(struct process *process)
{
    struct run *run = process_ctx(process);
    run->drains++;
}

static void on_exit_status(struct process *process, const struct process_status *status)
{
    struct run *run = process_ctx(process);
    run->status = *status;
    run->exits++;
}

static const struct process_ops ops = {.on_stdout = on_stdout,
                                       .on_stderr_line = on_stderr_line,
                                       .on_drain = on_drain,
                                       .on_exit = on_exit_status};

static void wait_timed_out(uv_timer_t *timer)
{
    bool *is_over = timer->data;
    *is_over = true;
}

/* Turns the loop until *count reaches target; a test that waits too long fails. */
static void turn_until(struct loop *loop, const int *count, int target)
{
    bool is_over = false;
    uv_timer_t timer;

    (void)uv_timer_init(loop_uv(loop), &timer);
    timer.data = &is_over;
    (void)uv_timer_start(&timer, wait_timed_out, MAX_WAIT_MS, 0);
    while (*count < target && !is_over)
        (void)uv_run(loop_uv(loop), UV_RUN_ONCE);
    uv_close((uv_handle_t *)&timer, NULL);
    (void)uv_run(loop_uv(loop), UV_RUN_NOWAIT);
    assert_false(is_over);
}

/* Turns the loop until stdout is at least this long. */
static void turn_until_out(struct run *run, size_t len)
{
    uint64_t start_us = clock_mono_us();

    while (run->out.len < len) {
        (void)uv_run(loop_uv(run->loop), UV_RUN_NOWAIT);
        (void)usleep(1000);
        assert_true(clock_mono_us() - start_us < (uint64_t)MAX_WAIT_MS * 1000);
    }
}

static void begin(struct run *run)
{
    *run = (struct run){.loop = loop_new(16)};
    assert_non_null(run->loop);
    buf_init(&run->out, (size_t)64 << 20);
    buf_init(&run->lines, 1 << 20);
}

static void open_spec(struct run *run, const struct process_spec *spec)
{
    struct err err;
    assert_ok(process_open(run->loop, launcher, spec, &ops, run, &run->process, &err), err);
}

/* sh -c script */
static void open_shell(struct run *run, const char *script)
{
    const struct str argv[] = {STR("sh"), STR("-c"), str_c(script)};
    begin(run);
    open_spec(run, &(struct process_spec){.argv = argv, .argc = 3});
}

static void end(struct run *run)
{
    turn_until(run->loop, &run->exits, 1);
    (void)uv_run(loop_uv(run->loop), UV_RUN_NOWAIT);
    assert_int_equal(run->exits, 1);
    loop_free(run->loop);
    buf_done(&run->out);
    buf_done(&run->lines);
}

/* A dead process may still wait for its reaper. */
static bool is_alive(pid_t pid)
{
    char path[64];
    char text[512];
    char state = 'X';

    (void)snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    size_t len = fread(text, 1, sizeof text - 1, file);
    (void)fclose(file);
    text[len] = '\0';
    const char *behind = strrchr(text, ')');
    return behind != NULL && sscanf(behind + 1, " %c", &state) == 1 && state != 'Z' && state != 'X';
}

static bool dies_within(pid_t pid, int ms)
{
    for (int waited = 0; waited < ms; waited += 10) {
        if (!is_alive(pid))
            return true;
        (void)usleep(10000);
    }
    return false;
}

static pid_t pid_in(const struct run *run)
{
    char text[16] = "";
    struct str out = str_first(buf_str(&run->out), sizeof text - 1);

    memcpy(text, out.ptr, out.len);
    return (pid_t)strtol(text, NULL, 10);
}

static void what_is_written_comes_back_and_closing_stdin_ends_it(void **state)
{
    (void)state;
    struct run run;
    open_shell(&run, "cat; exit 7");
    const struct str pieces[] = {STR("{\"a\":"), STR(""), STR("1}\n")};
    assert_true(process_write(run.process, pieces, 3));
    turn_until_out(&run, 8);
    assert_str(buf_str(&run.out), "{\"a\":1}\n");
    assert_true(process_pid(run.process) > 0);
    assert_true(is_alive(process_pid(run.process)));
    process_close(run.process);
    process_close(run.process);
    turn_until(run.loop, &run.exits, 1);
    assert_int_equal(run.status.end, PROCESS_EXITED);
    assert_int_equal(run.status.value, 7);
    end(&run);
}

static void output_up_to_the_exit_is_delivered_before_it(void **state)
{
    (void)state;
    struct run run;
    open_shell(&run, "head -c 1000000 /dev/zero; echo last >&2; kill -SEGV $$");
    turn_until(run.loop, &run.exits, 1);
    assert_int_equal(run.out.len, 1000000);
    assert_str(buf_str(&run.lines), "last|");
    assert_int_equal(run.status.end, PROCESS_SIGNALLED);
    assert_int_equal(run.status.value, SIGSEGV);
    end(&run);
}

static void stderr_comes_in_lines_and_a_long_one_in_pieces(void **state)
{
    (void)state;
    struct run run;
    open_shell(&run, "printf 'one\\ntw' >&2; sleep 0.1; printf 'o\\r\\n\\n' >&2;"
                     "head -c 5000 /dev/zero | tr '\\0' x >&2; printf '\\nunfinished' >&2");
    turn_until(run.loop, &run.exits, 1);
    struct str lines = buf_str(&run.lines);
    assert_true(str_starts(lines, STR("one|two||xxx")));
    assert_true(str_ends(lines, STR("x|unfinished|")));
    assert_int_equal(lines.len, 9 + 5000 + 2 + 11);
    assert_int_equal(lines.ptr[9 + PROCESS_LINE_BYTES], '|');
    end(&run);
}

static void a_program_that_does_not_exist_is_said_by_on_exit(void **state)
{
    (void)state;
    struct run run;
    char text[PROCESS_STATUS_BYTES];
    const struct str argv[] = {STR("no-such-program-anywhere")};
    begin(&run);
    open_spec(&run, &(struct process_spec){.argv = argv, .argc = 1});
    turn_until(run.loop, &run.exits, 1);
    assert_int_equal(run.status.end, PROCESS_NOT_STARTED);
    assert_int_equal(run.status.value, ENOENT);
    process_format_status(&run.status, text);
    assert_str(str_c(text), "could not start: No such file or directory");
    end(&run);
}

static void a_directory_that_does_not_exist_is_said_by_on_exit(void **state)
{
    (void)state;
    struct run run;
    const struct str argv[] = {STR("pwd")};
    begin(&run);
    open_spec(&run, &(struct process_spec){
                        .argv = argv, .argc = 1, .directory = STR("/no/such/directory")});
    turn_until(run.loop, &run.exits, 1);
    assert_int_equal(run.status.end, PROCESS_NOT_STARTED);
    end(&run);
    begin(&run);
    open_spec(&run, &(struct process_spec){.argv = argv, .argc = 1, .directory = STR("/usr")});
    turn_until(run.loop, &run.exits, 1);
    assert_str(buf_str(&run.out), "/usr\n");
    end(&run);
}

static void the_environment_is_what_is_named_and_four_more(void **state)
{
    (void)state;
    struct run run;
    const struct str argv[] = {STR("env")};
    const struct process_env env[] = {{STR("KEY"), STR("a=b c")}, {STR("HOME"), STR("/mine")}};
    begin(&run);
    open_spec(&run, &(struct process_spec){.argv = argv, .argc = 1, .env = env, .env_count = 2});
    turn_until(run.loop, &run.exits, 1);
    struct str rest = buf_str(&run.out);
    int homes = 0;
    int keys = 0;
    while (rest.len > 0) {
        struct str line = str_cut(&rest, '\n');
        homes += str_eq(line, STR("HOME=/mine"));
        keys += str_eq(line, STR("KEY=a=b c"));
        struct str name = str_cut(&line, '=');
        assert_true(str_eq(name, STR("KEY")) || str_eq(name, STR("HOME")) ||
                    str_eq(name, STR("PATH")) || str_eq(name, STR("LANG")) ||
                    str_eq(name, STR("TMPDIR")));
    }
    assert_int_equal(homes, 1);
    assert_int_equal(keys, 1);
    end(&run);
}

static void a_child_inherits_three_descriptors_and_no_signal_is_blocked(void **state)
{
    (void)state;
    struct run run;
    open_shell(&run, "ls -m /proc/$$/fd; grep -E 'Sig(Blk|Ign)' /proc/self/status");
    turn_until(run.loop, &run.exits, 1);
    static const char expected[] = "0, 1, 2\nSigBlk:\t0000000000000000\nSigIgn:\t";
    struct str out = buf_str(&run.out);

    assert_true(str_starts(out, STR("0, 1, 2\nSigBlk:\t0000000000000000\nSigIgn:\t")));
    /* 32 and 33 are glibc's own and may come ignored from outside: nobody can change them. */
    unsigned long long ignored = strtoull(out.ptr + sizeof expected - 1, NULL, 16);
    assert_int_equal(ignored & ~(3ull << 31), 0);
    end(&run);
}

static void what_would_forge_a_request_to_the_launcher_is_refused(void **state)
{
    (void)state;
    struct err err;
    struct run run;
    const struct str nul[] = {STR("cat"), STR("a\0b")};
    const struct str good[] = {STR("cat")};
    const struct process_env env[] = {{STR("A=B"), STR("c")}};
    char *huge = calloc(1, PROCESS_SPEC_BYTES);
    assert_non_null(huge);
    memset(huge, 'x', PROCESS_SPEC_BYTES);
    const struct str long_one[] = {STR("cat"), str_of(huge, PROCESS_SPEC_BYTES)};
    const struct process_spec specs[] = {
        {.argv = nul, .argc = 2},
        {.argv = good, .argc = 0},
        {.argv = good, .argc = 1, .env = env, .env_count = 1},
        {.argv = long_one, .argc = 2},
    };
    begin(&run);
    for (size_t i = 0; i < ARRAY_LEN(specs); i++)
        assert_int_equal(
            process_open(run.loop, launcher, &specs[i], &ops, &run, &run.process, &err),
            ERR_INVALID);
    const struct str longest[] = {STR("true"), str_of(huge, PROCESS_SPEC_BYTES - 100)};
    open_spec(&run, &(struct process_spec){.argv = longest, .argc = 2});
    turn_until(run.loop, &run.exits, 1);
    assert_int_equal(run.status.end, PROCESS_EXITED);
    end(&run);
    free(huge);
}

static void a_reader_that_sleeps_fills_the_queue_up_to_its_bound(void **state)
{
    (void)state;
    struct run run;
    const struct str argv[] = {STR("sh"), STR("-c"), STR("sleep 0.3; cat | wc -c")};
    static char block[65536];
    const struct str piece = str_of(block, sizeof block);
    uint64_t written = 0;
    begin(&run);
    open_spec(&run, &(struct process_spec){.argv = argv, .argc = 3, .max_queued_bytes = 1 << 20});
    while (process_write(run.process, &piece, 1))
        written += sizeof block;
    assert_true(written > 1 << 20);
    assert_true(process_queued_bytes(run.process) <= 1 << 20);
    turn_until(run.loop, &run.drains, 1);
    assert_int_equal(process_queued_bytes(run.process), 0);
    assert_true(process_write(run.process, &piece, 1));
    written += sizeof block;
    process_close(run.process);
    turn_until(run.loop, &run.exits, 1);
    /* Closing drops output, never input. */
    assert_int_equal(run.out.len, 0);
    assert_int_equal(run.status.value, 0);
    end(&run);
}

static void reading_stops_while_it_is_paused(void **state)
{
    (void)state;
    struct run run;
    open_shell(&run, "head -c 3000000 /dev/zero");
    process_pause_read(run.process);
    for (int i = 0; i < 100; i++) {
        (void)uv_run(loop_uv(run.loop), UV_RUN_NOWAIT);
        (void)usleep(2000);
    }
    assert_int_equal(run.out.len, 0);
    assert_int_equal(run.exits, 0);
    process_resume_read(run.process);
    turn_until(run.loop, &run.exits, 1);
    assert_int_equal(run.out.len, 3000000);
    end(&run);
}

static void who_ignores_stdin_and_term_is_killed_with_all_its_children(void **state)
{
    (void)state;
    struct run run;
    open_shell(&run, "trap '' TERM; setsid sh -c 'sleep 1000' & echo $!; "
                     "while :; do sleep 1000; done");
    turn_until_out(&run, 2);
    (void)usleep(100000);
    pid_t grandchild = pid_in(&run);
    pid_t child = process_pid(run.process);
    assert_true(is_alive(grandchild));
    uint64_t start_us = clock_mono_us();
    process_close(run.process);
    turn_until(run.loop, &run.exits, 1);
    uint64_t took_ms = (clock_mono_us() - start_us) / 1000;
    assert_true(took_ms >= 2 * PROCESS_GRACE_MS - 100 && took_ms < 3 * PROCESS_GRACE_MS);
    assert_int_equal(run.status.end, PROCESS_SIGNALLED);
    assert_int_equal(run.status.value, SIGKILL);
    assert_true(dies_within(grandchild, 1000));
    assert_false(is_alive(child));
    end(&run);
}

static void a_loop_that_is_freed_still_ends_what_does_not_end_by_itself(void **state)
{
    (void)state;
    struct run run;
    open_shell(&run, "echo x; exec sleep 1000");
    turn_until_out(&run, 2);
    loop_stop(run.loop);
    process_close(run.process);
    loop_free(run.loop);
    assert_int_equal(run.exits, 1);
    assert_int_equal(run.status.end, PROCESS_SIGNALLED);
    assert_int_equal(run.status.value, SIGTERM);
    buf_done(&run.out);
    buf_done(&run.lines);
}

static void who_leaves_children_behind_does_not_leave_them_alive(void **state)
{
    (void)state;
    struct run run;
    open_shell(&run, "sh -c 'trap \"\" TERM; while :; do sleep 1000; done' & echo $!; exit 0");
    turn_until(run.loop, &run.exits, 1);
    assert_int_equal(run.status.end, PROCESS_EXITED);
    assert_true(dies_within(pid_in(&run), 5000));
    end(&run);
}

static void a_child_that_closes_its_output_is_closed(void **state)
{
    (void)state;
    struct run run;
    open_shell(&run, "exec >&-; cat >/dev/null; exit 3");
    turn_until(run.loop, &run.exits, 1);
    assert_int_equal(run.status.value, 3);
    end(&run);
}

static void many_run_at_once(void **state)
{
    (void)state;
    enum { RUNS = 20 };
    static struct run runs[RUNS];
    for (int i = 0; i < RUNS; i++) {
        open_shell(&runs[i], "read line; echo \"$line\"");
        char text[16];
        int len = snprintf(text, sizeof text, "%d\n", i);
        const struct str piece = str_of(text, (size_t)len);
        assert_true(process_write(runs[i].process, &piece, 1));
    }
    for (int i = 0; i < RUNS; i++) {
        turn_until(runs[i].loop, &runs[i].exits, 1);
        assert_int_equal(pid_in(&runs[i]), i);
        end(&runs[i]);
    }
}

static void *be_a_worker(void *ctx)
{
    int *good = ctx;
    for (int i = 0; i < 8; i++) {
        struct run run;
        open_shell(&run, "read line; echo \"$line\"; exit 5");
        const struct str piece = STR("hello\n");
        if (process_write(run.process, &piece, 1))
            turn_until(run.loop, &run.exits, 1);
        *good += run.status.value == 5 && str_eq(buf_str(&run.out), STR("hello\n"));
        end(&run);
    }
    return NULL;
}

static void workers_share_the_launcher(void **state)
{
    (void)state;
    enum { WORKERS = 3 };
    pthread_t threads[WORKERS];
    int good[WORKERS] = {0};
    for (int i = 0; i < WORKERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, be_a_worker, &good[i]), 0);
    for (int i = 0; i < WORKERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(good[i], 8);
    }
}

/* A gateway of its own, which writes the pids of a child, a grandchild and one in a session of its
 * own to fd, and waits. */
static void be_a_gateway(int fd, bool stops_in_order)
{
    struct run run;

    if (launcher_start(&launcher, NULL) != ERR_OK)
        _exit(1);
    open_shell(&run, "trap '' TERM HUP; (sleep 1000 & echo $!); (setsid sleep 1000 & echo $!); "
                     "echo $$; while :; do sleep 1000; done");
    for (int lines = 0; lines < 3;) {
        (void)uv_run(loop_uv(run.loop), UV_RUN_ONCE);
        lines = 0;
        for (size_t i = 0; i < run.out.len; i++)
            lines += run.out.ptr[i] == '\n';
    }
    (void)!write(fd, run.out.ptr, run.out.len);
    if (stops_in_order)
        launcher_stop(launcher);
    (void)close(fd);
    if (stops_in_order)
        _exit(0);
    (void)pause();
    _exit(0);
}

static void end_a_gateway(bool stops_in_order)
{
    int ends[2];
    int pids[3];
    int status;
    assert_int_equal(pipe(ends), 0);
    pid_t gateway = fork();
    if (gateway == 0) {
        (void)close(ends[0]);
        be_a_gateway(ends[1], stops_in_order);
    }
    (void)close(ends[1]);
    FILE *said = fdopen(ends[0], "r");
    assert_int_equal(fscanf(said, "%d %d %d", &pids[0], &pids[1], &pids[2]), 3);
    if (!stops_in_order) {
        for (int i = 0; i < 3; i++)
            assert_true(is_alive(pids[i]));
        assert_int_equal(kill(gateway, SIGKILL), 0);
    }
    assert_int_equal(waitpid(gateway, &status, 0), gateway);
    for (int i = 0; i < 3; i++)
        assert_true(dies_within(pids[i], stops_in_order ? 1 : 5000));
    (void)fclose(said);
}

static void when_the_gateway_is_killed_nobody_is_left(void **state)
{
    (void)state;
    end_a_gateway(false);
}

static void when_the_launcher_has_stopped_nobody_is_left(void **state)
{
    (void)state;
    end_a_gateway(true);
}

static void a_launcher_that_is_gone_loses_its_children_and_starts_no_more(void **state)
{
    (void)state;
    struct run run;
    struct err err;
    struct launcher *shared = launcher;
    const struct str argv[] = {STR("cat")};
    assert_ok(launcher_start(&launcher, &err), err);
    open_shell(&run, "echo $PPID; cat");
    turn_until_out(&run, 2);
    pid_t child = process_pid(run.process);
    pid_t killed = pid_in(&run);
    siginfo_t info;
    assert_int_equal(kill(killed, SIGKILL), 0);
    turn_until(run.loop, &run.exits, 1);
    assert_int_equal(run.status.end, PROCESS_LOST);
    assert_true(dies_within(child, 1000));
    /* The kernel closes a channel of the dying before its control socket. */
    assert_int_equal(waitid(P_PID, (id_t)killed, &info, WEXITED | WNOWAIT), 0);
    assert_int_equal(process_open(run.loop, launcher,
                                  &(struct process_spec){.argv = argv, .argc = 1}, &ops, &run,
                                  &run.process, &err),
                     ERR_UNAVAILABLE);
    end(&run);
    launcher_stop(launcher);
    launcher = shared;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_comes_back_and_closing_stdin_ends_it),
        cmocka_unit_test(output_up_to_the_exit_is_delivered_before_it),
        cmocka_unit_test(stderr_comes_in_lines_and_a_long_one_in_pieces),
        cmocka_unit_test(a_program_that_does_not_exist_is_said_by_on_exit),
        cmocka_unit_test(a_directory_that_does_not_exist_is_said_by_on_exit),
        cmocka_unit_test(the_environment_is_what_is_named_and_four_more),
        cmocka_unit_test(a_child_inherits_three_descriptors_and_no_signal_is_blocked),
        cmocka_unit_test(what_would_forge_a_request_to_the_launcher_is_refused),
        cmocka_unit_test(a_reader_that_sleeps_fills_the_queue_up_to_its_bound),
        cmocka_unit_test(reading_stops_while_it_is_paused),
        cmocka_unit_test(who_ignores_stdin_and_term_is_killed_with_all_its_children),
        cmocka_unit_test(a_loop_that_is_freed_still_ends_what_does_not_end_by_itself),
        cmocka_unit_test(who_leaves_children_behind_does_not_leave_them_alive),
        cmocka_unit_test(a_child_that_closes_its_output_is_closed),
        cmocka_unit_test(many_run_at_once),
        cmocka_unit_test(workers_share_the_launcher),
        cmocka_unit_test(when_the_gateway_is_killed_nobody_is_left),
        cmocka_unit_test(when_the_launcher_has_stopped_nobody_is_left),
        cmocka_unit_test(a_launcher_that_is_gone_loses_its_children_and_starts_no_more),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
