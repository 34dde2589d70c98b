/* Injected errors of the disk: nothing is claimed that is not durable, and the log comes back by
 * itself. */
#include "audit/audit.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "audit_fixture.h"

/* What the hooks do. */
struct faults {
    _Atomic int write_errno;  /* of writes to journal files; 0: none */
    _Atomic int sync_errno;   /* of syncs of journal files */
    _Atomic int spare_errno;  /* of writes to spares */
    _Atomic int writes_until; /* that many journal writes go well first */
    _Atomic bool is_short;    /* every write is cut to a part */
    _Atomic size_t journal_writes;
};

static struct faults faults;

static bool is_journal(int fd)
{
    char link[64];
    char path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, path, sizeof path - 1);
    path[len < 0 ? 0 : len] = '\0';
    return strstr(path, "/journal-") != NULL;
}

static ssize_t faulty_pwritev(void *ctx, int fd, const struct iovec *iov, int count, off_t offset)
{
    (void)ctx;
    bool journal = is_journal(fd);
    int code = journal ? faults.write_errno : faults.spare_errno;
    if (journal)
        faults.journal_writes++;
    if (code != 0 && (!journal || faults.writes_until-- <= 0)) {
        /* Some of it reaches the disk all the same. */
        if (journal && iov[0].iov_len > 40)
            assert_int_equal(pwrite(fd, iov[0].iov_base, 40, offset), 40);
        errno = code;
        return -1;
    }
    if (faults.is_short && iov[0].iov_len > 3)
        return pwrite(fd, iov[0].iov_base, iov[0].iov_len / 2 + 1, offset);
    return pwritev(fd, iov, count, offset);
}

static int faulty_fdatasync(void *ctx, int fd)
{
    (void)ctx;
    if (faults.sync_errno != 0 && is_journal(fd)) {
        errno = faults.sync_errno;
        return -1;
    }
    return fdatasync(fd);
}

static int setup(void **state)
{
    struct log_fixture *f = log_make();
    memset(&faults, 0, sizeof faults);
    f->config.hooks = (struct audit_hooks){NULL, faulty_pwritev, faulty_fdatasync};
    log_open(f);
    *state = f;
    return 0;
}

static void wait_until_it_accepts(struct log_fixture *f, bool accepts)
{
    for (int i = 0; i < 400 && audit_may_accept(f->audit) != accepts; i++)
        usleep(10000);
    assert_int_equal(audit_may_accept(f->audit), accepts);
}

static void good_call(struct log_fixture *f)
{
    struct heard heard;
    struct audit_entry intent = an_intent();
    struct audit_entry outcome = an_outcome(&intent);
    assert_int_equal(record(f, &intent, &heard), ERR_OK);
    assert_true(receipt_spend(&heard.receipt, &intent.call_id, 7, intent.method, intent.tool,
                              intent.arguments));
    assert_int_equal(record(f, &outcome, &heard), ERR_OK);
}

static void failed_call(struct log_fixture *f)
{
    struct heard heard;
    struct audit_entry intent = an_intent();
    assert_int_equal(record(f, &intent, &heard), ERR_UNAVAILABLE);
    assert_null(heard.receipt);
}

static void a_write_error_refuses_and_heals(void **state)
{
    struct log_fixture *f = *state;
    good_call(f);
    faults.write_errno = EIO;
    failed_call(f);
    assert_false(audit_may_accept(f->audit));
    assert_non_null(strstr(log_status(f).why, "write the journal"));
    faults.write_errno = 0;
    wait_until_it_accepts(f, true);
    assert_string_equal(log_status(f).why, "");
    good_call(f);
    log_close(f);
    log_open(f);
    assert_int_equal(log_status(f).entries, 4);
    assert_int_equal(log_status(f).open_intents, 0);
}

static void a_sync_error_abandons_the_segment(void **state)
{
    struct log_fixture *f = *state;
    good_call(f);
    faults.sync_errno = EIO;
    failed_call(f);
    faults.sync_errno = 0;
    wait_until_it_accepts(f, true);
    assert_int_equal(log_status(f).segments, 2);
    assert_int_equal(log_status(f).failures, 1);
    good_call(f);
    /* The failed batch is whole in the first file, and still no part of the log. */
    log_close(f);
    log_open(f);
    assert_int_equal(log_status(f).entries, 4);
}

static void while_it_is_down_intents_are_refused_at_once(void **state)
{
    struct log_fixture *f = *state;
    struct err err;
    struct audit_entry intent = an_intent();
    faults.sync_errno = EIO;
    failed_call(f);
    assert_int_equal(audit_port_add(f->port, &intent, NULL, NULL, &err), ERR_UNAVAILABLE);
    struct audit_entry denial = a_denial();
    assert_int_equal(audit_port_commit(f->port, &denial, NULL, &err), ERR_UNAVAILABLE);
}

