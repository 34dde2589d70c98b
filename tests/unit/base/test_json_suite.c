/*
 * test_json_suite.c - the parser against every file of JSONTestSuite (SHARED_DATA/JSONTestSuite):
 * each n_ is refused, each y_ accepted but for those named below, each i_ decided by name.
 */
#include "unit.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/json.h"

enum { MAX_FILE_BYTES = 1024 * 1024, ARENA_BYTES = 64 * 1024 * 1024 };

static const char DUPLICATE[] = "readers differ on which of two equal names wins";

static const struct refusal {
    const char *file;
    const char *reason;
} refused_on_purpose[] = {
    {"y_object_duplicated_key.json", DUPLICATE},
    {"y_object_duplicated_key_and_value.json", DUPLICATE},
    {"y_object_escaped_null_in_key.json", "readers with C strings cut the name at the NUL"},
};

static const struct decision {
    const char *file;
    bool is_accepted;
    const char *reason;
} decided[] = {
    {"i_number_double_huge_neg_exp.json", true, "numbers stay text"},
    {"i_number_huge_exp.json", true, "numbers stay text"},
    {"i_number_neg_int_huge_exp.json", true, "numbers stay text"},
    {"i_number_pos_double_huge_exp.json", true, "numbers stay text"},
    {"i_number_real_neg_overflow.json", true, "numbers stay text"},
    {"i_number_real_pos_overflow.json", true, "numbers stay text"},
    {"i_number_real_underflow.json", true, "numbers stay text"},
    {"i_number_too_big_neg_int.json", true, "numbers stay text"},
    {"i_number_too_big_pos_int.json", true, "numbers stay text"},
    {"i_number_very_big_negative_int.json", true, "numbers stay text"},
    {"i_object_key_lone_2nd_surrogate.json", false, "lone surrogate"},
    {"i_string_1st_surrogate_but_2nd_missing.json", false, "lone surrogate"},
    {"i_string_1st_valid_surrogate_2nd_invalid.json", false, "lone surrogate"},
    {"i_string_UTF-16LE_with_BOM.json", false, "no UTF-8"},
    {"i_string_UTF-8_invalid_sequence.json", false, "no UTF-8"},
    {"i_string_UTF8_surrogate_U+D800.json", false, "no UTF-8"},
    {"i_string_incomplete_surrogate_and_escape_valid.json", false, "lone surrogate"},
    {"i_string_incomplete_surrogate_pair.json", false, "lone surrogate"},
    {"i_string_incomplete_surrogates_escape_valid.json", false, "lone surrogate"},
    {"i_string_invalid_lonely_surrogate.json", false, "lone surrogate"},
    {"i_string_invalid_surrogate.json", false, "lone surrogate"},
    {"i_string_invalid_utf-8.json", false, "no UTF-8"},
    {"i_string_inverted_surrogates_U+1D11E.json", false, "lone surrogate"},
    {"i_string_iso_latin_1.json", false, "no UTF-8"},
    {"i_string_lone_second_surrogate.json", false, "lone surrogate"},
    {"i_string_lone_utf8_continuation_byte.json", false, "no UTF-8"},
    {"i_string_not_in_unicode_range.json", false, "no UTF-8"},
    {"i_string_overlong_sequence_2_bytes.json", false, "no UTF-8"},
    {"i_string_overlong_sequence_6_bytes.json", false, "no UTF-8"},
    {"i_string_overlong_sequence_6_bytes_null.json", false, "no UTF-8"},
    {"i_string_truncated-utf-8.json", false, "no UTF-8"},
    {"i_string_utf16BE_no_BOM.json", false, "no UTF-8"},
    {"i_string_utf16LE_no_BOM.json", false, "no UTF-8"},
    {"i_structure_500_nested_arrays.json", false, "deeper than 64"},
    {"i_structure_UTF-8_BOM_empty_object.json", false, "byte order mark"},
};

static bool folder(char *path, size_t size)
{
    const char *data = getenv("SHARED_DATA");
    if (data == NULL)
        return false;
    int len = snprintf(path, size, "%s/JSONTestSuite/test_parsing", data);
    return len > 0 && (size_t)len < size;
}

