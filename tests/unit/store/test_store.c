#include "unit.h"

#include "base/arena.h"
#include "scratch.h"
#include "store/store.h"

static const struct store_change nobody = {.now_us = 1000};

static struct store *open_store(const struct scratch *scratch)
{
    struct err err;
    struct store *store = NULL;
    assert_ok(store_open(scratch_path(scratch, "store.db"), &store, &err), err);
    return store;
}

static void save(struct store *store, const struct governance *governance, uint64_t expected,
                 const struct store_change *change)
{
    struct err err;
    uint64_t version = 0;
    assert_ok(store_save_governance(store, governance, expected, change, &version, &err), err);
    assert_true(version > 1);
}

static struct governance load(struct store *store, struct arena *arena)
{
    struct err err;
    struct governance governance;
    assert_ok(store_load_governance(store, arena, &governance, &err), err);
    return governance;
}

static uint64_t policy_version(struct store *store)
{
    struct err err;
    uint64_t version = 0;
    assert_ok(store_policy_version(store, &version, &err), err);
    return version;
}

/* One of everything. */
static struct governance full_governance(void)
{
    static struct secret_header headers[] = {
        {STR_INIT("X-Api-Key"), STR_INIT("key")},
        {STR_INIT("X-Org"), STR_INIT("org")},
    };
    static struct tool_rule rules[] = {
        {.pattern = STR_INIT("describe_*"), .category = CATEGORY_READ_ONLY},
        {.pattern = STR_INIT("execute_query"), .category = CATEGORY_DESTRUCTIVE},
    };
    static struct server servers[] = {
        {
            .name = STR_INIT("snowflake"),
            .kind = SERVER_URL,
            .address = STR_INIT("https://example.com/mcp"),
            .credential_mode = CREDENTIAL_SHARED,
            .credential_type = CREDENTIAL_HEADERS,
            .headers = headers,
            .header_count = 2,
            .rules = rules,
            .rule_count = 2,
        },
        {
            .name = STR_INIT("docs"),
            .kind = SERVER_PROGRAM,
            .address = STR_INIT("docs"),
            .credential_mode = CREDENTIAL_NONE,
            .is_disabled = true,
        },
    };
    static struct str users[] = {STR_INIT("bob@example.com"), STR_INIT("eve@example.com")};
    static struct str groups[] = {STR_INIT("data-analysts")};
    static struct str names[] = {STR_INIT("analyst")};
    static struct str robot_names[] = {STR_INIT("nightly")};
    static struct str tools[] = {STR_INIT("list_*"), STR_INIT("h\xc3\xa9")};
    static struct role roles[] = {
        {STR_INIT("analyst"), users, 2, groups, 1, robot_names, 1},
        {STR_INIT("empty"), NULL, 0, NULL, 0, NULL, 0},
    };
    static struct grant grants[] = {
        {
            .name = STR_INIT("analysts read"),
            .roles = names,
            .role_count = 1,
            .robots = robot_names,
            .robot_count = 1,
            .server = STR_INIT("snowflake"),
            .categories = CATEGORY_BIT(CATEGORY_READ_ONLY) | CATEGORY_BIT(CATEGORY_ADMIN),
            .tools = tools,
            .tool_count = 2,
        },
        {.name = STR_INIT("nothing"), .server = STR_INIT("docs")},
    };
    static struct ceiling ceilings[] = {
        {
            .principals = PRINCIPAL_BIT(PRINCIPAL_ROBOT) | PRINCIPAL_BIT(PRINCIPAL_DELEGATED),
            .deny = CATEGORY_BIT(CATEGORY_ADMIN),
            .approval = CATEGORY_BIT(CATEGORY_DESTRUCTIVE),
        },
    };
    static struct robot robots[] = {
        {.name = STR_INIT("nightly"), .owner = STR_INIT("ann@example.com")},
        {.name = STR_INIT("idle"), .owner = STR_INIT("bob@example.com"), .is_disabled = true},
    };
    return (struct governance){
        .servers = servers,
        .server_count = 2,
        .roles = roles,
        .role_count = 2,
        .grants = grants,
        .grant_count = 2,
        .ceilings = ceilings,
        .ceiling_count = 1,
        .robots = robots,
        .robot_count = 2,
    };
}

static void a_new_store_is_empty_and_readable_by_its_owner_alone(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    CLEANUP(arena_freep) struct arena *arena = arena_new(1 << 20);
    struct store *store = open_store(&scratch);
    struct err err;
    struct store_view view;
    assert_ok(store_load_view(store, arena, &view, &err), err);
    assert_int_equal(view.policy_version, 1);
    assert_int_equal(view.governance.version, 0);
    assert_int_equal(view.governance.server_count + view.governance.robot_count, 0);
    assert_int_equal(view.tool_count + view.token_count, 0);
    struct stat found;
    assert_int_equal(stat(scratch_path(&scratch, "store.db"), &found), 0);
    assert_int_equal(found.st_mode & 0777, 0600);
    store_close(store);
    scratch_remove(&scratch);
}

static void governance_comes_back_as_it_was_saved(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    CLEANUP(arena_freep) struct arena *arena = arena_new(1 << 20);
    struct store *store = open_store(&scratch);
    struct governance in = full_governance();
    save(store, &in, 0, &(struct store_change){.author = STR("ann"), .now_us = 77});
    store_close(store);

    store = open_store(&scratch);
    struct governance out = load(store, arena);
    assert_int_equal(out.version, 1);
    assert_int_equal(out.server_count, 2);
    const struct server *server = &out.servers[0];
    assert_str(server->name, "snowflake");
    assert_int_equal(server->kind, SERVER_URL);
    assert_str(server->address, "https://example.com/mcp");
    assert_int_equal(server->credential_mode, CREDENTIAL_SHARED);
    assert_int_equal(server->credential_type, CREDENTIAL_HEADERS);
    assert_str(server->secret, "");
    assert_int_equal(server->header_count, 2);
    assert_str(server->headers[1].header, "X-Org");
    assert_str(server->headers[1].secret, "org");
    assert_int_equal(server->rule_count, 2);
    assert_str(server->rules[0].pattern, "describe_*");
    assert_int_equal(server->rules[1].category, CATEGORY_DESTRUCTIVE);
    assert_str(server->rules[1].author, "ann");
    assert_int_equal(server->rules[1].set_at_us, 77);
    assert_int_equal(out.servers[1].kind, SERVER_PROGRAM);
    assert_true(out.servers[1].is_disabled);
    assert_int_equal(out.role_count, 2);
    assert_int_equal(out.roles[0].user_count, 2);
    assert_str(out.roles[0].users[1], "eve@example.com");
    assert_str(out.roles[0].groups[0], "data-analysts");
    assert_int_equal(out.roles[0].robot_count, 1);
    assert_str(out.roles[0].robots[0], "nightly");
    assert_int_equal(out.roles[1].user_count + out.roles[1].group_count, 0);
    assert_int_equal(out.grant_count, 2);
    assert_int_equal(out.grants[0].categories, in.grants[0].categories);
    assert_str(out.grants[0].roles[0], "analyst");
    assert_str(out.grants[0].robots[0], "nightly");
    assert_str(out.grants[0].tools[1], "h\xc3\xa9");
    assert_int_equal(out.grants[0].user_count + out.grants[0].group_count, 0);
    assert_int_equal(out.grants[1].categories, 0);
    assert_int_equal(out.ceiling_count, 1);
    assert_memory_equal(&out.ceilings[0], &in.ceilings[0], sizeof in.ceilings[0]);
    assert_str(out.robots[0].owner, "ann@example.com");
    assert_true(out.robots[1].is_disabled);
    store_close(store);
    scratch_remove(&scratch);
}

