#include "catalog/governance.h"

#include "unit.h"

#define DOCS "servers:\n- name: docs\n  program: docs\n  credential: {mode: none}\n"

/* The lines of the difference, joined. */
static void assert_diff(const char *from_text, const char *to_text, const char *lines)
{
    struct err err;
    struct governance from;
    struct governance to;
    struct governance_diff diff;
    struct buf out;
    struct arena *arena = arena_new((size_t)8 << 20);
    buf_init(&out, 65536);
    assert_ok(governance_read(str_c(from_text), NULL, arena, &from, &err), err);
    assert_ok(governance_read(str_c(to_text), NULL, arena, &to, &err), err);
    assert_ok(governance_diff(&from, &to, arena, &diff, &err), err);
    for (size_t i = 0; i < diff.count; i++) {
        governance_change_write(&diff.changes[i], &out);
        buf_add_byte(&out, '\n');
    }
    assert_str(buf_str(&out), lines);
    buf_done(&out);
    arena_free(arena);
}

static void what_is_new_is_told_in_full(void **state)
{
    (void)state;
    assert_diff(
        "servers: []\n",
        "servers:\n"
        "- name: flake\n"
        "  url: https://flake.example/mcp\n"
        "  credential: {mode: shared, type: bearer, secret: flake}\n"
        "  tools: {run: destructive, \"get_*\": read-only}\n"
        "- name: crm\n"
        "  url: https://crm.example/mcp\n"
        "  credential: {mode: shared, type: headers, headers: {X-Key: crm}}\n"
        "roles:\n- {name: analyst, groups: [data], users: [b@x, a@x]}\n"
        "grants:\n"
        "- name: analysts read\n"
        "  to: {roles: [analyst], robots: [night]}\n"
        "  server: flake\n"
        "  categories: [write, read-only]\n"
        "  tools: [run]\n"
        "ceilings:\n- {principals: [robot], deny: [admin], approval: [destructive]}\n"
        "robots:\n- {name: night, owner: ann@x}\n",
        "+ server flake: credential shared, bearer from secret flake, tool get_* read-only, "
        "tool run destructive, url https://flake.example/mcp\n"
        "+ server crm: credential shared, header X-Key from secret crm, url "
        "https://crm.example/mcp\n"
        "+ role analyst: group data, user a@x, user b@x\n"
        "+ grant analysts read: category read-only, category write, robot night, role "
        "analyst, server flake, tool run\n"
        "+ ceiling robot: approval destructive, deny admin\n"
        "+ robot night: owner ann@x\n");
}

static void what_changed_is_told_by_what_came_and_went(void **state)
{
    (void)state;
    assert_diff(
        DOCS "  tools: {a: write, b: write, c: admin}\n"
             "grants:\n- {name: g, to: {robots: [r]}, server: docs, categories: [read-only]}\n"
             "robots:\n- {name: r, owner: a@x}\n- {name: s, owner: a@x}\n",
        DOCS "  tools: {a: write, b: destructive, d: read-only}\n  disabled: true\n"
             "grants:\n- {name: g, to: {robots: [s]}, server: docs, tools: [a], categories: "
             "[write, read-only]}\n"
             "robots:\n- {name: r, owner: b@x}\n- {name: s, owner: a@x, disabled: true}\n",
        "~ server docs: + disabled, tool b: write -> destructive, - tool c admin, + tool d "
        "read-only\n"
        "~ grant g: + category write, - robot r, + robot s, + tool a\n"
        "~ robot r: owner: a@x -> b@x\n"
        "~ robot s: + disabled\n");
}

static void what_goes_is_named(void **state)
{
    (void)state;
    assert_diff(DOCS "robots:\n- {name: r, owner: a@x}\nroles:\n- {name: q}\n"
                     "grants:\n- {name: g, to: {}, server: docs, tools: [a]}\n"
                     "ceilings:\n- {principals: [human], deny: [admin]}\n",
                "servers: []\n",
                "- server docs\n- role q\n- grant g\n- ceiling human\n- robot r\n");
}

static void order_alone_is_no_change(void **state)
{
    (void)state;
    assert_diff(DOCS "  tools: {a: write, b: admin}\n"
                     "roles:\n- {name: p, users: [a@x, b@x]}\n- {name: q}\n",
                "roles:\n- {name: q}\n- {name: p, users: [b@x, a@x]}\n" DOCS
                "  tools: {b: admin, a: write}\n",
                "");
}

static void ceilings_are_compared_by_whom_they_limit(void **state)
{
    (void)state;
    assert_diff("ceilings:\n- {principals: [robot, delegated], deny: [admin]}\n"
                "- {principals: [delegated, robot], approval: [destructive]}\n",
                "ceilings:\n- {principals: [robot, delegated], deny: [admin], approval: "
                "[destructive]}\n",
                "");
    assert_diff("ceilings:\n- {principals: [robot], deny: [admin]}\n",
                "ceilings:\n- {principals: [robot], deny: [admin, write]}\n- {principals: [human], "
                "approval: [admin]}\n",
                "~ ceiling robot: + deny write\n+ ceiling human: approval admin\n");
}

static void another_address_or_credential_is_a_change(void **state)
{
    (void)state;
    assert_diff(
        DOCS,
        "servers:\n- name: docs\n  url: https://d/\n"
        "  credential: {mode: shared, type: bearer, secret: d}\n",
        "~ server docs: credential: none -> shared, bearer from secret d, - program docs, + "
        "url https://d/\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_new_is_told_in_full),
        cmocka_unit_test(what_changed_is_told_by_what_came_and_went),
        cmocka_unit_test(what_goes_is_named),
        cmocka_unit_test(order_alone_is_no_change),
        cmocka_unit_test(ceilings_are_compared_by_whom_they_limit),
        cmocka_unit_test(another_address_or_credential_is_a_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
