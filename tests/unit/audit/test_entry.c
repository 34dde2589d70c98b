/* Whatever bytes come from outside: the entry is written, and they come back exactly. */
#include "audit/entry.h"

#include "audit/field.h"
#include "audit/leaf.h"
#include "audit/search.h"
#include "audit_fixture.h"
#include "base/crypto.h"

struct entry_fixture {
    struct log_fixture *log;
    struct arena *arena;
    char *big;
};

enum { BIG = 1 << 20 };

static int setup(void **state)
{
    struct entry_fixture *e = calloc(1, sizeof *e);
    e->log = log_make();
    log_open(e->log);
    e->arena = arena_new((size_t)64 << 20);
    e->big = malloc(BIG);
    memset(e->big, 0xf0, BIG);
    *state = e;
    return 0;
}

static int teardown(void **state)
{
    struct entry_fixture *e = *state;
    void *log = e->log;
    arena_free(e->arena);
    free(e->big);
    log_teardown(&log);
    free(e);
    return 0;
}

/* Every text field that holds bytes from outside. */
static const size_t outside[] = {
#define TEXT(tag, name, place, cap, meaning) offsetof(struct audit_entry, name),
#include "audit/fields.def"
};

static const size_t caps[] = {
#define TEXT(tag, name, place, cap, meaning) (cap),
#include "audit/fields.def"
};

static const struct str payloads[] = {
    STR_INIT("plain"),
    STR_INIT("safe\0evil"),
    STR_INIT("\0"),
    STR_INIT("Mozilla\xff\xfe"),
    STR_INIT("\xed\xa0\x80 lone surrogate"),
    STR_INIT("\xc0\xaf overlong"),
    STR_INIT("\xf4\x90\x80\x80 past the end"),
    STR_INIT("\xe2\x82"),
    STR_INIT("a\r\nb: c\r\n\r\n"),
    STR_INIT("\x1b[2J\x1b]0;title\x07"),
    STR_INIT("\xe2\x80\xae"
             "gpj.exe"),
    STR_INIT("\xe2\x80\x8b\xef\xbb\xbf zero width"),
    STR_INIT("{\"name\":\"safe\",\"name\":\"drop\"}"),
    STR_INIT("\\u0000 \\ud800 \"quoted\" 'single' \\"),
    STR_INIT("1e400"),
    STR_INIT("'; DROP TABLE call; --"),
    STR_INIT("%s%n%x%99999d"),
    STR_INIT("../../etc/passwd"),
    STR_INIT("\x7f\x80\x81\x9f"),
    STR_INIT("\xf0\x9f\x92\xa9"),
};

static struct audit_record write_and_read(struct entry_fixture *e, const struct audit_entry *entry)
{
    struct err err;
    struct audit_record record;
    uint64_t index = log_status(e->log).entries;
    assert_ok(audit_port_commit(e->log->port, entry, NULL, &err), err);
    arena_reset(e->arena);
    assert_ok(audit_show_index(e->log->audit, index, true, e->arena, &record, &err), err);
    return record;
}

static struct str *text_at(struct audit_entry *entry, size_t offset)
{
    return (struct str *)(void *)((char *)entry + offset);
}

static void every_field_takes_every_hostile_payload(void **state)
{
    struct entry_fixture *e = *state;
    for (size_t i = 0; i < ARRAY_LEN(outside); i++)
        for (size_t j = 0; j < ARRAY_LEN(payloads); j++) {
            struct audit_entry entry = a_denial();
            struct str payload = str_first(payloads[j], caps[i]);
            *text_at(&entry, outside[i]) = payload;
            struct audit_record record = write_and_read(e, &entry);
            assert_true(str_eq(*text_at(&record.entry, outside[i]), payload));
            assert_int_equal(record.cut_count, 0);
        }
    assert_int_equal(log_status(e->log).entries, ARRAY_LEN(outside) * ARRAY_LEN(payloads));
}

static void the_longest_that_fits_is_kept_whole_and_one_more_is_cut(void **state)
{
    struct entry_fixture *e = *state;
    for (size_t i = 0; i < ARRAY_LEN(outside); i++)
        for (size_t more = 0; more < 2; more++) {
            struct audit_entry entry = a_denial();
            *text_at(&entry, outside[i]) = str_of(e->big, caps[i] + more);
            struct audit_record record = write_and_read(e, &entry);
            assert_true(str_eq(*text_at(&record.entry, outside[i]), str_of(e->big, caps[i])));
            assert_int_equal(record.cut_count, more);
            if (more == 1)
                assert_int_equal(record.cuts[0].full_bytes, caps[i] + 1);
        }
}

static void a_megabyte_in_every_field_at_once_is_recorded(void **state)
{
    struct entry_fixture *e = *state;
    uint8_t digest[32];
    struct audit_entry entry = a_denial();
    struct str big = str_of(e->big, BIG);
    for (size_t i = 0; i < ARRAY_LEN(outside); i++)
        *text_at(&entry, outside[i]) = big;
    entry.arguments = big;
    struct audit_record record = write_and_read(e, &entry);
    crypto_sha256(big, digest);
    assert_int_equal(record.cut_count, ARRAY_LEN(outside) + 1);
    for (size_t i = 0; i < record.cut_count; i++) {
        assert_int_equal(record.cuts[i].full_bytes, BIG);
        assert_memory_equal(record.cuts[i].sha256, digest, sizeof digest);
    }
    assert_true(record.entry.arguments.len > 100000);
}