static void ids_belong_to_names_and_are_never_used_again(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    CLEANUP(arena_freep) struct arena *arena = arena_new(1 << 20);
    struct store *store = open_store(&scratch);
    struct governance full = full_governance();
    save(store, &full, 0, &nobody);
    struct governance first = load(store, arena);

    struct server servers[] = {
        {.name = STR("new"), .address = STR("http://127.0.0.1:1/")},
        {.name = STR("snowflake"), .address = STR("http://127.0.0.1:2/")},
    };
    struct robot robots[] = {{.name = STR("idle"), .owner = STR("new@example.com")}};
    struct governance next = {
        .servers = servers, .server_count = 2, .robots = robots, .robot_count = 1};
    save(store, &next, 1, &nobody);
    struct governance second = load(store, arena);
    assert_int_equal(second.grant_count + second.role_count + second.ceiling_count, 0);
    assert_int_equal(second.servers[1].id, first.servers[0].id);
    assert_true(second.servers[0].id > first.servers[1].id);
    assert_str(second.servers[1].address, "http://127.0.0.1:2/");
    assert_int_equal(second.servers[1].header_count + second.servers[1].rule_count, 0);
    assert_int_equal(second.robot_count, 1);
    assert_int_equal(second.robots[0].id, first.robots[1].id);
    assert_str(second.robots[0].owner, "new@example.com");
    assert_false(second.robots[0].is_disabled);

    save(store, &full, 2, &nobody);
    struct governance third = load(store, arena);
    assert_int_equal(third.servers[0].id, first.servers[0].id);
    assert_true(third.servers[1].id > second.servers[0].id);
    assert_true(third.robots[0].id > first.robots[1].id);
    store_close(store);
    scratch_remove(&scratch);
}

static void a_rule_that_stays_keeps_who_said_so(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    CLEANUP(arena_freep) struct arena *arena = arena_new(1 << 20);
    struct store *store = open_store(&scratch);
    struct tool_rule rules[] = {
        {.pattern = STR("a"), .category = CATEGORY_WRITE},
        {.pattern = STR("b"), .category = CATEGORY_WRITE},
        {.pattern = STR("c"), .category = CATEGORY_WRITE},
    };
    struct server server = {.name = STR("s"), .rules = rules, .rule_count = 3};
    struct governance governance = {.servers = &server, .server_count = 1};
    save(store, &governance, 0, &(struct store_change){.author = STR("ann"), .now_us = 10});
    rules[1].category = CATEGORY_ADMIN;
    rules[2].pattern = STR("d");
    save(store, &governance, 1, &(struct store_change){.author = STR("bob"), .now_us = 20});
    struct governance found = load(store, arena);
    const struct tool_rule *kept = found.servers[0].rules;
    assert_int_equal(found.servers[0].rule_count, 3);
    assert_str(kept[0].author, "ann");
    assert_int_equal(kept[0].set_at_us, 10);
    assert_str(kept[1].author, "bob");
    assert_int_equal(kept[1].category, CATEGORY_ADMIN);
    assert_int_equal(kept[1].set_at_us, 20);
    assert_str(kept[2].pattern, "d");
    assert_str(kept[2].author, "bob");
    store_close(store);
    scratch_remove(&scratch);
}

static void the_second_of_two_editors_is_told(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    CLEANUP(arena_freep) struct arena *arena = arena_new(1 << 20);
    struct store *store = open_store(&scratch);
    struct governance one = load(store, arena);
    struct governance two = load(store, arena);
    struct robot robots[] = {{.name = STR("r1"), .owner = STR("o@x")},
                             {.name = STR("r2"), .owner = STR("o@x")}};
    one.robots = &robots[0];
    one.robot_count = 1;
    save(store, &one, one.version, &nobody);
    uint64_t before = policy_version(store);
    two.robots = &robots[1];
    two.robot_count = 1;
    struct err err;
    uint64_t version = 99;
    assert_int_equal(store_save_governance(store, &two, two.version, &nobody, &version, &err),
                     ERR_CONFLICT);
    assert_int_equal(version, 99);
    struct governance found = load(store, arena);
    assert_int_equal(found.robot_count, 1);
    assert_str(found.robots[0].name, "r1");
    assert_int_equal(policy_version(store), before);
    store_close(store);
    scratch_remove(&scratch);
}

static void a_name_used_twice_or_missing_changes_nothing(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    CLEANUP(arena_freep) struct arena *arena = arena_new(1 << 20);
    struct store *store = open_store(&scratch);
    struct governance full = full_governance();
    save(store, &full, 0, &nobody);

    struct server servers[] = {{.name = STR("x")}, {.name = STR("x")}};
    struct robot robots[] = {{.name = STR("x")}, {.name = STR("x")}};
    struct role roles[] = {{.name = STR("x")}, {.name = STR("x")}};
    struct grant grants[] = {{.name = STR("x")}, {.name = STR("x")}};
    struct tool_rule rules[] = {{.pattern = STR("x")}, {.pattern = STR("x")}};
    struct server with_rules = {.name = STR("y"), .rules = rules, .rule_count = 2};
    struct server nameless = {.address = STR("http://x/")};
    const struct governance bad[] = {
        {.servers = servers, .server_count = 2},     {.robots = robots, .robot_count = 2},
        {.roles = roles, .role_count = 2},           {.grants = grants, .grant_count = 2},
        {.servers = &with_rules, .server_count = 1}, {.servers = &nameless, .server_count = 1},
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct err err;
        uint64_t version = 0;
        assert_int_equal(store_save_governance(store, &bad[i], 1, &nobody, &version, &err),
                         ERR_INVALID);
        assert_int_equal(load(store, arena).version, 1);
        assert_int_equal(load(store, arena).server_count, 2);
    }
    store_close(store);
    scratch_remove(&scratch);
}

static struct tool_seen seen(const char *name, const char *definition, uint8_t hash)
{
    struct tool_seen tool = {.name = str_c(name), .definition = str_c(definition)};
    memset(tool.hash, hash, sizeof tool.hash);
    return tool;
}

static struct tool_changes save_tools(struct store *store, int64_t server_id,
                                      const struct tool_seen *tools, size_t count, int64_t now_us)
{
    struct err err;
    struct tool_changes changes;
    const struct store_change change = {.now_us = now_us};
    const struct tool_discovery found = {.server_id = server_id, .seen = tools, .count = count};
    assert_ok(store_save_tools(store, &found, &change, &changes, &err), err);
    return changes;
}

