#include "gate/session.h"

#include "gate_unit.h"

static char directory[] = "/tmp/portreeve-session-XXXXXX";
static struct keyring *keyring;

static int set_up(void **state)
{
    struct err err;

    (void)state;
    return mkdtemp(directory) != NULL && keyring_create(directory, &err) == ERR_OK &&
                   keyring_load(directory, &keyring, &err) == ERR_OK
               ? 0
               : -1;
}

static int tear_down(void **state)
{
    char command[128];

    (void)state;
    keyring_free(keyring);
    (void)snprintf(command, sizeof command, "rm -rf %s", directory);
    return system(command);
}

static const struct caller ann = {.id = STR_INIT("robot:ann")};
static const struct caller bob = {.id = STR_INIT("robot:bob")};

static struct buf seal(struct str endpoint, struct str name)
{
    struct session session = {.id = uuid_v7(1), .version = MCP_2025_06_18, .created_us = 1000};
    struct buf text;

    session.client_name = name;
    session.client_version = STR("1.0");
    buf_init(&text, 4096);
    session_seal(keyring, &ann, endpoint, &session, &text);
    assert_false(text.failed);
    return text;
}

static void a_session_comes_back_as_it_went(void **state)
{
    struct arena *arena = arena_new(1 << 20);
    struct buf text = seal(STR("docs"), STR("client \xff\x00 \xc3\xa9"));
    struct session session;

    (void)state;
    assert_true(text.len <= 512);
    assert_true(
        session_open(keyring, &ann, STR("docs"), buf_str(&text), 2000, 10000, arena, &session));
    assert_int_equal(session.version, MCP_2025_06_18);
    assert_true(str_eq(session.client_name, STR("client \xff\x00 \xc3\xa9")));
    assert_str(session.client_version, "1.0");
    buf_done(&text);
    arena_free(arena);
}

static void nobody_else_nowhere_else_and_not_for_ever(void **state)
{
    struct arena *arena = arena_new(1 << 20);
    struct buf text = seal(STR("docs"), STR("c"));
    struct session session;

    (void)state;
    assert_false(
        session_open(keyring, &bob, STR("docs"), buf_str(&text), 2000, 10000, arena, &session));
    assert_false(
        session_open(keyring, &ann, STR("other"), buf_str(&text), 2000, 10000, arena, &session));
    assert_false(
        session_open(keyring, &ann, STR_NONE, buf_str(&text), 2000, 10000, arena, &session));
    assert_false(
        session_open(keyring, &ann, STR("docs"), buf_str(&text), 99999, 10000, arena, &session));
    buf_done(&text);
    arena_free(arena);
}

static void a_changed_byte_anywhere_opens_nothing(void **state)
{
    struct arena *arena = arena_new(4 << 20);
    struct buf text = seal(STR_NONE, STR("c"));
    struct session session;

    (void)state;
    for (size_t i = 0; i < text.len; i++) {
        text.ptr[i] = (char)(text.ptr[i] ^ 1);
        assert_false(
            session_open(keyring, &ann, STR_NONE, buf_str(&text), 2000, 10000, arena, &session));
        text.ptr[i] = (char)(text.ptr[i] ^ 1);
        assert_false(session_open(keyring, &ann, STR_NONE, str_first(buf_str(&text), i), 2000,
                                  10000, arena, &session));
    }
    assert_true(
        session_open(keyring, &ann, STR_NONE, buf_str(&text), 2000, 10000, arena, &session));
    buf_done(&text);
    arena_free(arena);
}

static void a_long_client_name_is_cut(void **state)
{
    struct arena *arena = arena_new(1 << 20);
    char name[300];
    struct session session;

    (void)state;
    memset(name, 'n', sizeof name);
    struct buf text = seal(STR_NONE, str_of(name, sizeof name));
    assert_true(text.len <= 512);
    assert_true(
        session_open(keyring, &ann, STR_NONE, buf_str(&text), 2000, 10000, arena, &session));
    assert_int_equal(session.client_name.len, SESSION_MAX_CLIENT_BYTES);
    buf_done(&text);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_comes_back_as_it_went),
        cmocka_unit_test(nobody_else_nowhere_else_and_not_for_ever),
        cmocka_unit_test(a_changed_byte_anywhere_opens_nothing),
        cmocka_unit_test(a_long_client_name_is_cut),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
