#include "audit/search.h"

#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>

#include "audit_fixture.h"

struct search_fixture {
    struct log_fixture *log;
    struct arena *arena;
};

static int setup(void **state)
{
    struct search_fixture *s = calloc(1, sizeof *s);
    s->log = log_make();
    s->log->config.no_index = false;
    s->log->config.partition_rows = 50;
    log_open(s->log);
    s->arena = arena_new((size_t)64 << 20);
    *state = s;
    return 0;
}

static int teardown(void **state)
{
    struct search_fixture *s = *state;
    void *log = s->log;
    arena_free(s->arena);
    log_teardown(&log);
    free(s);
    return 0;
}

static struct audit_page find(struct search_fixture *s, const struct audit_filter *filter)
{
    struct err err;
    struct audit_page page;
    assert_ok(audit_search(s->log->audit, filter, s->arena, &page, &err), err);
    assert_int_equal(page.lag, 0);
    return page;
}

static void add(struct search_fixture *s, const struct audit_entry *entry)
{
    struct err err;
    assert_ok(audit_port_add(s->log->port, entry, NULL, NULL, &err), err);
    audit_port_flush(s->log->port);
}

static struct audit_entry add_call(struct search_fixture *s, const char *server, const char *tool)
{
    struct audit_entry intent = an_intent();
    intent.server = str_c(server);
    intent.tool = str_c(tool);
    struct audit_entry outcome = an_outcome(&intent);
    add(s, &intent);
    add(s, &outcome);
    return intent;
}

static void a_call_is_found_with_its_outcome(void **state)
{
    struct search_fixture *s = *state;
    struct audit_entry intent = add_call(s, "files", "read_file");
    struct audit_page page = find(s, &(struct audit_filter){0});
    assert_int_equal(page.count, 1);
    assert_false(page.more);
    const struct audit_record *record = &page.records[0];
    assert_int_equal(record->index, 0);
    assert_int_equal(record->entry.kind, AUDIT_INTENT);
    assert_memory_equal(&record->entry.call_id, &intent.call_id, sizeof intent.call_id);
    assert_str(record->entry.server, "files");
    assert_str(record->entry.tool, "read_file");
    assert_str(record->entry.principal_id, "robot:nightly");
    assert_str(record->entry.user_agent, "agent/1.0");
    assert_int_equal(record->entry.argument_bytes, 15);
    assert_int_equal(record->identity, AUDIT_BLOCK_READ);
    assert_int_equal(record->arguments, AUDIT_BLOCK_CLOSED);
    assert_int_equal(record->entry.arguments.len, 0);
    assert_non_null(record->outcome);
    assert_int_equal(record->outcome->index, 1);
    assert_str(record->outcome->entry.outcome, "ok");
    assert_int_equal(record->outcome->entry.duration_us, 1234);
    assert_true(record->commit_us > 0);
}

static void arguments_come_only_when_asked_for(void **state)
{
    struct search_fixture *s = *state;
    add_call(s, "files", "read_file");
    struct audit_page page = find(s, &(struct audit_filter){.with_arguments = true});
    assert_int_equal(page.records[0].arguments, AUDIT_BLOCK_READ);
    assert_str(page.records[0].entry.arguments, "{\"path\":\"/etc\"}");
}

static void a_call_under_way_is_found_as_open(void **state)
{
    struct search_fixture *s = *state;
    struct audit_entry intent = an_intent();
    add_call(s, "files", "read_file");
    add(s, &intent);
    struct audit_page page = find(s, &(struct audit_filter){.outcome = STR("open")});
    assert_int_equal(page.count, 1);
    assert_int_equal(page.records[0].index, 2);
    assert_null(page.records[0].outcome);
    page = find(s, &(struct audit_filter){0});
    assert_int_equal(page.count, 2);
    page = find(s, &(struct audit_filter){.limit = 1});
    assert_true(page.more);
    assert_int_equal(page.records[0].index, 2);
    page = find(s, &(struct audit_filter){.before = page.records[0].row});
    assert_int_equal(page.count, 1);
    assert_int_equal(page.records[0].index, 0);
    struct audit_entry outcome = an_outcome(&intent);
    add(s, &outcome);
    page = find(s, &(struct audit_filter){.outcome = STR("open")});
    assert_int_equal(page.count, 0);
}