static void a_discovery_tells_what_is_new_changed_and_gone(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    CLEANUP(arena_freep) struct arena *arena = arena_new(1 << 20);
    struct store *store = open_store(&scratch);
    struct governance full = full_governance();
    save(store, &full, 0, &nobody);
    int64_t id = load(store, arena).servers[0].id;
    uint64_t version = policy_version(store);

    struct tool_seen first[] = {seen("b", "{\"n\":1}", 1), seen("a", "{}", 2)};
    struct tool_changes changes = save_tools(store, id, first, 2, 100);
    assert_int_equal(changes.added, 2);
    assert_int_equal(changes.policy_version, version + 1);
    changes = save_tools(store, id, first, 2, 200);
    assert_int_equal(changes.added + changes.changed + changes.gone, 0);
    assert_int_equal(changes.policy_version, version + 1);

    struct tool_seen next[] = {seen("b", "{\"n\":2}", 3)};
    changes = save_tools(store, id, next, 1, 300);
    assert_int_equal(changes.changed, 1);
    assert_int_equal(changes.gone, 1);
    assert_int_equal(changes.policy_version, version + 2);

    struct err err;
    struct tool *tools = NULL;
    size_t count = 0;
    assert_ok(store_load_tools(store, arena, id, &tools, &count, &err), err);
    assert_int_equal(count, 2);
    assert_str(tools[0].name, "a");
    assert_true(tools[0].is_gone);
    assert_int_equal(tools[0].last_seen_us, 200);
    assert_str(tools[1].definition, "{\"n\":2}");
    assert_int_equal(tools[1].hash[31], 3);
    assert_int_equal(tools[1].first_seen_us, 100);
    assert_int_equal(tools[1].changed_us, 300);
    int64_t a_id = tools[0].id;

    changes = save_tools(store, id, first, 2, 400);
    assert_int_equal(changes.added, 1);
    assert_int_equal(changes.changed, 1);
    assert_ok(store_load_tools(store, arena, id, &tools, &count, &err), err);
    assert_int_equal(tools[0].id, a_id);
    assert_false(tools[0].is_gone);
    assert_int_equal(tools[0].changed_us, 100);

    changes = save_tools(store, id, NULL, 0, 500);
    assert_int_equal(changes.gone, 2);
    store_close(store);
    scratch_remove(&scratch);
}

static struct tool load_tool(struct store *store, struct arena *arena, int64_t server_id)
{
    struct err err;
    struct tool *tools = NULL;
    size_t count = 0;
    assert_ok(store_load_tools(store, arena, server_id, &tools, &count, &err), err);
    assert_int_equal(count, 1);
    return tools[0];
}

static void save_one_tool(struct store *store, int64_t id, struct tool_seen tool,
                          enum tool_fate fate, int64_t now_us)
{
    tool.fate = fate;
    tool.hold = fate == FATE_HOLD ? REASON_DEFINITION_CHANGED : REASON_GRANTED;
    (void)save_tools(store, id, &tool, 1, now_us);
}

static void the_definition_in_force_outlives_the_one_last_seen(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    CLEANUP(arena_freep) struct arena *arena = arena_new(1 << 20);
    struct store *store = open_store(&scratch);
    struct governance full = full_governance();
    save(store, &full, 0, &nobody);
    int64_t id = load(store, arena).servers[0].id;

    /* Nothing decided: held as new. */
    save_one_tool(store, id, seen("t", "{\"v\":1}", 1), FATE_KEEP, 10);
    struct tool tool = load_tool(store, arena, id);
    assert_false(tool.has_pin);
    assert_int_equal(tool.hold, REASON_DEFINITION_NEW);

    save_one_tool(store, id, seen("t", "{\"v\":1}", 1), FATE_PIN, 20);
    tool = load_tool(store, arena, id);
    assert_true(tool.has_pin);
    assert_int_equal(tool.hold, REASON_GRANTED);
    assert_str(tool.pinned, "{\"v\":1}");

    save_one_tool(store, id, seen("t", "{\"v\":2}", 2), FATE_HOLD, 30);
    save_one_tool(store, id, seen("t", "{\"v\":3}", 3), FATE_KEEP, 40);
    tool = load_tool(store, arena, id);
    assert_str(tool.pinned, "{\"v\":1}");
    assert_int_equal(tool.pinned_hash[0], 1);
    assert_str(tool.definition, "{\"v\":3}");
    assert_int_equal(tool.hold, REASON_DEFINITION_CHANGED);
    assert_int_equal(tool.held_us, 30);

    /* The same hash in another spelling: the text that was reviewed stays. */
    save_one_tool(store, id, seen("t", "{ \"v\" : 1 }", 1), FATE_LIFT, 50);
    tool = load_tool(store, arena, id);
    assert_str(tool.pinned, "{\"v\":1}");
    assert_int_equal(tool.hold, REASON_GRANTED);

    struct tool_history history;
    struct err err;
    assert_ok(store_load_history(store, arena, tool.id, &history, &err), err);
    assert_int_equal(history.version_count, 3);
    assert_str(history.versions[0].definition, "{\"v\":3}");
    assert_str(history.events[0].action, "lifted");
    assert_str(history.events[1].action, "changed");
    store_close(store);
    scratch_remove(&scratch);
}

static void a_review_is_of_the_definition_that_was_looked_at(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    CLEANUP(arena_freep) struct arena *arena = arena_new(1 << 20);
    struct store *store = open_store(&scratch);
    struct governance full = full_governance();
    save(store, &full, 0, &nobody);
    int64_t id = load(store, arena).servers[0].id;
    const struct store_change ann = {.author = STR("ann"), .now_us = 70};
    uint64_t version = 0;
    struct err err;

    save_one_tool(store, id, seen("t", "{\"v\":1}", 1), FATE_PIN, 10);
    save_one_tool(store, id, seen("t", "{\"v\":2}", 2), FATE_HOLD, 20);
    struct tool tool = load_tool(store, arena, id);
    struct tool_review review = {.tool_id = tool.id,
                                 .has_category = true,
                                 .category = CATEGORY_WRITE,
                                 .reason = STR("it writes")};
    memset(review.hash, 1, sizeof review.hash);
    assert_int_equal(store_review_tools(store, &review, 1, &ann, &version, &err), ERR_CONFLICT);
    memset(review.hash, 2, sizeof review.hash);
    struct tool_review both[] = {review, {.tool_id = tool.id + 99}};
    assert_int_equal(store_review_tools(store, both, 2, &ann, &version, &err), ERR_NOT_FOUND);
    assert_int_equal(load_tool(store, arena, id).hold, REASON_DEFINITION_CHANGED);

    uint64_t before = policy_version(store);
    assert_ok(store_review_tools(store, &review, 1, &ann, &version, &err), err);
    assert_int_equal(version, before + 1);
    tool = load_tool(store, arena, id);
    assert_int_equal(tool.hold, REASON_GRANTED);
    assert_str(tool.pinned, "{\"v\":2}");
    assert_true(tool.word.is_given);
    assert_int_equal(tool.word.category, CATEGORY_WRITE);
    assert_str(tool.word.author, "ann");
    assert_str(tool.word.reason, "it writes");
    assert_int_equal(tool.word.hash[5], 2);

    /* The word is void for the next definition, and an approval without one does not revive it. */
    save_one_tool(store, id, seen("t", "{\"v\":3}", 3), FATE_HOLD, 80);
    struct tool_review plain = {.tool_id = tool.id};
    memset(plain.hash, 3, sizeof plain.hash);
    assert_ok(store_review_tools(store, &plain, 1, &ann, &version, &err), err);
    assert_false(load_tool(store, arena, id).word.is_given);

    struct tool_review stop = {.tool_id = tool.id, .is_quarantine = true};
    assert_ok(store_review_tools(store, &stop, 1, &ann, &version, &err), err);
    assert_int_equal(load_tool(store, arena, id).hold, REASON_TOOL_QUARANTINED);
    (void)save_tools(store, id, NULL, 0, 90);
    assert_int_equal(store_review_tools(store, &plain, 1, &ann, &version, &err), ERR_CONFLICT);
    store_close(store);
    scratch_remove(&scratch);
}