static DIR *open_suite(void)
{
    char path[4096];
    return folder(path, sizeof path) ? opendir(path) : NULL;
}

/* *ret_bytes is exactly as long as the file, so that a read past it is seen. */
static size_t read_file(const char *name, char **ret_bytes)
{
    char path[4096 + 256];
    assert_true(folder(path, 4096));
    size_t len = strlen(path);
    snprintf(path + len, sizeof path - len, "/%s", name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    char *bytes = malloc(MAX_FILE_BYTES);
    assert_non_null(bytes);
    size_t got = fread(bytes, 1, MAX_FILE_BYTES, file);
    fclose(file);
    assert_true(got < MAX_FILE_BYTES);
    *ret_bytes = realloc(bytes, got == 0 ? 1 : got);
    assert_non_null(*ret_bytes);
    return got;
}

static bool is_accepted(const char *name, struct err *err)
{
    char *bytes;
    size_t len = read_file(name, &bytes);
    struct arena *arena = arena_new(ARENA_BYTES);
    assert_non_null(arena);
    struct json_doc doc;
    enum err_code code = json_parse(str_of(bytes, len), &json_limits_default, arena, &doc, err);
    arena_free(arena);
    free(bytes);
    return code == ERR_OK;
}

static bool is_refused_on_purpose(const char *file)
{
    for (size_t i = 0; i < ARRAY_LEN(refused_on_purpose); i++) {
        if (strcmp(refused_on_purpose[i].file, file) == 0)
            return true;
    }
    return false;
}

static void every_invalid_text_is_refused(void **state)
{
    (void)state;
    DIR *dir = open_suite();
    assert_non_null(dir);
    size_t count = 0;
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        struct err err;
        if (strncmp(entry->d_name, "n_", 2) != 0)
            continue;
        count++;
        if (is_accepted(entry->d_name, &err))
            fail_msg("%s is accepted", entry->d_name);
    }
    closedir(dir);
    assert_true(count >= 188);
}

static void every_valid_text_is_accepted_but_those_refused_on_purpose(void **state)
{
    (void)state;
    DIR *dir = open_suite();
    assert_non_null(dir);
    size_t count = 0;
    size_t refused = 0;
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        struct err err = {.text = "is accepted"};
        if (strncmp(entry->d_name, "y_", 2) != 0)
            continue;
        count++;
        bool is_exception = is_refused_on_purpose(entry->d_name);
        refused += is_exception;
        if (is_accepted(entry->d_name, &err) == is_exception)
            fail_msg("%s: %s", entry->d_name, err.text);
    }
    closedir(dir);
    assert_true(count >= 95);
    assert_int_equal(refused, ARRAY_LEN(refused_on_purpose));
}

static const struct decision *find_decision(const char *file)
{
    for (size_t i = 0; i < ARRAY_LEN(decided); i++) {
        if (strcmp(decided[i].file, file) == 0)
            return &decided[i];
    }
    return NULL;
}

static void every_open_case_is_decided_by_name(void **state)
{
    (void)state;
    DIR *dir = open_suite();
    assert_non_null(dir);
    size_t count = 0;
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        struct err err = {.text = "is accepted"};
        if (strncmp(entry->d_name, "i_", 2) != 0)
            continue;
        count++;
        const struct decision *decision = find_decision(entry->d_name);
        if (decision == NULL)
            fail_msg("%s is not decided", entry->d_name);
        else if (is_accepted(entry->d_name, &err) != decision->is_accepted)
            fail_msg("%s (%s): %s", entry->d_name, decision->reason, err.text);
    }
    closedir(dir);
    assert_int_equal(count, ARRAY_LEN(decided));
}

int main(void)
{
    DIR *dir = open_suite();
    if (dir == NULL) {
        /* cmocka 1.1.5 words a skip in TAP as a failure, so it is said here. */
        printf("1..1\nok 1 - json_suite # SKIP no JSONTestSuite in SHARED_DATA\n");
        return 0;
    }
    closedir(dir);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_invalid_text_is_refused),
        cmocka_unit_test(every_valid_text_is_accepted_but_those_refused_on_purpose),
        cmocka_unit_test(every_open_case_is_decided_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