static void every_filter_finds_what_it_names(void **state)
{
    struct search_fixture *s = *state;
    struct audit_entry denial = a_denial();
    denial.principal_kind = STR("human");
    denial.principal_id = STR("corp:bob");
    denial.email = STR("Bob@Example.com");
    denial.category = STR("admin");
    denial.time_us = 1000000;
    denial.method = STR("resources/read");
    for (int i = 0; i < 70; i++)
        add_call(s, i % 2 == 0 ? "files" : "snowflake", i % 10 == 0 ? "drop" : "read");
    add(s, &denial);
    for (int i = 0; i < 10; i++)
        add_call(s, "files", "read");
    const struct {
        struct audit_filter filter;
        size_t count;
    } cases[] = {
        {{.limit = 1000}, 81},
        {{.server = STR("snowflake"), .limit = 1000}, 35},
        {{.server = STR("nowhere")}, 0},
        {{.tool = STR("drop")}, 7},
        {{.tool = STR("files__read_file"), .limit = 1000}, 81},
        {{.principal = STR("corp:bob")}, 1},
        {{.principal = STR("CORP:BOB")}, 1},
        {{.principal = STR("bob@example.com")}, 1},
        {{.principal = STR("robot:nightly"), .limit = 1000}, 80},
        {{.principal = STR("bob")}, 0},
        {{.principal_kind = STR("human")}, 1},
        {{.principal_kind = STR("robot"), .limit = 1000}, 80},
        {{.category = STR("admin")}, 1},
        {{.category = STR("nonsense")}, 0},
        {{.decision = STR("deny")}, 1},
        {{.decision = STR("allow"), .limit = 1000}, 80},
        {{.outcome = STR("ok"), .limit = 1000}, 80},
        {{.outcome = STR("timeout")}, 0},
        {{.method = STR("resources/read")}, 1},
        {{.kinds = 1u << AUDIT_DENIED}, 1},
        {{.kinds = 1u << AUDIT_INTENT, .limit = 1000}, 80},
        {{.kinds = 1u << AUDIT_DENIED | 1u << AUDIT_ADMIN}, 1},
        {{.until_us = 1000001}, 1},
        {{.until_us = 1000000}, 0},
        {{.since_us = 1000001, .limit = 1000}, 80},
        {{.call_id = &denial.call_id}, 1},
        {{.server = STR("files"), .tool = STR("drop"), .outcome = STR("ok")}, 7},
        {{.server = STR("snowflake"), .tool = STR("drop")}, 0},
        {{.server = STR("snowflake"), .principal = STR("robot:nightly"), .limit = 1000}, 35},
    };
    for (int run = 0; run < 2; run++) {
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
            struct audit_page page = find(s, &cases[i].filter);
            if (page.count != cases[i].count)
                fail_msg("case %zu: %zu instead of %zu", i, page.count, cases[i].count);
            struct audit_filter reverse = cases[i].filter;
            reverse.oldest_first = true;
            assert_int_equal(find(s, &reverse).count, cases[i].count);
        }
        log_close(s->log);
        log_open(s->log);
    }
}

static void pages_join_without_gap_or_overlap(void **state)
{
    struct search_fixture *s = *state;
    for (int i = 0; i < 230; i++)
        add_call(s, "files", i % 3 == 0 ? "a" : "b");
    for (int reverse = 0; reverse < 2; reverse++) {
        uint64_t cursor = 0;
        uint64_t last = reverse ? 0 : UINT64_MAX;
        size_t seen = 0;
        bool more = true;
        while (more) {
            struct audit_page page = find(s, &(struct audit_filter){.tool = STR("a"),
                                                                    .limit = 7,
                                                                    .before = cursor,
                                                                    .oldest_first = reverse != 0});
            for (size_t i = 0; i < page.count; i++) {
                assert_true(reverse ? page.records[i].row > last : page.records[i].row < last);
                last = page.records[i].row;
            }
            seen += page.count;
            cursor = last;
            more = page.more;
        }
        assert_int_equal(seen, 77);
    }
}

