#include "audit/audit.h"

#include <pthread.h>

#include "audit_fixture.h"

static void an_intent_gets_a_receipt_that_fits_its_bytes_once(void **state)
{
    struct log_fixture *f = *state;
    struct heard heard;
    struct audit_entry entry = an_intent();
    assert_int_equal(record(f, &entry, &heard), ERR_OK);
    assert_non_null(heard.receipt);
    assert_int_equal(receipt_index(heard.receipt), 0);
    assert_true(receipt_spend(&heard.receipt, &entry.call_id, 7, entry.method, entry.tool,
                              entry.arguments));
    assert_null(heard.receipt);
    assert_false(receipt_spend(&heard.receipt, &entry.call_id, 7, entry.method, entry.tool,
                               entry.arguments));
}

static void a_receipt_does_not_fit_another_call(void **state)
{
    struct log_fixture *f = *state;
    struct audit_entry entry = an_intent();
    const struct uuid other = uuid_v7(clock_wall_us());
    for (int i = 0; i < 5; i++) {
        struct heard heard;
        entry.call_id = uuid_v7(clock_wall_us());
        assert_int_equal(record(f, &entry, &heard), ERR_OK);
        assert_false(receipt_spend(&heard.receipt, i == 0 ? &other : &entry.call_id, i == 1 ? 8 : 7,
                                   i == 2 ? STR("tools/calls") : entry.method,
                                   i == 3 ? STR("write_file") : entry.tool,
                                   i == 4 ? STR("{\"path\":\"/ETC\"}") : entry.arguments));
        assert_null(heard.receipt);
    }
}

static void names_and_arguments_cannot_trade_bytes(void **state)
{
    struct log_fixture *f = *state;
    struct heard heard;
    struct audit_entry entry = an_intent();
    entry.tool = STR("ab");
    entry.arguments = STR("c{}");
    assert_int_equal(record(f, &entry, &heard), ERR_OK);
    assert_false(
        receipt_spend(&heard.receipt, &entry.call_id, 7, entry.method, STR("abc"), STR("{}")));
}

static void an_open_intent_is_counted_until_its_outcome(void **state)
{
    struct log_fixture *f = *state;
    struct heard heard;
    struct audit_entry intent = an_intent();
    struct audit_entry outcome = an_outcome(&intent);
    assert_int_equal(record(f, &intent, &heard), ERR_OK);
    receipt_free(heard.receipt);
    assert_int_equal(log_status(f).open_intents, 1);
    assert_int_equal(record(f, &outcome, &heard), ERR_OK);
    assert_null(heard.receipt);
    assert_int_equal(log_status(f).open_intents, 0);
    assert_int_equal(log_status(f).entries, 2);
}

static void only_intents_get_receipts(void **state)
{
    struct log_fixture *f = *state;
    struct heard heard;
    struct audit_entry denial = a_denial();
    assert_int_equal(record(f, &denial, &heard), ERR_OK);
    assert_null(heard.receipt);
}

static void a_cancelled_wait_hears_nothing_and_the_entry_stays(void **state)
{
    struct log_fixture *f = *state;
    struct err err;
    struct heard heard = {.wait.on_durable = on_heard};
    struct heard next;
    struct audit_entry intent = an_intent();
    struct audit_entry denial = a_denial();
    assert_ok(audit_port_add(f->port, &intent, NULL, &heard.wait, &err), err);
    audit_port_flush(f->port);
    audit_wait_cancel(f->port, &heard.wait);
    assert_int_equal(record(f, &denial, &next), ERR_OK);
    assert_false(heard.is_done);
    assert_int_equal(log_status(f).entries, 2);
}

static void a_port_may_go_while_entries_are_under_way(void **state)
{
    struct log_fixture *f = *state;
    struct err err;
    for (int i = 0; i < 50; i++) {
        struct audit_port *port = audit_port_new(f->audit, NULL, NULL);
        struct heard heard = {.wait.on_durable = on_heard};
        struct audit_entry intent = an_intent();
        assert_ok(audit_port_add(port, &intent, NULL, &heard.wait, &err), err);
        audit_port_free(port);
        assert_false(heard.is_done);
    }
    struct audit_entry denial = a_denial();
    assert_ok(audit_port_commit(f->port, &denial, NULL, &err), err);
    assert_int_equal(log_status(f).entries, 51);
}

static void what_nobody_waits_for_is_written_too(void **state)
{
    struct log_fixture *f = *state;
    struct err err;
    for (int i = 0; i < 2500; i++) {
        struct audit_entry denial = a_denial();
        assert_ok(audit_port_add(f->port, &denial, NULL, NULL, &err), err);
    }
    log_close(f);
    log_open(f);
    assert_int_equal(log_status(f).entries, 2500);
}

static void entries_go_on_over_many_segments_and_restarts(void **state)
{
    struct log_fixture *f = *state;
    struct err err;
    static char big[100000];
    memset(big, 'x', sizeof big);
    for (int run = 0; run < 3; run++) {
        for (int i = 0; i < 30; i++) {
            struct audit_entry denial = a_denial();
            denial.arguments = str_of(big, sizeof big);
            assert_ok(audit_port_commit(f->port, &denial, NULL, &err), err);
        }
        log_close(f);
        log_open(f);
        assert_int_equal(log_status(f).entries, (run + 1) * 30);
    }
    assert_true(log_status(f).segments >= 9);
}