static void what_a_server_can_fill_is_bounded(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    CLEANUP(arena_freep) struct arena *arena = arena_new(1 << 20);
    struct store *store = open_store(&scratch);
    struct governance full = full_governance();
    save(store, &full, 0, &nobody);
    int64_t id = load(store, arena).servers[0].id;
    for (int i = 1; i <= 200; i++)
        save_one_tool(store, id, seen("t", "{}", (uint8_t)i), FATE_KEEP, i);
    struct tool_history history;
    struct err err;
    assert_ok(store_load_history(store, arena, load_tool(store, arena, id).id, &history, &err),
              err);
    assert_int_equal(history.version_count, 10);
    assert_int_equal(history.versions[0].hash[0], 199);
    assert_int_equal(history.event_count, 50);
    store_close(store);
    scratch_remove(&scratch);
}

static void a_failure_leaves_the_catalogue_and_says_so(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    CLEANUP(arena_freep) struct arena *arena = arena_new(1 << 20);
    struct store *store = open_store(&scratch);
    struct governance full = full_governance();
    save(store, &full, 0, &nobody);
    int64_t id = load(store, arena).servers[0].id;
    struct store_view view;
    struct err err;
    save_one_tool(store, id, seen("t", "{}", 1), FATE_PIN, 10);
    assert_ok(store_save_failure(store, id, STR("nobody answers"), 20, &err), err);
    assert_ok(store_save_failure(store, id + 77, STR("no such server"), 20, &err), err);
    assert_ok(store_load_view(store, arena, &view, &err), err);
    assert_int_equal(view.tool_count, 1);
    assert_int_equal(view.catalogue_count, 1);
    assert_int_equal(view.catalogues[0].first_us, 10);
    assert_int_equal(view.catalogues[0].found_us, 10);
    assert_int_equal(view.catalogues[0].failed_us, 20);
    assert_str(view.catalogues[0].error, "nobody answers");
    save_one_tool(store, id, seen("t", "{}", 1), FATE_KEEP, 30);
    assert_ok(store_load_view(store, arena, &view, &err), err);
    assert_int_equal(view.catalogues[0].first_us, 10);
    assert_int_equal(view.catalogues[0].found_us, 30);
    assert_int_equal(view.catalogues[0].error.len, 0);
    store_close(store);
    scratch_remove(&scratch);
}

static void names_of_tools_are_any_bytes(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    CLEANUP(arena_freep) struct arena *arena = arena_new(1 << 20);
    struct store *store = open_store(&scratch);
    struct governance full = full_governance();
    save(store, &full, 0, &nobody);
    int64_t id = load(store, arena).servers[0].id;
    static const char bytes[] = "a\0b\xff\xfe'\"; DROP TABLE tool; --";
    struct tool_seen tool = {.name = str_of(bytes, sizeof bytes - 1),
                             .definition = str_of(bytes, sizeof bytes - 1)};
    assert_int_equal(save_tools(store, id, &tool, 1, 5).added, 1);
    assert_int_equal(save_tools(store, id, &tool, 1, 6).added, 0);
    struct err err;
    struct tool *tools = NULL;
    size_t count = 0;
    assert_ok(store_load_tools(store, arena, id, &tools, &count, &err), err);
    assert_int_equal(count, 1);
    assert_true(str_eq(tools[0].name, tool.name));
    assert_true(str_eq(tools[0].definition, tool.name));
    store_close(store);
    scratch_remove(&scratch);
}

static void tools_need_their_server_and_each_name_once(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    CLEANUP(arena_freep) struct arena *arena = arena_new(1 << 20);
    struct store *store = open_store(&scratch);
    struct governance full = full_governance();
    save(store, &full, 0, &nobody);
    int64_t id = load(store, arena).servers[0].id;
    struct tool_seen tools[] = {seen("a", "{}", 1), seen("a", "{}", 1)};
    struct tool_changes changes;
    struct err err;
    struct tool_discovery twice = {.server_id = id, .seen = tools, .count = 2};
    struct tool_discovery elsewhere = {.server_id = id + 50, .seen = tools, .count = 1};
    assert_int_equal(store_save_tools(store, &twice, &nobody, &changes, &err), ERR_INVALID);
    assert_int_equal(store_save_tools(store, &elsewhere, &nobody, &changes, &err), ERR_NOT_FOUND);
    save_tools(store, id, tools, 1, 10);

    struct governance empty = {0};
    save(store, &empty, 1, &nobody);
    struct store_view view;
    assert_ok(store_load_view(store, arena, &view, &err), err);
    assert_int_equal(view.tool_count, 0);
    store_close(store);
    scratch_remove(&scratch);
}

static struct token robot_token(const char *id, int64_t robot_id, uint8_t hash)
{
    struct token token = {
        .id = str_c(id),
        .kind = TOKEN_ROBOT,
        .robot_id = robot_id,
        .scopes = SCOPE_BIT(SCOPE_LIST) | SCOPE_BIT(SCOPE_CALL_DESTRUCTIVE),
        .expires_us = 5000,
    };
    memset(token.hash, hash, sizeof token.hash);
    return token;
}

static void tokens_are_added_used_and_revoked(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    CLEANUP(arena_freep) struct arena *arena = arena_new(1 << 20);
    struct store *store = open_store(&scratch);
    struct governance full = full_governance();
    save(store, &full, 0, &nobody);
    int64_t robot_id = load(store, arena).robots[0].id;
    struct token robot = robot_token("t1", robot_id, 1);
    struct token admin = {.id = STR("t2"),
                          .kind = TOKEN_ADMIN,
                          .owner = STR("ann@example.com"),
                          .scopes = SCOPE_BIT(SCOPE_ADMIN)};
    struct err err;
    uint64_t version = 0;
    uint64_t before = policy_version(store);
    assert_ok(store_add_token(store, &robot, &nobody, &version, &err), err);
    assert_int_equal(version, before + 1);
    assert_ok(
        store_add_token(store, &admin, &(struct store_change){.now_us = 2000}, &version, &err),
        err);

    const struct token_use uses[] = {{STR("t1"), 3000}, {STR("t1"), 2500}, {STR("none"), 1}};
    assert_ok(store_touch_tokens(store, uses, 3, &err), err);
    assert_int_equal(policy_version(store), before + 2);
    assert_ok(store_revoke_token(store, STR("t1"), &(struct store_change){.now_us = 4000}, &version,
                                 &err),
              err);
    assert_int_equal(version, before + 3);
    assert_ok(store_revoke_token(store, STR("t1"), &(struct store_change){.now_us = 9000}, &version,
                                 &err),
              err);
    assert_int_equal(version, before + 3);
    assert_int_equal(store_revoke_token(store, STR("tx"), &nobody, &version, &err), ERR_NOT_FOUND);

    struct token *tokens = NULL;
    size_t count = 0;
    assert_ok(store_load_tokens(store, arena, &tokens, &count, &err), err);
    assert_int_equal(count, 2);
    assert_str(tokens[0].id, "t1");
    assert_int_equal(tokens[0].kind, TOKEN_ROBOT);
    assert_int_equal(tokens[0].robot_id, robot_id);
    assert_int_equal(tokens[0].scopes, robot.scopes);
    assert_int_equal(tokens[0].created_us, 1000);
    assert_int_equal(tokens[0].expires_us, 5000);
    assert_int_equal(tokens[0].last_used_us, 3000);
    assert_int_equal(tokens[0].revoked_us, 4000);
    assert_memory_equal(tokens[0].hash, robot.hash, sizeof robot.hash);
    assert_int_equal(tokens[1].kind, TOKEN_ADMIN);
    assert_str(tokens[1].owner, "ann@example.com");
    assert_int_equal(tokens[1].revoked_us, 0);
    store_close(store);
    scratch_remove(&scratch);
}