static void a_call_shows_all_its_entries(void **state)
{
    struct search_fixture *s = *state;
    struct err err;
    struct audit_page page;
    struct audit_entry first = add_call(s, "files", "read");
    add_call(s, "files", "other");
    struct audit_entry again = first;
    again.attempt = 2;
    struct audit_entry outcome = an_outcome(&again);
    add(s, &again);
    add(s, &outcome);
    assert_ok(audit_show_call(s->log->audit, &first.call_id, true, s->arena, &page, &err), err);
    assert_int_equal(page.count, 4);
    assert_int_equal(page.records[0].index, 0);
    assert_int_equal(page.records[1].index, 1);
    assert_int_equal(page.records[2].index, 4);
    assert_int_equal(page.records[2].entry.attempt, 2);
    assert_int_equal(page.records[3].index, 5);
    const struct uuid nobody = uuid_v7(clock_wall_us());
    assert_int_equal(audit_show_call(s->log->audit, &nobody, true, s->arena, &page, &err),
                     ERR_NOT_FOUND);
}

static void an_index_shows_its_entry(void **state)
{
    struct search_fixture *s = *state;
    struct err err;
    struct audit_record record;
    for (int i = 0; i < 5; i++)
        add_call(s, "files", "read");
    assert_ok(audit_show_index(s->log->audit, 4, true, s->arena, &record, &err), err);
    assert_int_equal(record.index, 4);
    assert_non_null(record.outcome);
    assert_int_equal(record.outcome->index, 5);
    assert_ok(audit_show_index(s->log->audit, 9, true, s->arena, &record, &err), err);
    assert_int_equal(record.entry.kind, AUDIT_OUTCOME);
    assert_int_equal(audit_show_index(s->log->audit, 10, true, s->arena, &record, &err),
                     ERR_NOT_FOUND);
}

static void the_tail_is_read_entry_by_entry(void **state)
{
    struct search_fixture *s = *state;
    struct err err;
    struct audit_page page;
    for (int i = 0; i < 500; i++)
        add_call(s, "files", "read");
    uint64_t at = 0;
    do {
        assert_ok(audit_tail(s->log->audit, at, 300, false, s->arena, &page, &err), err);
        for (size_t i = 0; i < page.count; i++)
            assert_int_equal(page.records[i].index, at + i);
        at += page.count;
    } while (page.count > 0);
    assert_int_equal(at, 1000);
}

/* Runs a shell command that knows the folders as $AUDIT and $DIR. */
static void run_command(struct search_fixture *s, const char *command)
{
    assert_int_equal(setenv("AUDIT", s->log->audit_dir, 1), 0);
    assert_int_equal(setenv("DIR", s->log->dir.path, 1), 0);
    assert_int_equal(system(command), 0);
}

static void the_index_survives_clean_and_unclean_stops(void **state)
{
    struct search_fixture *s = *state;
    struct audit_entry lasting = an_intent();
    add(s, &lasting);
    size_t calls = 0;
    for (int run = 0; run < 4; run++) {
        for (int i = 0; i < 70; i++, calls++)
            add_call(s, "files", "read");
        struct audit_page page =
            find(s, &(struct audit_filter){.tool = STR("read"), .limit = 1000});
        assert_int_equal(page.count, calls);
        /* The index as it stood in the middle of work: an unclean stop. Files come and go
         * meanwhile. */
        if (run % 2 == 0)
            run_command(s, "cp -r $AUDIT/index $DIR/saved 2>/dev/null; true");
        log_close(s->log);
        if (run % 2 == 0)
            run_command(s, "rm -r $AUDIT/index; mv $DIR/saved $AUDIT/index");
        log_open(s->log);
        page = find(s, &(struct audit_filter){.tool = STR("read"), .limit = 1000});
        assert_int_equal(page.count, calls);
        page = find(s, &(struct audit_filter){.outcome = STR("unknown")});
        assert_int_equal(page.count, 1);
        assert_memory_equal(&page.records[0].entry.call_id, &lasting.call_id,
                            sizeof lasting.call_id);
    }
}

