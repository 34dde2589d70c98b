#include "admin/entry_json.h"

#include <stdlib.h>

#include "base/json.h"
#include "unit.h"

static struct arena *arena;

static int set_up(void **state)
{
    (void)state;
    arena = arena_new((size_t)16 << 20);
    return arena == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

/* Written, judged by the strict parser, and ASCII in one line. */
static struct json_doc write(const struct audit_record *record, struct buf *out)
{
    struct jsonw w;
    struct json_doc doc;
    struct err err;

    buf_clear(out);
    jsonw_init(&w, out);
    entry_write_json(&w, record);
    assert_false(out->failed);
    for (size_t i = 0; i < out->len; i++)
        assert_in_range((unsigned char)out->ptr[i], 0x20, 0x7f);
    assert_ok(json_parse(buf_str(out), &json_limits_default, arena, &doc, &err), err);
    return doc;
}

static struct str text_at(const struct json_doc *doc, const char *object, const char *name)
{
    json_pos at = object == NULL ? 0 : json_get(doc, 0, str_c(object));
    struct str text = STR_NONE;

    if (!json_str(doc, json_get(doc, at, str_c(name)), arena, &text))
        return STR("(none)");
    return text;
}

static int64_t number_at(const struct json_doc *doc, const char *object, const char *name)
{
    json_pos at = object == NULL ? 0 : json_get(doc, 0, str_c(object));
    int64_t value = -1;

    return json_i64(doc, json_get(doc, at, str_c(name)), &value) ? value : -1;
}

static struct audit_record a_call(void)
{
    struct audit_record record = {.index = 7, .identity = AUDIT_BLOCK_READ};

    record.arguments = AUDIT_BLOCK_CLOSED;
    record.entry = (struct audit_entry){
        .kind = AUDIT_INTENT,
        .attempt = 1,
        .time_us = 1700000000123456,
        .method = STR("tools/call"),
        .principal_kind = STR("robot"),
        .principal_id = STR("robot:reader"),
        .owner = STR("ann@example.com"),
        .client_name = STR("claude"),
        .client_version = STR("1.2"),
        .user_agent = STR("node"),
        .address = STR("192.0.2.7"),
        .server = STR("docs"),
        .tool = STR("read_file"),
        .exposed_name = STR("docs__read_file"),
        .category = STR("read-only"),
        .decision = STR("allow"),
        .reason = STR("granted"),
        .policy_version = 12,
        .argument_count = 2,
        .argument_bytes = 31,
        .arguments = STR("{\"never\":\"shown\"}"),
    };
    return record;
}

static void a_call_has_the_members_that_scripts_rely_on(void **state)
{
    (void)state;
    struct audit_record outcome = {.entry = {.kind = AUDIT_OUTCOME, .duration_us = 1500}};
    struct audit_record record = a_call();
    struct buf out;

    outcome.entry.outcome = STR("ok");
    record.outcome = &outcome;
    buf_init(&out, (size_t)1 << 20);
    struct json_doc doc = write(&record, &out);
    assert_int_equal(number_at(&doc, NULL, "index"), 7);
    assert_str(text_at(&doc, NULL, "kind"), "intent");
    assert_str(text_at(&doc, NULL, "time"), "2023-11-14T22:13:20.123456Z");
    assert_int_equal(text_at(&doc, NULL, "call_id").len, 36);
    assert_str(text_at(&doc, "principal", "kind"), "robot");
    assert_str(text_at(&doc, "principal", "id"), "robot:reader");
    assert_str(text_at(&doc, "principal", "owner"), "ann@example.com");
    assert_str(text_at(&doc, "client", "name"), "claude");
    assert_str(text_at(&doc, "client", "version"), "1.2");
    assert_str(text_at(&doc, "client", "user_agent"), "node");
    assert_str(text_at(&doc, NULL, "ip"), "192.0.2.7");
    assert_str(text_at(&doc, NULL, "server"), "docs");
    assert_str(text_at(&doc, NULL, "tool"), "read_file");
    assert_str(text_at(&doc, NULL, "exposed_name"), "docs__read_file");
    assert_str(text_at(&doc, NULL, "category"), "read-only");
    assert_str(text_at(&doc, NULL, "decision"), "allow");
    assert_str(text_at(&doc, NULL, "reason"), "granted");
    assert_int_equal(number_at(&doc, NULL, "policy_version"), 12);
    assert_int_equal(number_at(&doc, "arguments", "count"), 2);
    assert_int_equal(number_at(&doc, "arguments", "bytes"), 31);
    assert_str(text_at(&doc, "arguments", "text"), "(none)");
    assert_str(text_at(&doc, NULL, "outcome"), "ok");
    assert_str(json_raw(&doc, json_get(&doc, 0, STR("duration_ms"))), "1.500");
    buf_done(&out);
}

static void a_call_without_an_outcome_is_open(void **state)
{
    (void)state;
    struct audit_record record = a_call();
    struct buf out;

    buf_init(&out, (size_t)1 << 20);
    struct json_doc doc = write(&record, &out);
    assert_str(text_at(&doc, NULL, "outcome"), "open");
    assert_int_equal(json_get(&doc, 0, STR("duration_ms")), JSON_NONE);
    buf_done(&out);
}

static void arguments_are_shown_only_when_they_were_read(void **state)
{
    (void)state;
    struct audit_record record = a_call();
    struct buf out;

    buf_init(&out, (size_t)1 << 20);
    record.arguments = AUDIT_BLOCK_READ;
    struct json_doc doc = write(&record, &out);
    assert_str(text_at(&doc, "arguments", "text"), "{\"never\":\"shown\"}");
    record.arguments = AUDIT_BLOCK_ERASED;
    doc = write(&record, &out);
    assert_str(text_at(&doc, "arguments", "text"), "(none)");
    assert_str(text_at(&doc, "arguments", "state"), "erased");
    record.arguments = AUDIT_BLOCK_DAMAGED;
    doc = write(&record, &out);
    assert_str(text_at(&doc, "arguments", "state"), "damaged");
    buf_done(&out);
}

/* Every text field of an entry, by the table that the entry is made of. */
static void fill(struct audit_entry *entry, struct str bytes)
{
#define TEXT(tag, name, place, cap, meaning) entry->name = bytes;
#include "audit/fields.def"
    entry->arguments = bytes;
}

/* What jsonw_bytes made of the bytes, back again. */
static void check_bytes(struct str text, struct str bytes)
{
    size_t at = 0;

    for (size_t i = 0; i < text.len; i++, at++) {
        unsigned char c = (unsigned char)text.ptr[i];

        if (c >= 0x80) {
            assert_in_range(c, 0xc2, 0xc3);
            c = (unsigned char)((c & 3) << 6 | ((unsigned char)text.ptr[++i] & 0x3f));
        }
        assert_true(at < bytes.len);
        assert_int_equal(c, (unsigned char)bytes.ptr[at]);
    }
    assert_int_equal(at, bytes.len);
}

static void every_byte_in_every_field_comes_back(void **state)
{
    (void)state;
    struct audit_record record = {.identity = AUDIT_BLOCK_READ, .arguments = AUDIT_BLOCK_READ};
    char all[256];
    struct buf out;

    for (unsigned i = 0; i < sizeof all; i++)
        all[i] = (char)(unsigned char)i;
    buf_init(&out, (size_t)1 << 20);
    record.entry.kind = AUDIT_DENIED;
    fill(&record.entry, str_of(all, sizeof all));
    struct json_doc doc = write(&record, &out);
    check_bytes(text_at(&doc, "client", "user_agent"), str_of(all, sizeof all));
    check_bytes(text_at(&doc, "client", "name"), str_of(all, sizeof all));
    check_bytes(text_at(&doc, "principal", "id"), str_of(all, sizeof all));
    check_bytes(text_at(&doc, NULL, "requested_name"), str_of(all, sizeof all));
    check_bytes(text_at(&doc, "arguments", "text"), str_of(all, sizeof all));
    buf_done(&out);
}

static void every_byte_alone_and_every_kind_parses(void **state)
{
    (void)state;
    struct buf out;

    buf_init(&out, (size_t)1 << 20);
    for (unsigned kind = AUDIT_INTENT; kind <= AUDIT_GAP; kind++) {
        for (unsigned i = 0; i < 256; i++) {
            struct audit_record record = {.identity = AUDIT_BLOCK_READ};
            const char one[1] = {(char)(unsigned char)i};

            record.arguments = AUDIT_BLOCK_READ;
            record.entry.kind = (enum audit_kind)kind;
            fill(&record.entry, str_of(one, 1));
            (void)write(&record, &out);
            arena_reset(arena);
        }
    }
    buf_done(&out);
}

static void a_field_that_was_cut_says_so(void **state)
{
    (void)state;
    static const struct audit_cut cuts[] = {{.tag = 74, .full_bytes = 99999, .sha256 = {0xab}},
                                            {.tag = 0, .full_bytes = 5},
                                            {.tag = 9999, .full_bytes = 6}};
    struct audit_record record = a_call();
    struct buf out;

    record.cuts = cuts;
    record.cut_count = ARRAY_LEN(cuts);
    buf_init(&out, (size_t)1 << 20);
    (void)write(&record, &out);
    assert_true(str_find_str(buf_str(&out),
                             STR("\"cut\":[{\"field\":\"user_agent\",\"bytes\":99999,\"sha256\":"
                                 "\"ab00")) < out.len);
    assert_true(str_find_str(buf_str(&out), STR("{\"field\":\"arguments\",\"bytes\":5")) < out.len);
    assert_true(str_find_str(buf_str(&out), STR("{\"field\":\"unknown\",\"bytes\":6")) < out.len);
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_call_has_the_members_that_scripts_rely_on, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_call_without_an_outcome_is_open, set_up, tear_down),
        cmocka_unit_test_setup_teardown(arguments_are_shown_only_when_they_were_read, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(every_byte_in_every_field_comes_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_byte_alone_and_every_kind_parses, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_field_that_was_cut_says_so, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