static void a_token_needs_a_fitting_holder_and_its_own_hash(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    CLEANUP(arena_freep) struct arena *arena = arena_new(1 << 20);
    struct store *store = open_store(&scratch);
    struct governance full = full_governance();
    save(store, &full, 0, &nobody);
    int64_t robot_id = load(store, arena).robots[0].id;
    struct err err;
    uint64_t version = 0;
    struct token good = robot_token("t1", robot_id, 1);
    assert_ok(store_add_token(store, &good, &nobody, &version, &err), err);

    struct token same_hash = robot_token("t2", robot_id, 1);
    struct token same_id = robot_token("t1", robot_id, 2);
    struct token no_robot = robot_token("t3", robot_id + 99, 3);
    struct token no_id = robot_token("", robot_id, 4);
    struct token two_holders = robot_token("t5", robot_id, 5);
    two_holders.owner = STR("x@y");
    struct token ownerless = {.id = STR("t6"), .kind = TOKEN_ADMIN};
    const struct {
        const struct token *token;
        enum err_code code;
    } bad[] = {
        {&same_hash, ERR_CONFLICT}, {&same_id, ERR_CONFLICT},    {&no_robot, ERR_NOT_FOUND},
        {&no_id, ERR_INVALID},      {&two_holders, ERR_INVALID}, {&ownerless, ERR_INVALID},
    };
    uint64_t before = policy_version(store);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(store_add_token(store, bad[i].token, &nobody, &version, &err),
                         bad[i].code);
    assert_int_equal(policy_version(store), before);
    store_close(store);
    scratch_remove(&scratch);
}

static void the_tokens_of_a_robot_that_goes_are_revoked_for_good(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    CLEANUP(arena_freep) struct arena *arena = arena_new(1 << 20);
    struct store *store = open_store(&scratch);
    struct governance full = full_governance();
    save(store, &full, 0, &nobody);
    struct governance first = load(store, arena);
    struct token nightly = robot_token("t1", first.robots[0].id, 1);
    struct token idle = robot_token("t2", first.robots[1].id, 2);
    struct err err;
    uint64_t version = 0;
    assert_ok(store_add_token(store, &nightly, &nobody, &version, &err), err);
    assert_ok(store_add_token(store, &idle, &nobody, &version, &err), err);

    struct governance without = full;
    without.robots = &full.robots[1];
    without.robot_count = 1;
    save(store, &without, 1, &(struct store_change){.now_us = 50});
    save(store, &full, 2, &(struct store_change){.now_us = 60});
    struct token *tokens = NULL;
    size_t count = 0;
    assert_ok(store_load_tokens(store, arena, &tokens, &count, &err), err);
    assert_int_equal(tokens[0].revoked_us, 50);
    assert_int_equal(tokens[1].revoked_us, 0);
    assert_true(load(store, arena).robots[0].id != tokens[0].robot_id);

    size_t revoked = 0;
    assert_ok(store_revoke_tokens(store, &(struct token_holder){.robot_id = tokens[1].robot_id},
                                  &nobody, &revoked, &version, &err),
              err);
    assert_int_equal(revoked, 1);
    assert_ok(store_revoke_tokens(store, &(struct token_holder){.robot_id = tokens[1].robot_id},
                                  &nobody, &revoked, &version, &err),
              err);
    assert_int_equal(revoked, 0);
    assert_int_equal(store_revoke_tokens(store, &(struct token_holder){.robot_id = 0}, &nobody,
                                         &revoked, &version, &err),
                     ERR_INVALID);
    store_close(store);
    scratch_remove(&scratch);
}

static int64_t add_user(struct store *store, struct arena *arena, const char *subject)
{
    struct err err;
    struct user *users = NULL;
    size_t count = 0;
    const struct user user = {.provider = STR("corp"), .subject = str_c(subject)};
    assert_ok(store_see_user(store, &user, &nobody, NULL, &err), err);
    assert_ok(store_load_users(store, arena, &users, &count, &err), err);
    return users[count - 1].id;
}

static struct token user_key(const char *id, int64_t user_id, size_t hash)
{
    struct token token = {.id = str_c(id),
                          .kind = TOKEN_USER,
                          .user_id = user_id,
                          .name = STR("laptop"),
                          .scopes = SCOPE_BIT(SCOPE_LIST)};
    memcpy(token.hash, &hash, sizeof hash);
    return token;
}

static void a_key_of_a_person_comes_back_whole(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    CLEANUP(arena_freep) struct arena *arena = arena_new(1 << 20);
    struct store *store = open_store(&scratch);
    struct err err;
    uint64_t version = 0;
    struct token key = user_key("k1", add_user(store, arena, "ann"), 1);
    key.agent = STR("builder");
    key.groups = STR("[\"a\",\"b\"]");
    key.session_id = STR("s1");
    assert_ok(store_add_token(store, &key, &nobody, &version, &err), err);
    assert_int_equal(policy_version(store), version);

    struct token *tokens = NULL;
    size_t count = 0;
    assert_ok(store_load_tokens(store, arena, &tokens, &count, &err), err);
    assert_int_equal(count, 1);
    assert_int_equal(tokens[0].kind, TOKEN_USER);
    assert_int_equal(tokens[0].user_id, key.user_id);
    assert_str(tokens[0].name, "laptop");
    assert_str(tokens[0].agent, "builder");
    assert_str(tokens[0].groups, "[\"a\",\"b\"]");
    assert_str(tokens[0].session_id, "s1");

    struct token nameless = user_key("k2", key.user_id, 2);
    nameless.name = STR_NONE;
    struct token robots = user_key("k3", key.user_id, 3);
    robots.kind = TOKEN_ROBOT;
    struct token strangers = user_key("k4", key.user_id + 1, 4);
    assert_int_equal(store_add_token(store, &nameless, &nobody, &version, &err), ERR_INVALID);
    assert_int_equal(store_add_token(store, &robots, &nobody, &version, &err), ERR_INVALID);
    assert_int_equal(store_add_token(store, &strangers, &nobody, &version, &err), ERR_NOT_FOUND);
    store_close(store);
    scratch_remove(&scratch);
}