static void arguments_of_any_bytes_come_back_exactly(void **state)
{
    struct entry_fixture *e = *state;
    for (size_t len = 0; len < 70; len++) {
        struct audit_entry entry = a_denial();
        entry.arguments = str_of(e->big, len);
        struct audit_record record = write_and_read(e, &entry);
        assert_true(str_eq(record.entry.arguments, entry.arguments));
        assert_int_equal(record.arguments, len == 0 ? AUDIT_BLOCK_NONE : AUDIT_BLOCK_READ);
    }
}

static void numbers_of_every_size_come_back(void **state)
{
    struct entry_fixture *e = *state;
    for (unsigned bits = 0; bits <= 64; bits++) {
        struct audit_entry entry = a_denial();
        entry.policy_version = bits == 64 ? UINT64_MAX : ((uint64_t)1 << bits) - 1;
        assert_true(write_and_read(e, &entry).entry.policy_version == entry.policy_version);
    }
}

static void extensions_are_carried_along(void **state)
{
    struct entry_fixture *e = *state;
    const struct audit_extra extras[] = {
        {0x8001, STR("first\0one")},
        {0xbfff, STR_NONE},
        {0x8001, STR("again")},
        {0x8002, str_of(e->big, 20000)},
    };
    struct audit_entry entry = a_denial();
    entry.extras = extras;
    entry.extra_count = ARRAY_LEN(extras);
    struct audit_record record = write_and_read(e, &entry);
    /* The last one is too much. */
    assert_int_equal(record.entry.extra_count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(record.entry.extras[i].tag, extras[i].tag);
        assert_true(str_eq(record.entry.extras[i].value, extras[i].value));
    }
    assert_str(record.entry.tool, "read_file");
}

/* ---- the bytes themselves ---- */

static struct data_key a_key(uint8_t fill)
{
    struct data_key key = {.id = 5};
    memset(key.bytes, fill, sizeof key.bytes);
    return key;
}

struct sealed_record {
    uint8_t bytes[4096];
    size_t len;
    struct leaf_keys keys;
};

static struct sealed_record seal_entry(const struct audit_entry *entry, const struct data_key *key)
{
    static const uint8_t log_id[16] = "log";
    struct sealed_record record;
    struct leaf_plan plan;
    uint8_t scratch[4096];
    leaf_measure(entry, 1 << 20, &plan);
    assert_true(plan.record <= sizeof record.bytes);
    leaf_seal(entry, &plan, log_id, key, scratch, record.bytes, &record.keys);
    leaf_commit(record.bytes, 7, 8, LEAF_NO_INTENT);
    record.len = plan.record;
    return record;
}

static struct str view_of(const struct sealed_record *record)
{
    return str_of((const char *)record->bytes, record->len);
}

static void every_changed_byte_of_a_record_is_noticed(void **state)
{
    (void)state;
    struct audit_entry entry = a_denial();
    struct data_key key = a_key(1);
    struct leaf_view view;
    struct sealed_record record = seal_entry(&entry, &key);
    assert_true(leaf_parse(view_of(&record), &view) && leaf_verify(&view));
    /* Padding at the end is covered by the batch's checksum alone. */
    size_t covered = RECORD_HEAD_BYTES + view.leaf.len + view.identity.len + view.arguments.len;
    for (size_t i = 0; i < covered; i++) {
        record.bytes[i] ^= 0x10;
        assert_false(leaf_parse(view_of(&record), &view) && leaf_verify(&view));
        record.bytes[i] ^= 0x10;
    }
}

static void no_shortened_record_is_read_past_its_end(void **state)
{
    (void)state;
    struct audit_entry entry = a_denial();
    struct data_key key = a_key(1);
    struct leaf_view view;
    struct sealed_record record = seal_entry(&entry, &key);
    for (size_t len = 0; len < record.len; len++) {
        char *exact = malloc(len + 1);
        memcpy(exact, record.bytes, len);
        assert_false(leaf_parse(str_of(exact, len), &view));
        free(exact);
    }
}

static void another_key_opens_nothing(void **state)
{
    (void)state;
    struct audit_entry entry = a_denial();
    struct data_key key = a_key(1);
    struct data_key wrong = a_key(2);
    struct leaf_view view;
    struct str plain;
    uint8_t out[4096];
    struct sealed_record record = seal_entry(&entry, &key);
    assert_true(leaf_parse(view_of(&record), &view));
    assert_true(leaf_open_identity(&view, &key, out, &plain));
    assert_true(leaf_open_arguments(&view, &key, out, &plain));
    assert_true(str_eq(plain, entry.arguments));
    assert_false(leaf_open_identity(&view, &wrong, out, &plain));
    assert_false(leaf_peek_identity(&view, &wrong, out, &plain));
    assert_false(leaf_open_arguments(&view, &wrong, out, &plain));
}