static void only_one_process_at_a_time_writes_a_log(void **state)
{
    struct log_fixture *f = *state;
    struct err err;
    struct audit *second = NULL;
    assert_int_equal(audit_open(&f->config, &second, &err), ERR_CONFLICT);
}

static void an_intent_without_outcome_is_settled_as_unknown_at_the_next_start(void **state)
{
    struct log_fixture *f = *state;
    struct heard heard;
    for (int i = 0; i < 3; i++) {
        struct audit_entry intent = an_intent();
        struct audit_entry outcome = an_outcome(&intent);
        assert_int_equal(record(f, &intent, &heard), ERR_OK);
        receipt_free(heard.receipt);
        if (i == 1)
            assert_int_equal(record(f, &outcome, &heard), ERR_OK);
    }
    assert_int_equal(log_status(f).entries, 4);
    log_close(f);
    log_open(f);
    log_close(f);
    log_open(f);
    assert_int_equal(log_status(f).entries, 6);
    assert_int_equal(log_status(f).open_intents, 0);
}

static void an_open_intent_is_remembered_over_segments(void **state)
{
    struct log_fixture *f = *state;
    struct err err;
    struct heard heard;
    static char big[200000];
    memset(big, 'x', sizeof big);
    struct audit_entry intent = an_intent();
    assert_int_equal(record(f, &intent, &heard), ERR_OK);
    receipt_free(heard.receipt);
    for (int i = 0; i < 20; i++) {
        struct audit_entry denial = a_denial();
        denial.arguments = str_of(big, sizeof big);
        assert_ok(audit_port_commit(f->port, &denial, NULL, &err), err);
    }
    assert_true(log_status(f).segments > 2);
    log_close(f);
    log_open(f);
    log_close(f);
    log_open(f);
    assert_int_equal(log_status(f).entries, 22);
}

struct worker {
    struct log_fixture *f;
    struct audit_port *port;
    size_t under_way;
    size_t left;
    pthread_mutex_t lock;
    pthread_cond_t woken;
    bool is_woken;
};

struct call {
    struct audit_wait wait; /* first */
    struct worker *worker;
    struct audit_entry intent;
};

static void wake_worker(void *ctx)
{
    struct worker *worker = ctx;
    pthread_mutex_lock(&worker->lock);
    worker->is_woken = true;
    pthread_cond_signal(&worker->woken);
    pthread_mutex_unlock(&worker->lock);
}

static void on_call(struct audit_wait *wait, enum err_code code, struct receipt *receipt)
{
    struct call *call = (struct call *)wait;
    struct worker *worker = call->worker;
    struct audit_entry outcome = an_outcome(&call->intent);
    if (code != ERR_OK || !receipt_spend(&receipt, &call->intent.call_id, 7, call->intent.method,
                                         call->intent.tool, call->intent.arguments))
        abort();
    if (audit_port_add(worker->port, &outcome, NULL, NULL, NULL) != ERR_OK)
        abort();
    worker->under_way--;
    free(call);
}

static void *work(void *ctx)
{
    struct worker *worker = ctx;
    worker->port = audit_port_new(worker->f->audit, wake_worker, worker);
    while (worker->left > 0 || worker->under_way > 0) {
        while (worker->left > 0 && worker->under_way < 20) {
            struct call *call = calloc(1, sizeof *call);
            call->wait.on_durable = on_call;
            call->worker = worker;
            call->intent = an_intent();
            if (audit_port_add(worker->port, &call->intent, NULL, &call->wait, NULL) != ERR_OK)
                abort();
            worker->left--;
            worker->under_way++;
        }
        audit_port_flush(worker->port);
        pthread_mutex_lock(&worker->lock);
        while (!worker->is_woken && worker->under_way > 0)
            pthread_cond_wait(&worker->woken, &worker->lock);
        worker->is_woken = false;
        pthread_mutex_unlock(&worker->lock);
        audit_port_poll(worker->port);
    }
    audit_port_free(worker->port);
    return NULL;
}

static void three_workers_record_side_by_side(void **state)
{
    struct log_fixture *f = *state;
    pthread_t threads[3];
    struct worker workers[3];
    for (int i = 0; i < 3; i++) {
        workers[i] = (struct worker){.f = f, .left = 2000};
        pthread_mutex_init(&workers[i].lock, NULL);
        pthread_cond_init(&workers[i].woken, NULL);
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    log_close(f);
    log_open(f);
    assert_int_equal(log_status(f).entries, 2 * 3 * 2000);
    assert_int_equal(log_status(f).open_intents, 0);
}

#define LOG_TEST(name) cmocka_unit_test_setup_teardown(name, log_setup, log_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOG_TEST(an_intent_gets_a_receipt_that_fits_its_bytes_once),
        LOG_TEST(a_receipt_does_not_fit_another_call),
        LOG_TEST(names_and_arguments_cannot_trade_bytes),
        LOG_TEST(an_open_intent_is_counted_until_its_outcome),
        LOG_TEST(only_intents_get_receipts),
        LOG_TEST(a_cancelled_wait_hears_nothing_and_the_entry_stays),
        LOG_TEST(a_port_may_go_while_entries_are_under_way),
        LOG_TEST(what_nobody_waits_for_is_written_too),
        LOG_TEST(entries_go_on_over_many_segments_and_restarts),
        LOG_TEST(only_one_process_at_a_time_writes_a_log),
        LOG_TEST(an_intent_without_outcome_is_settled_as_unknown_at_the_next_start),
        LOG_TEST(an_open_intent_is_remembered_over_segments),
        LOG_TEST(three_workers_record_side_by_side),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