static void the_keys_of_a_person_are_bounded_and_revoked_together(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    CLEANUP(arena_freep) struct arena *arena = arena_new(1 << 22);
    struct store *store = open_store(&scratch);
    struct err err;
    uint64_t version = 0;
    size_t revoked = 0;
    const struct token_holder ann = {.user_id = add_user(store, arena, "ann")};
    const struct token_holder bob = {.user_id = add_user(store, arena, "bob")};
    struct token others = user_key("b", bob.user_id, 9999);
    assert_ok(store_add_token(store, &others, &nobody, &version, &err), err);
    char ids[STORE_MAX_USER_KEYS][8];
    for (size_t i = 0; i < STORE_MAX_USER_KEYS; i++) {
        (void)snprintf(ids[i], sizeof ids[i], "k%zu", i);
        struct token key = user_key(ids[i], ann.user_id, i + 1);
        assert_ok(store_add_token(store, &key, &nobody, &version, &err), err);
    }
    struct token more = user_key("more", ann.user_id, 5000);
    assert_int_equal(store_add_token(store, &more, &nobody, &version, &err), ERR_CONFLICT);

    struct store_change change = {.now_us = 1000};
    assert_ok(store_revoke_tokens(store, &ann, &change, &revoked, &version, &err), err);
    assert_int_equal(revoked, STORE_MAX_USER_KEYS);
    change.now_us = 1000 + STORE_KEY_ENDED_US;
    assert_int_equal(store_add_token(store, &more, &change, &version, &err), ERR_CONFLICT);
    change.now_us++;
    assert_ok(store_add_token(store, &more, &change, &version, &err), err);

    struct token *tokens = NULL;
    size_t count = 0;
    assert_ok(store_load_tokens(store, arena, &tokens, &count, &err), err);
    assert_int_equal(count, 2);
    assert_str(tokens[0].id, "b");
    assert_int_equal(tokens[0].revoked_us, 0);
    const struct token_holder two = {.user_id = 1, .robot_id = 1};
    assert_int_equal(store_revoke_tokens(store, &two, &change, &revoked, &version, &err),
                     ERR_INVALID);
    store_close(store);
    scratch_remove(&scratch);
}

static int64_t expiry_of(struct store *store, struct arena *arena, const char *id)
{
    struct err err;
    struct token *tokens = NULL;
    size_t count = 0;
    assert_ok(store_load_tokens(store, arena, &tokens, &count, &err), err);
    for (size_t i = 0; i < count; i++)
        if (str_eq(tokens[i].id, str_c(id)))
            return tokens[i].expires_us;
    return -1;
}

static void a_new_token_takes_the_place_of_others_after_a_while(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    CLEANUP(arena_freep) struct arena *arena = arena_new(1 << 20);
    struct store *store = open_store(&scratch);
    struct governance full = full_governance();
    save(store, &full, 0, &nobody);
    int64_t nightly = load(store, arena).robots[0].id;
    int64_t idle = load(store, arena).robots[1].id;
    struct err err;
    uint64_t version = 0;
    struct token tokens[] = {robot_token("endless", nightly, 1), robot_token("short", nightly, 2),
                             robot_token("revoked", nightly, 3), robot_token("other", idle, 4),
                             robot_token("over", nightly, 5)};
    static const int64_t ends[] = {0, 120, 0, 0, 50};
    for (size_t i = 0; i < ARRAY_LEN(tokens); i++) {
        tokens[i].expires_us = ends[i];
        assert_ok(store_add_token(store, &tokens[i], &nobody, &version, &err), err);
    }
    assert_ok(store_revoke_token(store, STR("revoked"), &nobody, &version, &err), err);

    const struct store_change now = {.now_us = 100};
    struct token next = robot_token("next", nightly, 6);
    static const char *const bad[] = {"other", "revoked", "over", "nothing"};
    next.expires_us = 0;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(store_rotate_token(store, &next, str_c(bad[i]), 150, &now, &version, &err),
                         ERR_NOT_FOUND);
    assert_int_equal(expiry_of(store, arena, "next"), -1);
    assert_ok(store_rotate_token(store, &next, STR("endless"), 150, &now, &version, &err), err);
    assert_int_equal(policy_version(store), version);
    assert_int_equal(expiry_of(store, arena, "endless"), 150);
    assert_int_equal(expiry_of(store, arena, "short"), 120);
    assert_int_equal(expiry_of(store, arena, "next"), 0);

    struct token last = robot_token("last", nightly, 7);
    last.expires_us = 0;
    assert_ok(store_rotate_token(store, &last, STR_NONE, 140, &now, &version, &err), err);
    assert_int_equal(expiry_of(store, arena, "endless"), 140);
    assert_int_equal(expiry_of(store, arena, "short"), 120);
    assert_int_equal(expiry_of(store, arena, "next"), 140);
    assert_int_equal(expiry_of(store, arena, "last"), 0);
    assert_int_equal(expiry_of(store, arena, "other"), 0);
    assert_int_equal(expiry_of(store, arena, "over"), 50);
    struct token key = user_key("key", 1, 8);
    assert_int_equal(store_rotate_token(store, &key, STR_NONE, 1, &now, &version, &err),
                     ERR_INVALID);
    store_close(store);
    scratch_remove(&scratch);
}

static bool has_change(struct store *store, struct str id)
{
    struct err err;
    bool has = false;
    assert_ok(store_has_change(store, id, &has, &err), err);
    return has;
}

static void a_change_is_remembered_with_what_it_changed_and_only_then(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    struct store *store = open_store(&scratch);
    struct governance full = full_governance();
    struct store_change change = {.id = STR("c1"), .author = STR("ann"), .now_us = 1};
    struct err err;
    uint64_t version = 0;
    assert_int_equal(store_save_governance(store, &full, 7, &change, &version, &err), ERR_CONFLICT);
    assert_false(has_change(store, STR("c1")));
    save(store, &full, 0, &change);
    assert_true(has_change(store, STR("c1")));
    assert_int_equal(store_save_governance(store, &full, 1, &change, &version, &err), ERR_CONFLICT);
    store_close(store);

    store = open_store(&scratch);
    assert_true(has_change(store, STR("c1")));
    assert_ok(store_forget_change(store, STR("c1"), &err), err);
    assert_false(has_change(store, STR("c1")));
    assert_ok(store_forget_change(store, STR("c1"), &err), err);
    store_close(store);
    scratch_remove(&scratch);
}

static const struct oauth_session *find_session(struct store *store, struct arena *arena)
{
    static struct oauth_session session;
    struct err err;
    assert_ok(store_load_session(store, arena, STR("s1"), &session, &err), err);
    return &session;
}