static void refusals_and_outcomes_are_kept_over_a_failure(void **state)
{
    struct log_fixture *f = *state;
    struct err err;
    struct heard heard;
    struct heard told;
    struct audit_entry intent = an_intent();
    struct audit_entry waited = an_intent();
    assert_int_equal(record(f, &intent, &heard), ERR_OK);
    receipt_free(heard.receipt);
    assert_int_equal(record(f, &waited, &heard), ERR_OK);
    receipt_free(heard.receipt);

    faults.sync_errno = EIO;
    struct audit_entry outcome = an_outcome(&intent);
    struct audit_entry waited_outcome = an_outcome(&waited);
    struct audit_entry denial = a_denial();
    assert_ok(audit_port_add(f->port, &outcome, NULL, NULL, &err), err);
    for (int i = 0; i < 10; i++)
        assert_ok(audit_port_add(f->port, &denial, NULL, NULL, &err), err);
    assert_int_equal(record(f, &waited_outcome, &told), ERR_UNAVAILABLE);
    usleep(20000);
    assert_int_equal(log_status(f).entries, 2);

    faults.sync_errno = 0;
    wait_until_it_accepts(f, true);
    good_call(f);
    assert_int_equal(log_status(f).entries, 2 + 1 + 10 + 1 + 2);
    assert_int_equal(log_status(f).open_intents, 0);
}

static void what_was_kept_is_written_when_the_log_closes(void **state)
{
    struct log_fixture *f = *state;
    struct err err;
    struct audit_entry denial = a_denial();
    faults.sync_errno = EIO;
    failed_call(f);
    assert_ok(audit_port_add(f->port, &denial, NULL, NULL, &err), err);
    audit_port_flush(f->port);
    usleep(20000);
    faults.sync_errno = 0;
    log_close(f);
    log_open(f);
    assert_int_equal(log_status(f).entries, 1);
}

static void every_write_of_a_run_may_be_the_one_that_fails(void **state)
{
    struct log_fixture *f = *state;
    uint64_t durable = 0;
    static const int codes[] = {EIO, ENOSPC, EDQUOT, EROFS};
    for (int position = 0; position < 8; position++) {
        faults.writes_until = position;
        faults.write_errno = codes[position % 4];
        for (int i = 0; i < 20; i++) {
            struct heard heard;
            struct audit_entry denial = a_denial();
            if (record(f, &denial, &heard) == ERR_OK)
                durable++;
        }
        faults.write_errno = 0;
        wait_until_it_accepts(f, true);
    }
    log_close(f);
    log_open(f);
    assert_int_equal(log_status(f).entries, durable);
}

static void short_writes_are_continued(void **state)
{
    struct log_fixture *f = *state;
    faults.is_short = true;
    for (int i = 0; i < 5; i++)
        good_call(f);
    log_close(f);
    faults.is_short = false;
    log_open(f);
    assert_int_equal(log_status(f).entries, 10);
}

static void without_prepared_room_the_log_refuses_and_comes_back(void **state)
{
    struct log_fixture *f = *state;
    struct err err;
    static char big[200000];
    memset(big, 'x', sizeof big);
    /* No new spares: what is prepared runs out. */
    usleep(300000);
    faults.spare_errno = ENOSPC;
    bool failed = false;
    for (int i = 0; i < 60 && !failed; i++) {
        struct audit_entry denial = a_denial();
        denial.arguments = str_of(big, sizeof big);
        failed = audit_port_commit(f->port, &denial, NULL, &err) != ERR_OK;
    }
    assert_true(failed);
    assert_false(audit_may_accept(f->audit));
    faults.spare_errno = 0;
    wait_until_it_accepts(f, true);
    good_call(f);
}

static void a_full_queue_is_counted_as_a_gap(void **state)
{
    struct log_fixture *f = *state;
    struct err err;
    log_close(f);
    f->config.queue_bytes = 40000;
    log_open(f);
    size_t taken = 0;
    size_t refused = 0;
    for (int i = 0; i < 200; i++) {
        struct audit_entry denial = a_denial();
        if (audit_port_add(f->port, &denial, NULL, NULL, &err) == ERR_OK)
            taken++;
        else
            refused++;
    }
    assert_true(taken > 10 && refused > 10);
    audit_port_flush(f->port);
    for (int i = 0; i < 300 && log_status(f).entries < taken + 1; i++)
        usleep(10000);
    assert_int_equal(log_status(f).entries, taken + 1);
    assert_int_equal(log_status(f).dropped, refused);
}

#define FAILURE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, log_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FAILURE_TEST(a_write_error_refuses_and_heals),
        FAILURE_TEST(a_sync_error_abandons_the_segment),
        FAILURE_TEST(while_it_is_down_intents_are_refused_at_once),
        FAILURE_TEST(refusals_and_outcomes_are_kept_over_a_failure),
        FAILURE_TEST(what_was_kept_is_written_when_the_log_closes),
        FAILURE_TEST(every_write_of_a_run_may_be_the_one_that_fails),
        FAILURE_TEST(short_writes_are_continued),
        FAILURE_TEST(without_prepared_room_the_log_refuses_and_comes_back),
        FAILURE_TEST(a_full_queue_is_counted_as_a_gap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
