#include "catalog/governance_edit.h"

#include "catalog/governance.h"
#include "unit.h"

struct office {
    struct arena *arena;
    struct governance was; /* never changed */
    struct governance g;
};

static struct office open_office(void)
{
    static const char text[] =
        "servers:\n"
        "- {name: docs, program: docs, credential: {mode: none}, tools: {a: write, b: admin}}\n"
        "- {name: mail, program: mail, credential: {mode: none}}\n"
        "roles:\n- {name: night, robots: [owl]}\n"
        "grants:\n"
        "- {name: one, to: {robots: [bat]}, server: docs, categories: [write]}\n"
        "- {name: two, to: {roles: [night]}, server: mail, categories: [write]}\n"
        "robots:\n- {name: bat, owner: a@x}\n- {name: owl, owner: a@x}\n- {name: new, owner: "
        "a@x}\n";
    struct office office = {.arena = arena_new((size_t)8 << 20)};
    struct err err;
    assert_ok(governance_read(str_c(text), NULL, office.arena, &office.was, &err), err);
    office.g = office.was;
    return office;
}

/* The changes so far, as lines; what stands there passes the checks, and the origin is untouched.
 */
static void assert_changed(struct office *office, const char *lines)
{
    struct err err;
    struct governance_diff diff;
    struct buf out;
    buf_init(&out, 65536);
    assert_ok(governance_check(&office->g, NULL, &err), err);
    assert_ok(governance_diff(&office->was, &office->g, office->arena, &diff, &err), err);
    for (size_t i = 0; i < diff.count; i++) {
        governance_change_write(&diff.changes[i], &out);
        buf_add_byte(&out, '\n');
    }
    assert_str(buf_str(&out), lines);
    buf_done(&out);
    arena_free(office->arena);
}

static void a_server_is_added_once(void **state)
{
    (void)state;
    struct err err;
    struct office o = open_office();
    const struct server server = {.name = STR("web"),
                                  .kind = SERVER_URL,
                                  .address = STR("https://web.example/mcp"),
                                  .release = GOVERNANCE_RELEASE_PRESET,
                                  .look = GOVERNANCE_LOOK_PRESET};
    assert_ok(governance_add_server(&o.g, &server, o.arena, &err), err);
    assert_int_equal(governance_add_server(&o.g, &server, o.arena, &err), ERR_CONFLICT);
    assert_changed(&o, "+ server web: credential none, url https://web.example/mcp\n");
}

static void a_server_with_grants_goes_only_with_them(void **state)
{
    (void)state;
    struct err err;
    struct office o = open_office();
    assert_int_equal(governance_remove_server(&o.g, STR("docs"), false, o.arena, &err),
                     ERR_CONFLICT);
    assert_non_null(strstr(err.text, "grant 'one'"));
    assert_int_equal(governance_remove_server(&o.g, STR("nosuch"), true, o.arena, &err),
                     ERR_NOT_FOUND);
    assert_ok(governance_remove_server(&o.g, STR("docs"), true, o.arena, &err), err);
    assert_changed(&o, "- server docs\n- grant one\n");
}

static void a_rule_is_set_replaced_and_removed(void **state)
{
    (void)state;
    struct err err;
    struct office o = open_office();
    char pattern[] = "get_*";
    assert_ok(
        governance_set_rule(&o.g, STR("docs"), str_c(pattern), CATEGORY_READ_ONLY, o.arena, &err),
        err);
    pattern[0] = 'x';
    assert_ok(governance_set_rule(&o.g, STR("docs"), STR("a"), CATEGORY_DESTRUCTIVE, o.arena, &err),
              err);
    assert_ok(governance_set_rule(&o.g, STR("mail"), STR("send"), CATEGORY_WRITE, o.arena, &err),
              err);
    assert_ok(governance_remove_rule(&o.g, STR("docs"), STR("b"), o.arena, &err), err);
    assert_int_equal(governance_remove_rule(&o.g, STR("docs"), STR("b"), o.arena, &err),
                     ERR_NOT_FOUND);
    assert_int_equal(
        governance_set_rule(&o.g, STR("nosuch"), STR("a"), CATEGORY_WRITE, o.arena, &err),
        ERR_NOT_FOUND);
    assert_changed(&o, "~ server docs: tool a: write -> destructive, - tool b admin, + tool get_* "
                       "read-only\n~ server mail: + tool send write\n");
}

static void a_rule_that_says_the_same_is_no_change(void **state)
{
    (void)state;
    struct err err;
    struct office o = open_office();
    const struct tool_rule *rules = o.g.servers[0].rules;
    assert_ok(governance_set_rule(&o.g, STR("docs"), STR("a"), CATEGORY_WRITE, o.arena, &err), err);
    assert_ptr_equal(o.g.servers[0].rules, rules);
    assert_changed(&o, "");
}

static void a_robot_is_added_once_and_goes_when_nobody_names_it(void **state)
{
    (void)state;
    struct err err;
    struct office o = open_office();
    assert_ok(governance_add_robot(&o.g, STR("day"), STR("b@x"), o.arena, &err), err);
    assert_int_equal(governance_add_robot(&o.g, STR("day"), STR("c@x"), o.arena, &err),
                     ERR_CONFLICT);
    assert_int_equal(governance_remove_robot(&o.g, STR("bat"), o.arena, &err), ERR_CONFLICT);
    assert_non_null(strstr(err.text, "grant 'one'"));
    assert_int_equal(governance_remove_robot(&o.g, STR("owl"), o.arena, &err), ERR_CONFLICT);
    assert_non_null(strstr(err.text, "role 'night'"));
    assert_int_equal(governance_remove_robot(&o.g, STR("nosuch"), o.arena, &err), ERR_NOT_FOUND);
    assert_ok(governance_remove_robot(&o.g, STR("new"), o.arena, &err), err);
    assert_changed(&o, "+ robot day: owner b@x\n- robot new\n");
}

static void a_full_arena_changes_nothing(void **state)
{
    (void)state;
    struct err err;
    struct office o = open_office();
    struct arena *full = arena_new(0);
    const struct server server = {.name = STR("web"), .address = STR("https://w/")};
    assert_int_equal(governance_add_server(&o.g, &server, full, &err), ERR_LIMIT);
    assert_int_equal(governance_remove_server(&o.g, STR("docs"), true, full, &err), ERR_LIMIT);
    assert_int_equal(governance_set_rule(&o.g, STR("docs"), STR("z"), CATEGORY_WRITE, full, &err),
                     ERR_LIMIT);
    assert_int_equal(governance_remove_rule(&o.g, STR("docs"), STR("b"), full, &err), ERR_LIMIT);
    assert_int_equal(governance_add_robot(&o.g, STR("day"), STR("b@x"), full, &err), ERR_LIMIT);
    assert_int_equal(governance_remove_robot(&o.g, STR("new"), full, &err), ERR_LIMIT);
    arena_free(full);
    assert_changed(&o, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_is_added_once),
        cmocka_unit_test(a_server_with_grants_goes_only_with_them),
        cmocka_unit_test(a_rule_is_set_replaced_and_removed),
        cmocka_unit_test(a_rule_that_says_the_same_is_no_change),
        cmocka_unit_test(a_robot_is_added_once_and_goes_when_nobody_names_it),
        cmocka_unit_test(a_full_arena_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
