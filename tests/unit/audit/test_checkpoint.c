#include "audit/checkpoint.h"

#include <string.h>

#include "../unit.h"
#include "base/base64.h"

enum { ARENA_BYTES = 1 << 20 };

static const uint8_t seed[32] = {1, 2, 3};
static const uint8_t other_seed[32] = {4, 5, 6};

static const struct checkpoint example = {
    .origin = {"log.example.com/audit/1", 23},
    .size = 20852163,
    .root = {7, 8, 9},
    .time = 1679315147,
};

static struct pkey *key_of(const uint8_t secret[32])
{
    struct pkey *key = NULL;
    struct err err;

    assert_ok(pkey_new_own(secret, &key, &err), err);
    return key;
}

static void write_note(struct buf *out)
{
    CLEANUP(pkey_freep) struct pkey *key = key_of(seed);

    buf_init(out, CHECKPOINT_MAX_BYTES);
    assert_true(checkpoint_write(&example, key, out));
}

static enum err_code read_note(struct str text, const uint8_t secret[32], const char *origin,
                               struct checkpoint *ret_checkpoint)
{
    CLEANUP(pkey_freep) struct pkey *key = key_of(secret);
    CLEANUP(arena_freep) struct arena *arena = arena_new(ARENA_BYTES);
    struct err err;

    return checkpoint_read(text, str_c(origin), key, arena, ret_checkpoint, &err);
}

/* The same, for many notes in a row. */
static bool is_taken(struct str text, const struct pkey *key, struct arena *arena,
                     struct checkpoint *ret_checkpoint)
{
    struct err err;

    arena_reset(arena);
    return checkpoint_read(text, example.origin, key, arena, ret_checkpoint, &err) == ERR_OK;
}

static void what_is_written_is_read(void **state)
{
    CLEANUP(buf_done) struct buf note;
    struct checkpoint found;

    (void)state;
    write_note(&note);
    assert_int_equal(read_note(buf_str(&note), seed, "log.example.com/audit/1", &found), ERR_OK);
    assert_int_equal(found.size, example.size);
    assert_int_equal(found.time, example.time);
    assert_memory_equal(found.root, example.root, sizeof found.root);
    assert_true(str_starts(buf_str(&note), STR("log.example.com/audit/1\n20852163\n")));
}

static void of_another_key_or_log_is_refused(void **state)
{
    CLEANUP(buf_done) struct buf note;
    struct checkpoint found;

    (void)state;
    write_note(&note);
    assert_int_equal(read_note(buf_str(&note), other_seed, "log.example.com/audit/1", &found),
                     ERR_INVALID);
    assert_int_equal(read_note(buf_str(&note), seed, "log.example.com/audit/2", &found),
                     ERR_INVALID);
}

/* Flips each byte, and cuts at each: nothing of it is believed. A cut behind the first signature
 * line leaves a note that is signed, only without the time. */
static void no_changed_byte_goes_unnoticed(void **state)
{
    CLEANUP(pkey_freep) struct pkey *key = key_of(seed);
    CLEANUP(arena_freep) struct arena *arena = arena_new(ARENA_BYTES);
    CLEANUP(buf_done) struct buf note;
    struct checkpoint found;

    (void)state;
    write_note(&note);
    for (size_t i = 0; i < note.len; i++) {
        note.ptr[i] = (char)(note.ptr[i] ^ 1);
        if (is_taken(buf_str(&note), key, arena, &found))
            assert_int_equal(found.time, 0); /* the line with the time is another key's now */
        note.ptr[i] = (char)(note.ptr[i] ^ 1);
    }
    for (size_t len = 0; len < note.len; len++)
        if (is_taken(str_first(buf_str(&note), len), key, arena, &found))
            assert_int_equal(found.time, 0);
}

static void lines_of_witnesses_are_passed_over(void **state)
{
    CLEANUP(buf_done) struct buf note;
    struct checkpoint found;

    (void)state;
    write_note(&note);
    buf_add_c(&note,
              "\xe2\x80\x94 witness.example.com/w1 "
              "jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5"
              "nNo0xUe+mbIUBkBIfZ+qnA==\n");
    assert_int_equal(read_note(buf_str(&note), seed, "log.example.com/audit/1", &found), ERR_OK);
    assert_int_equal(found.time, example.time);
}

static void what_is_no_note_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "\n",
        "\n\n",
        "log.example.com/audit/1\n1\n",
        "log.example.com/audit/1\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n",
        "log.example.com/audit/1\n01\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n\xe2\x80\x94 "
        "x AAAA\n",
        "log.example.com/audit/1\n-1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n\xe2\x80\x94 "
        "x AAAA\n",
        "log.example.com/audit/1\n1\nAAAA\n\n\xe2\x80\x94 x AAAAAAAA\n",
    };
    struct checkpoint found;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        assert_int_equal(read_note(str_c(texts[i]), seed, "log.example.com/audit/1", &found),
                         ERR_INVALID);
}

/* The example of c2sp.org/signed-note. */
static void verifier_keys_have_the_form_of_the_specification(void **state)
{
    CLEANUP(pkey_freep) struct pkey *key = NULL;
    CLEANUP(buf_done) struct buf vkey;
    char material[32];
    struct err err;

    (void)state;
    assert_true(hex_decode(STR("e932791ae6e7a840a46164c904786426d5e7821dd8b29a00d61cae72afdd4da4"),
                           material, sizeof material));
    assert_ok(pkey_new_ed25519(str_of(material, sizeof material), &key, &err), err);
    buf_init(&vkey, 1024);
    checkpoint_write_vkey(STR("example.com/foo"), key, false, &vkey);
    assert_true(
        str_eq(buf_str(&vkey),
               STR("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k")));
    buf_clear(&vkey);
    checkpoint_write_vkey(STR("example.com/foo"), key, true, &vkey);
    assert_false(str_starts(buf_str(&vkey), STR("example.com/foo+530d903a+")));
}

static void names_of_logs_are_plain(void **state)
{
    (void)state;
    assert_true(checkpoint_is_origin(STR("example.com/log42")));
    assert_false(checkpoint_is_origin(STR("")));
    assert_false(checkpoint_is_origin(STR("a b")));
    assert_false(checkpoint_is_origin(STR("a+b")));
    assert_false(checkpoint_is_origin(STR("a\nb")));
    assert_false(checkpoint_is_origin(STR("\xc3\xa9")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(of_another_key_or_log_is_refused),
        cmocka_unit_test(no_changed_byte_goes_unnoticed),
        cmocka_unit_test(lines_of_witnesses_are_passed_over),
        cmocka_unit_test(what_is_no_note_is_refused),
        cmocka_unit_test(verifier_keys_have_the_form_of_the_specification),
        cmocka_unit_test(names_of_logs_are_plain),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
