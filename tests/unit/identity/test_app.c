/* Clients that register themselves: what they may say, and that nobody makes an id up. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "unit.h"

#include "identity/app.h"

struct world {
    char dir[64];
    struct keyring *keyring;
    struct arena *arena;
};

static int set_up(void **state)
{
    static struct world world;
    struct err err;
    (void)snprintf(world.dir, sizeof world.dir, "/tmp/portreeve-test-XXXXXX");
    assert_non_null(mkdtemp(world.dir));
    assert_ok(keyring_create(world.dir, &err), err);
    assert_ok(keyring_load(world.dir, &world.keyring, &err), err);
    world.arena = arena_new(4 << 20);
    *state = &world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    char command[128];
    keyring_free(world->keyring);
    arena_free(world->arena);
    (void)snprintf(command, sizeof command, "rm -r '%s'", world->dir);
    return system(command);
}

static struct app make(struct world *world, const char *json)
{
    struct app app;
    struct err err;
    assert_ok(app_read(str_c(json), world->arena, &app, &err), err);
    assert_ok(app_register(world->keyring, world->arena, &app, &err), err);
    return app;
}

static void what_was_registered_is_found_by_its_id_alone(void **state)
{
    struct world *world = *state;
    struct app app = make(world, "{\"client_name\":\"A \\\"b\\\"\",\"redirect_uris\":["
                                 "\"http://127.0.0.1:1/cb\",\"com.example.app:/cb\"]}");
    struct app found;
    assert_int_equal(app_find(world->keyring, app.id, world->arena, &found, NULL), ERR_OK);
    assert_true(str_eq(found.name, STR("A \"b\"")));
    assert_int_equal(found.redirect_count, 2);
    assert_true(str_eq(found.redirects[1], STR("com.example.app:/cb")));
    const struct str others[] = {
        STR_NONE,      STR("app."),         STR("app.x"),
        STR("claude"), str_from(app.id, 4), str_first(app.id, app.id.len - 1)};
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        assert_int_equal(app_find(world->keyring, others[i], world->arena, &found, NULL),
                         ERR_NOT_FOUND);
    for (size_t at = 4; at < app.id.len; at += 7) {
        struct str changed = arena_dup(world->arena, app.id);
        char *bytes = arena_alloc(world->arena, changed.len);
        memcpy(bytes, changed.ptr, changed.len);
        bytes[at] = bytes[at] == 'A' ? 'B' : 'A';
        assert_int_equal(
            app_find(world->keyring, str_of(bytes, changed.len), world->arena, &found, NULL),
            ERR_NOT_FOUND);
    }
}

static void metadata_that_could_harm_is_refused(void **state)
{
    struct world *world = *state;
    static const char *const rows[] = {
        "",
        "[]",
        "{}",
        "{\"redirect_uris\":\"https://a.example/cb\"}",
        "{\"redirect_uris\":[1]}",
        "{\"redirect_uris\":[\"\"]}",
        "{\"redirect_uris\":[\"/cb\"]}",
        "{\"redirect_uris\":[\"a.example/cb\"]}",
        "{\"redirect_uris\":[\"JavaScript:alert(1)\"]}",
        "{\"redirect_uris\":[\"data:text/html,x\"]}",
        "{\"redirect_uris\":[\"file:///etc/passwd\"]}",
        "{\"redirect_uris\":[\"http://a.example/cb\"]}",
        "{\"redirect_uris\":[\"http://127.0.0.1.evil.example/cb\"]}",
        "{\"redirect_uris\":[\"http://localhost.evil.example/cb\"]}",
        "{\"redirect_uris\":[\"https://user@a.example/cb\"]}",
        "{\"redirect_uris\":[\"https://a.example/cb#x\"]}",
        "{\"redirect_uris\":[\"https://a.example/cb x\"]}",
        "{\"redirect_uris\":[\"https://a.example/cb\\r\\nSet-Cookie: x\"]}",
        "{\"redirect_uris\":[\"https://a.example/\\\\evil\"]}",
        "{\"redirect_uris\":[\"https://a.example/\\u00e9\"]}",
        "{\"redirect_uris\":[\"https://a.example/cb\"],\"client_name\":7}",
        "{\"redirect_uris\":[\"https://a.example/cb\"],\"redirect_uris\":[\"x:/\"]}",
        "{\"redirect_uris\":[\"https://a.example/\"],\"token_endpoint_auth_method\":\"none_such\"}",
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct app app;
        if (app_read(str_c(rows[i]), world->arena, &app, NULL) == ERR_OK)
            fail_msg("%s", rows[i]);
    }
}

static void a_redirect_is_compared_byte_for_byte_but_for_a_port_of_loopback(void **state)
{
    struct world *world = *state;
    struct app app = make(
        world, "{\"redirect_uris\":[\"http://127.0.0.1:1/cb\",\"https://a.example:8443/cb?x=1\","
               "\"http://[::1]/cb\"]}");
    static const struct {
        const char *redirect;
        bool is_allowed;
    } rows[] = {
        {"http://127.0.0.1:1/cb", true},
        {"http://127.0.0.1:55555/cb", true},
        {"http://127.0.0.1/cb", true},
        {"http://[::1]:8080/cb", true},
        {"https://a.example:8443/cb?x=1", true},
        {"http://127.0.0.1:1/cb/", false},
        {"http://127.0.0.1:1/CB", false},
        {"http://127.0.0.1:1/cb?x", false},
        {"http://localhost:1/cb", false},
        {"https://127.0.0.1:1/cb", false},
        {"https://a.example/cb?x=1", false},
        {"https://a.example:8444/cb?x=1", false},
        {"https://a.example:8443/cb", false},
        {"https://A.example:8443/cb?x=1", false},
        {"https://a.example:8443/cb?x=1#", false},
        {"", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (app_allows(&app, str_c(rows[i].redirect)) != rows[i].is_allowed)
            fail_msg("%s", rows[i].redirect);
    assert_false(app_allows(&app, STR_NONE));
    assert_true(app_is_loopback(STR("http://localhost:1/cb")));
    assert_false(app_is_loopback(STR("https://a.example/cb")));
    assert_false(app_is_loopback(STR("cursor://x")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_registered_is_found_by_its_id_alone),
        cmocka_unit_test(metadata_that_could_harm_is_refused),
        cmocka_unit_test(a_redirect_is_compared_byte_for_byte_but_for_a_port_of_loopback),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