static void a_block_does_not_open_in_another_entry(void **state)
{
    (void)state;
    struct audit_entry entry = a_denial();
    struct data_key key = a_key(1);
    struct leaf_view one;
    struct leaf_view two;
    struct str plain;
    uint8_t out[4096];
    struct sealed_record first = seal_entry(&entry, &key);
    struct sealed_record second = seal_entry(&entry, &key);
    assert_true(leaf_parse(view_of(&first), &one) && leaf_parse(view_of(&second), &two));
    /* Same entry, same key: still other ciphertexts. */
    assert_memory_not_equal(one.arguments.ptr, two.arguments.ptr, one.arguments.len);
    two.arguments = one.arguments;
    two.identity = one.identity;
    assert_false(leaf_open_arguments(&two, &key, out, &plain));
    assert_false(leaf_open_identity(&two, &key, out, &plain));
}

static void a_key_that_the_leaf_does_not_commit_to_is_refused(void **state)
{
    (void)state;
    struct audit_entry entry = a_denial();
    struct data_key key = a_key(1);
    struct leaf_view view;
    struct str plain;
    uint8_t out[4096];
    struct sealed_record record = seal_entry(&entry, &key);
    record.bytes[RECORD_HEAD_BYTES + LEAF_COMMIT_AT] ^= 1;
    assert_true(leaf_parse(view_of(&record), &view));
    assert_false(leaf_open_identity(&view, &key, out, &plain));
    assert_false(leaf_open_arguments(&view, &key, out, &plain));
}

static void nothing_about_a_person_stands_in_clear(void **state)
{
    (void)state;
    struct data_key key = a_key(1);
    struct audit_entry entry = a_denial();
#define TEXT(tag, name, place, cap, meaning)                                                       \
    if ((place) == PRIVATE)                                                                        \
        entry.name = STR("canary-of-a-person");
    enum { CLEAR = FIELD_CLEAR, PRIVATE = FIELD_PRIVATE };
#include "audit/fields.def"
    entry.arguments = STR("canary-of-a-person");
    struct sealed_record record = seal_entry(&entry, &key);
    assert_int_equal(str_find_str(view_of(&record), STR("canary")), record.len);
}

static void the_leaf_hash_is_that_of_rfc_9162(void **state)
{
    (void)state;
    uint8_t hash[32];
    /* SHA-256 of one zero byte: the leaf hash of an empty leaf. */
    static const uint8_t empty[] = {0x6e, 0x34, 0x0b, 0x9c, 0xff, 0xb3, 0x7a, 0x98,
                                    0x9c, 0xa5, 0x44, 0xe6, 0xbb, 0x78, 0x0a, 0x2c,
                                    0x78, 0x90, 0x1d, 0x3f, 0xb3, 0x37, 0x38, 0x76,
                                    0x85, 0x11, 0xa3, 0x06, 0x17, 0xaf, 0xa0, 0x1d};
    leaf_hash(STR_NONE, hash);
    assert_memory_equal(hash, empty, sizeof empty);
}

static void kinds_and_outcomes_have_words(void **state)
{
    (void)state;
    enum audit_kind kind;
    enum audit_outcome outcome;
    assert_string_equal(audit_kind_word(AUDIT_DENIED), "denied");
    assert_null(audit_kind_word((enum audit_kind)0));
    assert_null(audit_kind_word((enum audit_kind)200));
    assert_true(audit_kind_parse(STR("gap"), &kind));
    assert_int_equal(kind, AUDIT_GAP);
    assert_false(audit_kind_parse(STR_NONE, &kind));
    assert_true(audit_outcome_parse(STR("unknown"), &outcome));
    assert_int_equal(outcome, OUTCOME_UNKNOWN);
    assert_string_equal(audit_outcome_word(OUTCOME_TOOL_ERROR), "tool_error");
}

#define ENTRY_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENTRY_TEST(every_field_takes_every_hostile_payload),
        ENTRY_TEST(the_longest_that_fits_is_kept_whole_and_one_more_is_cut),
        ENTRY_TEST(a_megabyte_in_every_field_at_once_is_recorded),
        ENTRY_TEST(arguments_of_any_bytes_come_back_exactly),
        ENTRY_TEST(numbers_of_every_size_come_back),
        ENTRY_TEST(extensions_are_carried_along),
        cmocka_unit_test(every_changed_byte_of_a_record_is_noticed),
        cmocka_unit_test(no_shortened_record_is_read_past_its_end),
        cmocka_unit_test(another_key_opens_nothing),
        cmocka_unit_test(a_block_does_not_open_in_another_entry),
        cmocka_unit_test(a_key_that_the_leaf_does_not_commit_to_is_refused),
        cmocka_unit_test(nothing_about_a_person_stands_in_clear),
        cmocka_unit_test(the_leaf_hash_is_that_of_rfc_9162),
        cmocka_unit_test(kinds_and_outcomes_have_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