static void one_sign_in_at_the_provider_ends_alone(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    CLEANUP(arena_freep) struct arena *arena = arena_new(1 << 20);
    struct store *store = open_store(&scratch);
    const struct str ids[] = {STR("s1"), STR("s2"), STR("s3"), STR("s4")};
    const struct str sign_ins[] = {STR("at-home"), STR("at-work"), STR(""), STR("at-home")};
    struct err err;
    uint64_t version = 0;
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        const struct oauth_session session = {.id = ids[i],
                                              .provider = i == 3 ? STR("other") : STR("corp"),
                                              .subject = STR("ann"),
                                              .provider_session = sign_ins[i],
                                              .groups = STR("[]"),
                                              .scopes = SCOPE_BIT(SCOPE_LIST),
                                              .created_us = 5000,
                                              .expires_us = 1000000};
        assert_ok(store_add_session(store, &session, &err), err);
    }
    const struct store_change change = {.now_us = 9000};
    const struct sign_out nobody_at_all = {.provider = STR("corp")};
    assert_int_equal(store_sign_out(store, &nobody_at_all, NULL, &change, &version, &err),
                     ERR_INVALID);
    const struct sign_out who = {.provider = STR("corp"), .provider_session = STR("at-home")};
    assert_ok(store_sign_out(store, &who, NULL, &change, &version, &err), err);
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        struct oauth_session found;
        assert_ok(store_load_session(store, arena, ids[i], &found, &err), err);
        assert_true(str_eq(found.provider_session, sign_ins[i]));
        assert_int_equal(found.ended_us, i == 0 ? 9000 : 0);
    }
    /* Nor does another session come of it, as of a page that was open all the time. */
    struct oauth_session late = {.id = STR("s5"),
                                 .provider = STR("corp"),
                                 .subject = STR("ann"),
                                 .provider_session = STR("at-home"),
                                 .groups = STR("[]"),
                                 .scopes = SCOPE_BIT(SCOPE_LIST),
                                 .created_us = 8000,
                                 .expires_us = 1000000};
    assert_int_equal(store_add_session(store, &late, &err), ERR_DENIED);
    late.provider_session = STR("at-work");
    assert_ok(store_add_session(store, &late, &err), err);
    late.id = STR("s6");
    late.provider = STR("other");
    late.provider_session = STR("at-home");
    assert_ok(store_add_session(store, &late, &err), err);
    store_close(store);
    scratch_remove(&scratch);
}

static void somebody_who_signs_out_before_ever_being_seen_is_noted_and_new(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    CLEANUP(arena_freep) struct arena *arena = arena_new(1 << 20);
    struct store *store = open_store(&scratch);
    struct err err;
    const struct sign_out who = {.provider = STR("corp"), .subject = STR("ann")};
    const struct store_change out = {.id = STR("c1"), .author = STR("ann"), .now_us = 5000};
    const struct store_change in = {.id = STR("c2"), .author = STR("ann"), .now_us = 7000};
    const struct user ann = {.provider = STR("corp"),
                             .subject = STR("ann"),
                             .email = STR("ann@example.com"),
                             .role = ROLE_OWNER};
    const struct user later = {.provider = STR("corp"), .subject = STR("ann"), .role = ROLE_MEMBER};
    uint64_t version = 0;
    struct user *users = NULL;
    size_t count = 0;
    bool is_new = false;
    assert_ok(store_sign_out(store, &who, NULL, &out, &version, &err), err);
    assert_ok(store_load_users(store, arena, &users, &count, &err), err);
    assert_int_equal(count, 1);
    assert_int_equal(users[0].signed_out_us, 5000);
    assert_int_equal(users[0].last_seen_us, 0);
    assert_int_equal(users[0].role, ROLE_MEMBER);
    assert_ok(store_see_user(store, &ann, &in, &is_new, &err), err);
    assert_true(is_new);
    const struct store_change again = {.author = STR("ann"), .now_us = 7000};
    assert_ok(store_see_user(store, &later, &again, &is_new, &err), err);
    assert_false(is_new);
    assert_ok(store_load_users(store, arena, &users, &count, &err), err);
    assert_int_equal(count, 1);
    assert_int_equal(users[0].signed_out_us, 5000);
    assert_int_equal(users[0].last_seen_us, 7000);
    assert_int_equal(users[0].role, ROLE_OWNER);
    store_close(store);
    scratch_remove(&scratch);
}

static void a_logout_token_that_was_spent_signs_nobody_out(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    CLEANUP(arena_freep) struct arena *arena = arena_new(1 << 20);
    struct store *store = open_store(&scratch);
    struct err err;
    const struct user ann = {.provider = STR("corp"), .subject = STR("ann")};
    const struct sign_out who = {.provider = STR("corp"), .subject = STR("ann")};
    const struct oauth_session session = {.id = STR("s1"),
                                          .provider = STR("corp"),
                                          .subject = STR("ann"),
                                          .groups = STR("[]"),
                                          .scopes = SCOPE_BIT(SCOPE_LIST),
                                          .created_us = 5000,
                                          .expires_us = 1000000};
    const struct spent_id token = {STR("https://login.example.com"), STR("jti-1"), 1000000};
    const struct store_change first = {.now_us = 2000};
    const struct store_change second = {.now_us = 9000};
    uint64_t version = 0;
    struct user *users = NULL;
    size_t count = 0;
    assert_ok(store_see_user(store, &ann, &nobody, NULL, &err), err);
    assert_ok(store_sign_out(store, &who, &token, &first, &version, &err), err);
    assert_int_equal(policy_version(store), version);
    /* The person is back. */
    assert_ok(store_add_session(store, &session, &err), err);
    uint64_t unchanged = version;
    assert_int_equal(store_sign_out(store, &who, &token, &second, &version, &err), ERR_CONFLICT);
    assert_int_equal(version, unchanged);
    assert_int_equal(policy_version(store), unchanged);
    assert_ok(store_load_users(store, arena, &users, &count, &err), err);
    assert_int_equal(count, 1);
    assert_int_equal(users[0].signed_out_us, 2000);
    assert_int_equal(find_session(store, arena)->ended_us, 0);
    /* Another token does it. */
    const struct spent_id other = {token.issuer, STR("jti-2"), 1000000};
    assert_ok(store_sign_out(store, &who, &other, &second, &version, &err), err);
    assert_true(version > unchanged);
    assert_int_equal(find_session(store, arena)->ended_us, 9000);
    store_close(store);
    scratch_remove(&scratch);
}

static struct user load_user(struct store *store, struct arena *arena, int64_t id)
{
    struct err err;
    struct user *users = NULL;
    size_t count = 0;
    assert_ok(store_load_users(store, arena, &users, &count, &err), err);
    for (size_t i = 0; i < count; i++)
        if (users[i].id == id)
            return users[i];
    fail();
    return (struct user){0};
}

