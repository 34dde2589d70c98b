/* OAuth clients in the store: what is kept, what is noted, and what ends with a block. */
#include "unit.h"

#include "scratch.h"
#include "store/store.h"

static const struct store_change nobody = {.now_us = 5000, .author = STR_INIT("ann")};

static struct store *open_store(const struct scratch *scratch)
{
    struct store *store = NULL;
    struct err err;
    assert_ok(store_open(scratch_path(scratch, "store.db"), &store, &err), err);
    return store;
}

static struct store_view view_of(struct store *store, struct arena *arena)
{
    struct store_view view;
    struct err err;
    assert_ok(store_load_view(store, arena, &view, &err), err);
    return view;
}

static void a_client_is_kept_as_it_was_made_and_once(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    CLEANUP(arena_freep) struct arena *arena = arena_new(1 << 22);
    struct store *store = open_store(&scratch);
    struct client client = {.id = STR("ci"),
                            .has_secret = true,
                            .secret_hash = {1, 2, 3},
                            .redeems = STR("corp"),
                            .may_exchange = true,
                            .is_agent = true};
    const struct client keys = {.id = STR("keys"), .jwks = STR("{}"), .jwks_url = STR("https://x")};
    struct err err;
    uint64_t version = 0;
    uint64_t before = view_of(store, arena).policy_version;
    assert_ok(store_add_client(store, &client, &nobody, &version, &err), err);
    assert_int_equal(version, before + 1);
    assert_int_equal(store_add_client(store, &client, &nobody, &version, &err), ERR_CONFLICT);
    assert_ok(store_add_client(store, &keys, &nobody, &version, &err), err);
    client.id = STR("robot");
    client.robot_id = 77;
    assert_int_equal(store_add_client(store, &client, &nobody, &version, &err), ERR_NOT_FOUND);
    store_close(store);
    store = open_store(&scratch);
    struct store_view view = view_of(store, arena);
    assert_int_equal(view.client_count, 2);
    assert_str(view.clients[0].id, "ci");
    assert_str(view.clients[0].author, "ann");
    assert_str(view.clients[0].redeems, "corp");
    assert_int_equal(view.clients[0].created_us, 5000);
    assert_true(view.clients[0].has_secret && view.clients[0].secret_hash[2] == 3);
    assert_true(view.clients[0].may_exchange && view.clients[0].is_agent);
    assert_false(view.clients[1].has_secret);
    assert_str(view.clients[1].jwks_url, "https://x");
    assert_ok(store_remove_client(store, STR("ci"), &nobody, &version, &err), err);
    assert_int_equal(store_remove_client(store, STR("ci"), &nobody, &version, &err), ERR_NOT_FOUND);
    assert_int_equal(view_of(store, arena).client_count, 1);
    store_close(store);
    scratch_remove(&scratch);
}

static void add_session(struct store *store, const char *id, const char *client)
{
    struct err err;
    const struct oauth_session session = {.id = str_c(id),
                                          .provider = STR("corp"),
                                          .subject = STR("ann"),
                                          .groups = STR("[]"),
                                          .client_id = str_c(client),
                                          .scopes = SCOPE_BIT(SCOPE_LIST),
                                          .needs_proof = true,
                                          .created_us = 1000,
                                          .expires_us = 1000000};
    assert_ok(store_add_session(store, &session, &err), err);
}

static void a_block_ends_the_sessions_of_that_client_alone_and_for_good(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    CLEANUP(arena_freep) struct arena *arena = arena_new(1 << 22);
    struct store *store = open_store(&scratch);
    struct store_change later = {.now_us = 9000};
    struct err err;
    uint64_t version = 0;
    size_t ended = 0;
    add_session(store, "s1", "app.x");
    add_session(store, "s2", "app.x");
    add_session(store, "s3", "app.y");
    assert_ok(store_turn_session(store, STR("s1"), 0, 4000, &err), err);
    assert_ok(store_block_client(store, STR("app.x"), true, &nobody, &ended, &version, &err), err);
    assert_int_equal(ended, 2);
    assert_int_equal(store_turn_session(store, STR("s1"), 1, 6000, &err), ERR_CONFLICT);
    assert_ok(store_block_client(store, STR("app.x"), true, &later, &ended, &version, &err), err);
    assert_int_equal(ended, 0);
    struct store_view view = view_of(store, arena);
    assert_int_equal(view.mark_count, 1);
    assert_int_equal(view.marks[0].blocked_us, 5000);
    assert_int_equal(view.sessions[0].used_us, 4000);
    assert_true(view.sessions[0].needs_proof);
    assert_int_equal(view.sessions[0].ended_us, 5000);
    assert_int_equal(view.sessions[2].ended_us, 0);
    assert_ok(store_block_client(store, STR("app.x"), false, &later, &ended, &version, &err), err);
    view = view_of(store, arena);
    assert_int_equal(view.marks[0].blocked_us, 0);
    assert_int_equal(view.sessions[0].ended_us, 5000);
    store_close(store);
    scratch_remove(&scratch);
}

static void a_use_is_noted_about_once_a_minute_and_forgotten_with_the_client(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    CLEANUP(arena_freep) struct arena *arena = arena_new(1 << 22);
    struct store *store = open_store(&scratch);
    const struct client client = {.id = STR("ci"), .has_secret = true};
    const int64_t minute = 60000000;
    struct err err;
    uint64_t version = 0;
    assert_ok(store_add_client(store, &client, &nobody, &version, &err), err);
    assert_ok(store_touch_client(store, STR("ci"), 1000, &err), err);
    assert_ok(store_touch_client(store, STR("ci"), 1000 + minute, &err), err);
    assert_int_equal(view_of(store, arena).marks[0].used_us, 1000);
    assert_ok(store_touch_client(store, STR("ci"), 1001 + minute, &err), err);
    assert_int_equal(view_of(store, arena).marks[0].used_us, 1001 + minute);
    assert_ok(store_touch_client(store, STR("ci"), 5, &err), err);
    assert_int_equal(view_of(store, arena).marks[0].used_us, 1001 + minute);
    assert_ok(store_remove_client(store, STR("ci"), &nobody, &version, &err), err);
    assert_int_equal(view_of(store, arena).marks[0].used_us, 0);
    store_close(store);
    scratch_remove(&scratch);
}

static void clients_are_bounded(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    struct store *store = open_store(&scratch);
    struct err err;
    uint64_t version = 0;
    char id[16];
    for (int i = 0; i <= STORE_MAX_CLIENTS; i++) {
        (void)snprintf(id, sizeof id, "c%d", i);
        const struct client client = {.id = str_c(id), .has_secret = true};
        enum err_code code = store_add_client(store, &client, &nobody, &version, &err);
        assert_int_equal(code, i == STORE_MAX_CLIENTS ? ERR_CONFLICT : ERR_OK);
    }
    store_close(store);
    scratch_remove(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_is_kept_as_it_was_made_and_once),
        cmocka_unit_test(a_block_ends_the_sessions_of_that_client_alone_and_for_good),
        cmocka_unit_test(a_use_is_noted_about_once_a_minute_and_forgotten_with_the_client),
        cmocka_unit_test(clients_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
