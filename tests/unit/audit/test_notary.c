/* Checkpoints and proofs of a log, and what is done when the log is not the one that was signed. */
#include "audit/audit.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>

#include "audit/checkpoint.h"
#include "audit_fixture.h"
#include "base/base64.h"
#include "base/crypto.h"
#include "base/file.h"

enum { ARENA_BYTES = 4 << 20 };

static int setup(void **state)
{
    struct log_fixture *f = log_make();

    f->config.origin_host = STR("log.example.com");
    f->config.checkpoint_ms = 20;
    log_open(f);
    *state = f;
    return 0;
}

static void add_entries(struct log_fixture *f, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct audit_entry entry = a_denial();
        struct heard heard;

        assert_int_equal(record(f, &entry, &heard), ERR_OK);
    }
}

static void wait_signed(struct log_fixture *f, uint64_t entries)
{
    for (int i = 0; i < 10000 && log_status(f).signed_entries < entries; i++)
        usleep(1000);
    assert_int_equal(log_status(f).signed_entries, entries);
    assert_true(log_status(f).proof_ok);
}

static struct checkpoint read_checkpoint(struct log_fixture *f, struct arena *arena)
{
    CLEANUP(pkey_freep) struct pkey *key = NULL;
    struct checkpoint checkpoint;
    struct str note;
    struct err err;

    assert_ok(pkey_new_own(keyring_get(f->keyring, KEY_CHECKPOINT), &key, &err), err);
    assert_ok(audit_get_checkpoint(f->audit, arena, &note, &err), err);
    struct str rest = note;
    assert_ok(checkpoint_read(note, str_cut(&rest, '\n'), key, arena, &checkpoint, &err), err);
    return checkpoint;
}

static void path_in(const struct log_fixture *f, const char *name, char path[256])
{
    (void)snprintf(path, 256, "%s/%s", f->audit_dir, name);
}

static void a_checkpoint_covers_what_is_durable(void **state)
{
    struct log_fixture *f = *state;
    CLEANUP(arena_freep) struct arena *arena = arena_new(ARENA_BYTES);

    add_entries(f, 300);
    wait_signed(f, 300);
    struct checkpoint checkpoint = read_checkpoint(f, arena);
    assert_int_equal(checkpoint.size, 300);
    assert_true(checkpoint.time > 0);
    assert_true(str_starts(checkpoint.origin, STR("log.example.com/audit/")));
}

static void prove(struct log_fixture *f, uint64_t index, struct arena *arena, struct str *ret_proof)
{
    struct err err = {.code = ERR_UNAVAILABLE};

    for (int i = 0; i < 10000 && err.code == ERR_UNAVAILABLE; i++) {
        err.code = ERR_OK;
        if (audit_prove(f->audit, index, arena, ret_proof, &err) == ERR_UNAVAILABLE)
            usleep(1000);
    }
    assert_int_equal(err.code, ERR_OK);
}

/* The text of a proof taken apart by hand. */
static bool proof_holds(struct log_fixture *f, struct str text, uint64_t index, struct arena *arena)
{
    struct checkpoint checkpoint = read_checkpoint(f, arena);
    struct tree_proof proof = {.count = 0};
    struct str rest = text;
    struct str leaf;
    struct str line;
    uint8_t hash[TREE_HASH_BYTES];
    char expected[64];

    assert_true(str_eq(str_cut(&rest, '\n'), STR("c2sp.org/tlog-proof@v1")));
    line = str_cut(&rest, '\n');
    assert_true(str_starts(line, STR("extra ")));
    assert_true(base64_decode(arena, str_from(line, 6), &leaf));
    (void)snprintf(expected, sizeof expected, "index %" PRIu64, index);
    assert_true(str_eq(str_cut(&rest, '\n'), str_c(expected)));
    while ((line = str_cut(&rest, '\n')).len > 0) {
        struct str node;

        assert_true(base64_decode(arena, line, &node) && node.len == TREE_HASH_BYTES);
        memcpy(proof.hashes[proof.count++], node.ptr, TREE_HASH_BYTES);
    }
    const struct str pieces[] = {str_of("\0", 1), leaf};
    crypto_sha256v(pieces, 2, hash);
    return tree_check(hash, index, checkpoint.size, &proof, checkpoint.root);
}