static void a_lost_or_ruined_index_is_built_again(void **state)
{
    struct search_fixture *s = *state;
    static const char *const accidents[] = {
        "rm -r $AUDIT/index",
        "head -c 20000 /dev/urandom > $AUDIT/index/book.db",
        "rm $AUDIT/index/book.db",
    };
    for (int i = 0; i < 120; i++)
        add_call(s, "files", "read");
    for (size_t i = 0; i < ARRAY_LEN(accidents); i++) {
        log_close(s->log);
        run_command(s, accidents[i]);
        log_open(s->log);
        struct err err;
        struct audit_page page = {0};
        const struct audit_filter filter = {.limit = 1000};
        for (int tries = 0; tries < 30 && page.count != 120; tries++)
            if (audit_search(s->log->audit, &filter, s->arena, &page, &err) != ERR_OK)
                usleep(100000);
        assert_int_equal(page.count, 120);
    }
}

static void reindex_builds_the_same_again(void **state)
{
    struct search_fixture *s = *state;
    for (int i = 0; i < 120; i++)
        add_call(s, "files", "read");
    assert_int_equal(find(s, &(struct audit_filter){.limit = 1000}).count, 120);
    audit_reindex(s->log->audit);
    usleep(300000);
    assert_int_equal(find(s, &(struct audit_filter){.limit = 1000}).count, 120);
    assert_int_equal(find(s, &(struct audit_filter){.server = STR("files"), .limit = 1000}).count,
                     120);
}

static void an_erased_person_leaves_the_entry_and_no_trace(void **state)
{
    struct search_fixture *s = *state;
    struct err err;
    uint64_t count;
    const struct data_key *key;
    const struct data_key_name name = {.subject = STR("corp:bob"), .period = 24000};
    struct audit_entry intent = an_intent();
    assert_ok(data_keys_make(s->log->data_keys, &name, &key, &err), err);
    assert_ok(audit_port_add(s->log->port, &intent, key, NULL, &err), err);
    audit_port_flush(s->log->port);
    struct audit_page page = find(s, &(struct audit_filter){.with_arguments = true});
    assert_str(page.records[0].entry.arguments, "{\"path\":\"/etc\"}");
    assert_ok(data_keys_erase(s->log->data_keys, name.subject, &count, &err), err);
    page = find(s, &(struct audit_filter){.with_arguments = true});
    assert_int_equal(page.count, 1);
    assert_int_equal(page.records[0].identity, AUDIT_BLOCK_ERASED);
    assert_int_equal(page.records[0].arguments, AUDIT_BLOCK_ERASED);
    assert_int_equal(page.records[0].entry.principal_id.len, 0);
    assert_str(page.records[0].entry.tool, "read_file");
}

#define SEARCH_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SEARCH_TEST(a_call_is_found_with_its_outcome),
        SEARCH_TEST(arguments_come_only_when_asked_for),
        SEARCH_TEST(a_call_under_way_is_found_as_open),
        SEARCH_TEST(every_filter_finds_what_it_names),
        SEARCH_TEST(pages_join_without_gap_or_overlap),
        SEARCH_TEST(a_call_shows_all_its_entries),
        SEARCH_TEST(an_index_shows_its_entry),
        SEARCH_TEST(the_tail_is_read_entry_by_entry),
        SEARCH_TEST(the_index_survives_clean_and_unclean_stops),
        SEARCH_TEST(a_lost_or_ruined_index_is_built_again),
        SEARCH_TEST(reindex_builds_the_same_again),
        SEARCH_TEST(an_erased_person_leaves_the_entry_and_no_trace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