static void the_last_owner_stays_whatever_is_tried(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    CLEANUP(arena_freep) struct arena *arena = arena_new(1 << 20);
    struct store *store = open_store(&scratch);
    struct err err;
    uint64_t version = 0;
    int64_t ann = add_user(store, arena, "ann");
    int64_t bob = add_user(store, arena, "bob");
    assert_ok(store_set_user(store, ann, ROLE_OWNER, false, &nobody, &version, &err), err);
    uint64_t before = policy_version(store);
    for (unsigned role = 0; role < USER_ROLES; role++)
        for (int disabled = 0; disabled < 2; disabled++)
            if (role != ROLE_OWNER || disabled)
                assert_int_equal(store_set_user(store, ann, (enum user_role)role, disabled, &nobody,
                                                &version, &err),
                                 ERR_CONFLICT);
    const struct user seen = {.provider = STR("corp"), .subject = STR("ann")};
    assert_ok(store_see_user(store, &seen, &nobody, NULL, &err), err);
    assert_int_equal(policy_version(store), before);
    assert_int_equal(load_user(store, arena, ann).role, ROLE_OWNER);
    assert_false(load_user(store, arena, ann).is_disabled);

    /* One who is disabled is no owner who could let the others in again. */
    assert_ok(store_set_user(store, bob, ROLE_OWNER, true, &nobody, &version, &err), err);
    assert_int_equal(store_set_user(store, ann, ROLE_ADMIN, false, &nobody, &version, &err),
                     ERR_CONFLICT);
    assert_ok(store_set_user(store, bob, ROLE_OWNER, false, &nobody, &version, &err), err);
    assert_ok(store_set_user(store, ann, ROLE_ADMIN, true, &nobody, &version, &err), err);
    assert_int_equal(store_set_user(store, bob, ROLE_OWNER, true, &nobody, &version, &err),
                     ERR_CONFLICT);
    assert_int_equal(store_set_user(store, bob + 1, ROLE_OWNER, false, &nobody, &version, &err),
                     ERR_NOT_FOUND);
    store_close(store);
    scratch_remove(&scratch);
}

static void another_address_of_a_person_is_another_policy(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    struct store *store = open_store(&scratch);
    struct err err;
    struct user ann = {.provider = STR("corp"), .subject = STR("ann"), .email = STR("ann@x")};
    assert_ok(store_see_user(store, &ann, &nobody, NULL, &err), err);
    uint64_t before = policy_version(store);
    ann.name = STR("Ann");
    assert_ok(store_see_user(store, &ann, &nobody, NULL, &err), err);
    assert_int_equal(policy_version(store), before);
    ann.email = STR("ann@y");
    assert_ok(store_see_user(store, &ann, &nobody, NULL, &err), err);
    assert_int_equal(policy_version(store), before + 1);
    store_close(store);
    scratch_remove(&scratch);
}

static void meta_values_are_bytes_by_name(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    CLEANUP(arena_freep) struct arena *arena = arena_new(1 << 20);
    struct store *store = open_store(&scratch);
    struct err err;
    struct str value = STR("untouched");
    assert_int_equal(store_load_meta(store, arena, STR("k"), &value, &err), ERR_NOT_FOUND);
    assert_str(value, "untouched");
    assert_ok(store_save_meta(store, STR("k"), str_of("a\0b", 3), &err), err);
    assert_ok(store_load_meta(store, arena, STR("k"), &value, &err), err);
    assert_true(str_eq(value, str_of("a\0b", 3)));
    assert_ok(store_save_meta(store, STR("k"), STR_NONE, &err), err);
    assert_ok(store_load_meta(store, arena, STR("k"), &value, &err), err);
    assert_int_equal(value.len, 0);
    assert_int_equal(policy_version(store), 1);
    store_close(store);
    scratch_remove(&scratch);
}

static void a_full_arena_is_a_limit_not_a_crash(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    struct store *store = open_store(&scratch);
    struct governance full = full_governance();
    save(store, &full, 0, &nobody);
    struct err err;
    enum err_code code = ERR_LIMIT;
    for (size_t room = 0; code == ERR_LIMIT; room += 97) {
        CLEANUP(arena_freep) struct arena *arena = arena_new(room);
        struct store_view view;
        code = store_load_view(store, arena, &view, &err);
        assert_true(room < (1 << 16));
    }
    assert_int_equal(code, ERR_OK);
    store_close(store);
    scratch_remove(&scratch);
}

static void a_thousand_tools_and_grants_load_at_once(void **state)
{
    (void)state;
    enum { MANY = 1000 };
    struct scratch scratch = scratch_make();
    CLEANUP(arena_freep) struct arena *arena = arena_new(16 << 20);
    struct store *store = open_store(&scratch);
    static struct grant grants[MANY];
    static struct tool_seen tools[MANY];
    static char names[MANY][16];
    for (size_t i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof names[i], "n%zu", i);
        grants[i] = (struct grant){.name = str_c(names[i]), .server = STR("s")};
        tools[i] = seen(names[i], "{\"name\":\"n\"}", 1);
    }
    struct server server = {.name = STR("s")};
    struct governance governance = {
        .servers = &server, .server_count = 1, .grants = grants, .grant_count = MANY};
    save(store, &governance, 0, &nobody);
    assert_int_equal(save_tools(store, load(store, arena).servers[0].id, tools, MANY, 1).added,
                     MANY);
    struct err err;
    struct store_view view;
    assert_ok(store_load_view(store, arena, &view, &err), err);
    assert_int_equal(view.tool_count, MANY);
    assert_str(view.governance.grants[999].name, "n999");
    store_close(store);
    scratch_remove(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_store_is_empty_and_readable_by_its_owner_alone),
        cmocka_unit_test(governance_comes_back_as_it_was_saved),
        cmocka_unit_test(ids_belong_to_names_and_are_never_used_again),
        cmocka_unit_test(a_rule_that_stays_keeps_who_said_so),
        cmocka_unit_test(the_second_of_two_editors_is_told),
        cmocka_unit_test(a_name_used_twice_or_missing_changes_nothing),
        cmocka_unit_test(a_discovery_tells_what_is_new_changed_and_gone),
        cmocka_unit_test(the_definition_in_force_outlives_the_one_last_seen),
        cmocka_unit_test(a_review_is_of_the_definition_that_was_looked_at),
        cmocka_unit_test(what_a_server_can_fill_is_bounded),
        cmocka_unit_test(a_failure_leaves_the_catalogue_and_says_so),
        cmocka_unit_test(names_of_tools_are_any_bytes),
        cmocka_unit_test(tools_need_their_server_and_each_name_once),
        cmocka_unit_test(tokens_are_added_used_and_revoked),
        cmocka_unit_test(a_token_needs_a_fitting_holder_and_its_own_hash),
        cmocka_unit_test(the_tokens_of_a_robot_that_goes_are_revoked_for_good),
        cmocka_unit_test(a_key_of_a_person_comes_back_whole),
        cmocka_unit_test(the_keys_of_a_person_are_bounded_and_revoked_together),
        cmocka_unit_test(a_new_token_takes_the_place_of_others_after_a_while),
        cmocka_unit_test(a_change_is_remembered_with_what_it_changed_and_only_then),
        cmocka_unit_test(one_sign_in_at_the_provider_ends_alone),
        cmocka_unit_test(somebody_who_signs_out_before_ever_being_seen_is_noted_and_new),
        cmocka_unit_test(a_logout_token_that_was_spent_signs_nobody_out),
        cmocka_unit_test(the_last_owner_stays_whatever_is_tried),
        cmocka_unit_test(another_address_of_a_person_is_another_policy),
        cmocka_unit_test(meta_values_are_bytes_by_name),
        cmocka_unit_test(a_full_arena_is_a_limit_not_a_crash),
        cmocka_unit_test(a_thousand_tools_and_grants_load_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