static void every_entry_can_be_proved(void **state)
{
    struct log_fixture *f = *state;
    struct err err;

    add_entries(f, 300);
    wait_signed(f, 300);
    for (uint64_t index = 0; index < 300; index += 7) {
        CLEANUP(arena_freep) struct arena *arena = arena_new(ARENA_BYTES);
        struct str proof;

        prove(f, index, arena, &proof);
        assert_true(proof_holds(f, proof, index, arena));
    }
    CLEANUP(arena_freep) struct arena *arena = arena_new(ARENA_BYTES);
    struct str proof;
    assert_int_equal(audit_prove(f->audit, 300, arena, &proof, &err), ERR_NOT_FOUND);
}

static void a_log_goes_on_with_its_tree_and_its_name(void **state)
{
    struct log_fixture *f = *state;
    CLEANUP(arena_freep) struct arena *arena = arena_new(ARENA_BYTES);

    add_entries(f, 270);
    wait_signed(f, 270);
    struct checkpoint before = read_checkpoint(f, arena);
    f->config.origin_host = STR("renamed.example.com");
    log_close(f);
    log_open(f);
    add_entries(f, 30);
    wait_signed(f, 300);
    struct checkpoint after = read_checkpoint(f, arena);
    assert_true(str_eq(before.origin, after.origin));
    struct str proof;
    prove(f, 3, arena, &proof);
    assert_true(proof_holds(f, proof, 3, arena));
}

static void the_last_entries_are_signed_at_the_end(void **state)
{
    struct log_fixture *f = *state;
    CLEANUP(arena_freep) struct arena *arena = arena_new(ARENA_BYTES);
    struct str note;
    struct err err;
    char path[256];

    log_close(f);
    f->config.checkpoint_ms = 3600000;
    log_open(f);
    add_entries(f, 5);
    log_close(f);
    path_in(f, "checkpoint", path);
    assert_ok(file_read(arena, path, CHECKPOINT_MAX_BYTES, &note, &err), err);
    (void)str_cut(&note, '\n');
    assert_true(str_eq(str_cut(&note, '\n'), STR("5")));
    log_open(f);
}

static void the_tree_is_made_again_when_its_files_are_gone_or_damaged(void **state)
{
    static const char *const damages[] = {"gone", "cut", "changed"};
    struct log_fixture *f = *state;
    CLEANUP(arena_freep) struct arena *arena = arena_new(ARENA_BYTES);
    uint64_t entries = 0;
    char path[256];

    path_in(f, "tree/level-0", path);
    for (size_t i = 0; i < ARRAY_LEN(damages); i++) {
        struct str proof;

        add_entries(f, 300);
        entries += 300;
        wait_signed(f, entries);
        log_close(f);
        int fd = open(path, O_RDWR);
        assert_true(fd >= 0);
        if (i == 0)
            assert_int_equal(unlink(path), 0);
        else if (i == 1)
            assert_int_equal(ftruncate(fd, 40), 0);
        else
            assert_int_equal(pwrite(fd, damages[i], 4, (off_t)(entries * 32 - 32)), 4);
        close(fd);
        log_open(f);
        wait_signed(f, entries);
        prove(f, 2, arena, &proof);
        assert_true(proof_holds(f, proof, 2, arena));
    }
}

/* An older copy of the journal beside a newer checkpoint. */
static void a_log_that_was_cut_is_not_gone_on_with(void **state)
{
    struct log_fixture *f = *state;
    struct audit *audit = NULL;
    char command[1024];
    struct err err;

    add_entries(f, 10);
    log_close(f);
    (void)snprintf(command, sizeof command, "cp -r %s %s.old", f->audit_dir, f->audit_dir);
    assert_int_equal(system(command), 0);
    log_open(f);
    add_entries(f, 10);
    log_close(f);
    (void)snprintf(command, sizeof command,
                   "cp %s/checkpoint %s.old/checkpoint && rm -r %s && mv %s.old %s", f->audit_dir,
                   f->audit_dir, f->audit_dir, f->audit_dir, f->audit_dir);
    assert_int_equal(system(command), 0);
    assert_int_equal(audit_open(&f->config, &audit, &err), ERR_CORRUPT);
    assert_non_null(
        strstr(err.text, "ends at entry 10, but its last checkpoint says that it had 20"));
}

/* Entries that were exchanged for others, well formed in themselves: nothing more is signed. */
static void a_log_with_other_entries_is_not_signed(void **state)
{
    struct log_fixture *f = *state;
    CLEANUP(arena_freep) struct arena *arena = arena_new(ARENA_BYTES);
    char command[1024];

    log_close(f);
    (void)snprintf(command, sizeof command, "cp -r %s %s.empty", f->audit_dir, f->audit_dir);
    assert_int_equal(system(command), 0);
    log_open(f);
    add_entries(f, 10);
    log_close(f);
    (void)snprintf(command, sizeof command,
                   "cp %s/checkpoint %s/origin %s.empty/ && rm -r %s && mv %s.empty %s",
                   f->audit_dir, f->audit_dir, f->audit_dir, f->audit_dir, f->audit_dir,
                   f->audit_dir);
    /* Another log of ten entries under the same name: written without checkpoints. */
    assert_int_equal(system(command), 0);
    (void)snprintf(command, sizeof command, "mv %s/checkpoint %s.checkpoint", f->audit_dir,
                   f->audit_dir);
    assert_int_equal(system(command), 0);
    f->config.origin_host = STR_NONE;
    log_open(f);
    add_entries(f, 10);
    log_close(f);
    (void)snprintf(command, sizeof command, "mv %s.checkpoint %s/checkpoint", f->audit_dir,
                   f->audit_dir);
    assert_int_equal(system(command), 0);
    f->config.origin_host = STR("log.example.com");
    log_open(f);
    for (int i = 0; i < 10000 && log_status(f).proof_ok; i++)
        usleep(1000);
    assert_false(log_status(f).proof_ok);
    assert_non_null(strstr(log_status(f).why, "not those of its last checkpoint"));
    add_entries(f, 3);
    usleep(100000);
    assert_int_equal(read_checkpoint(f, arena).size, 10);
}

static void the_checkpoint_of_another_key_is_a_conflict(void **state)
{
    struct log_fixture *f = *state;
    struct audit *audit = NULL;
    struct err err;
    char path[256];

    add_entries(f, 2);
    log_close(f);
    path_in(f, "checkpoint", path);
    assert_ok(file_write(path, STR("log.example.com/audit/1\n2\nAAAA\n\n\xe2\x80\x94 x AAAAAAAA\n"),
                         0600, &err),
              err);
    assert_int_equal(audit_open(&f->config, &audit, &err), ERR_CONFLICT);
    assert_int_equal(unlink(path), 0);
    log_open(f);
    wait_signed(f, 2);
}

static void without_a_name_there_are_no_checkpoints(void **state)
{
    struct log_fixture *f = *state;
    CLEANUP(arena_freep) struct arena *arena = arena_new(ARENA_BYTES);
    struct str text;
    struct err err;

    log_close(f);
    f->config.origin_host = STR_NONE;
    log_open(f);
    assert_int_equal(audit_get_checkpoint(f->audit, arena, &text, &err), ERR_UNAVAILABLE);
    assert_int_equal(audit_prove(f->audit, 0, arena, &text, &err), ERR_UNAVAILABLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_checkpoint_covers_what_is_durable, setup, log_teardown),
        cmocka_unit_test_setup_teardown(every_entry_can_be_proved, setup, log_teardown),
        cmocka_unit_test_setup_teardown(a_log_goes_on_with_its_tree_and_its_name, setup,
                                        log_teardown),
        cmocka_unit_test_setup_teardown(the_last_entries_are_signed_at_the_end, setup,
                                        log_teardown),
        cmocka_unit_test_setup_teardown(the_tree_is_made_again_when_its_files_are_gone_or_damaged,
                                        setup, log_teardown),
        cmocka_unit_test_setup_teardown(a_log_that_was_cut_is_not_gone_on_with, setup,
                                        log_teardown),
        cmocka_unit_test_setup_teardown(a_log_with_other_entries_is_not_signed, setup,
                                        log_teardown),
        cmocka_unit_test_setup_teardown(the_checkpoint_of_another_key_is_a_conflict, setup,
                                        log_teardown),
        cmocka_unit_test_setup_teardown(without_a_name_there_are_no_checkpoints, setup,
                                        log_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
