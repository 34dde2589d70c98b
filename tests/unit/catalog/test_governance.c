#include "catalog/governance.h"

#include "unit.h"

static const char office[] =
    "servers:\n"
    "  - name: snowflake\n"
    "    url: https://example.snowflakecomputing.com/mcp\n"
    "    credential: {mode: shared, type: bearer, secret: snowflake}\n"
    "    tools: {execute_query: destructive, \"describe_*\": read-only}\n"
    "  - name: docs\n"
    "    program: docs\n"
    "    credential: {mode: none}\n"
    "    disabled: true\n"
    "  - name: crm\n"
    "    url: http://10.0.0.7:8080/mcp?v=1\n"
    "    credential: {mode: shared, type: headers, headers: {X-Api-Key: crm-key, X-Team: "
    "crm.team}}\n"
    "roles:\n"
    "  - {name: analyst, groups: [data-analysts], users: [bob@example.com], robots: [old]}\n"
    "grants:\n"
    "  - name: analysts read Snowflake\n"
    "    to: {roles: [analyst], robots: [nightly-report]}\n"
    "    server: snowflake\n"
    "    categories: [read-only]\n"
    "  - name: named\n"
    "    to: {users: [bob@example.com], groups: [ops]}\n"
    "    server: docs\n"
    "    tools: [read_file, \"list_*\"]\n"
    "ceilings:\n"
    "  - {principals: [robot, delegated], deny: [admin], approval: [destructive]}\n"
    "robots:\n"
    "  - {name: nightly-report, owner: ann@example.com}\n"
    "  - {name: old, owner: ann@example.com, disabled: true}\n";

static bool has_docs(void *ctx, struct str name)
{
    (void)ctx;
    return str_eq(name, STR("docs"));
}

static bool has_two(void *ctx, struct str name)
{
    (void)ctx;
    return str_eq(name, STR("snowflake")) || str_eq(name, STR("crm-key"));
}

static const struct governance_host all = {0};

static void a_file_is_read_in_full(void **state)
{
    (void)state;
    struct err err;
    struct governance g;
    struct arena *arena = arena_new((size_t)4 << 20);
    assert_ok(governance_read(str_c(office), &all, arena, &g, &err), err);
    assert_int_equal(g.server_count, 3);
    const struct server *server = governance_find_server(&g, STR("snowflake"));
    assert_int_equal(server->kind, SERVER_URL);
    assert_str(server->address, "https://example.snowflakecomputing.com/mcp");
    assert_int_equal(server->credential_mode, CREDENTIAL_SHARED);
    assert_int_equal(server->credential_type, CREDENTIAL_BEARER);
    assert_str(server->secret, "snowflake");
    assert_int_equal(server->rule_count, 2);
    assert_str(server->rules[1].pattern, "describe_*");
    assert_int_equal(server->rules[1].category, CATEGORY_READ_ONLY);
    assert_false(server->is_disabled);
    server = governance_find_server(&g, STR("docs"));
    assert_int_equal(server->kind, SERVER_PROGRAM);
    assert_str(server->address, "docs");
    assert_int_equal(server->credential_mode, CREDENTIAL_NONE);
    assert_true(server->is_disabled);
    server = governance_find_server(&g, STR("crm"));
    assert_int_equal(server->credential_type, CREDENTIAL_HEADERS);
    assert_int_equal(server->header_count, 2);
    assert_str(server->headers[1].header, "X-Team");
    assert_str(server->headers[1].secret, "crm.team");
    assert_str(governance_find_role(&g, STR("analyst"))->groups[0], "data-analysts");
    const struct grant *grant = governance_find_grant(&g, STR("analysts read Snowflake"));
    assert_str(grant->robots[0], "nightly-report");
    assert_int_equal(grant->categories, CATEGORY_BIT(CATEGORY_READ_ONLY));
    grant = governance_find_grant(&g, STR("named"));
    assert_int_equal(grant->tool_count, 2);
    assert_int_equal(grant->categories, 0);
    assert_int_equal(g.ceilings[0].principals,
                     PRINCIPAL_BIT(PRINCIPAL_ROBOT) | PRINCIPAL_BIT(PRINCIPAL_DELEGATED));
    assert_int_equal(g.ceilings[0].deny, CATEGORY_BIT(CATEGORY_ADMIN));
    assert_int_equal(g.ceilings[0].approval, CATEGORY_BIT(CATEGORY_DESTRUCTIVE));
    assert_str(governance_find_robot(&g, STR("old"))->owner, "ann@example.com");
    assert_true(governance_find_robot(&g, STR("old"))->is_disabled);
    assert_null(governance_find_robot(&g, STR("new")));
    arena_free(arena);
}

#define SERVER_A "servers:\n- name: a\n  url: https://a.example/mcp\n  credential: {mode: none}\n"
#define ROBOT_R  "robots:\n- {name: r, owner: o@x}\n"

/* Refused files: the line that is named, and a piece of the sentence. */
static const struct refused {
    const char *text;
    const char *line;
    const char *sentence;
} refused[] = {
    /* The file itself. */
    {"", "line 1", "the file is empty"},
    {"# nothing\n", "line ", "the file is empty"},
    {"[]\n", "line 1", "expected is a mapping with servers"},
    {"servers: []\nserver: []\n", "line 2", "unknown key 'server'; expected is one of servers"},
    {"servers: {}\n", "line 1", "found a mapping; expected is a list"},
    {"servers: none\n", "line 1", "found a text; expected is a list"},
    {"servers: []\nservers: []\n", "line 2", "servers"},
    {"servers: &a []\n", "line 1", ""},
    {"servers: !!seq []\n", "line 1", ""},
    {"servers: [\n", "line ", ""},
    {"servers: []\n---\nservers: []\n", "line 2", ""},
    /* Servers. */
    {"servers:\n- docs\n", "line 2", "expected is a server"},
    {"servers:\n- name: a\n  url: https://a/\n", "line 2", "lacks the key 'credential'"},
    {"servers:\n- name: a\n  credential: {mode: none}\n", "line 2", "expected is url or program"},
    {"servers:\n- url: https://a/\n  credential: {mode: none}\n", "line 2", "lacks the key 'name'"},
    {"servers:\n- name: a\n  url: https://a/\n  program: a\n  credential: {mode: none}\n", "line 4",
     "found url and program"},
    {"servers:\n- name: a\n  url: ftp://a/\n  credential: {mode: none}\n", "line 3",
     "server 'a': url: "},
    {"servers:\n- name: a\n  program: ../sh\n  credential: {mode: none}\n", "line 3",
     "no name of a program"},
    {"servers:\n- name: a\n  command: [sh]\n  credential: {mode: none}\n", "line 3",
     "unknown key 'command'"},
    {"servers:\n- name: A\n  program: a\n  credential: {mode: none}\n", "line 2",
     "no name for a server"},
    {"servers:\n- name: a__b\n  program: a\n  credential: {mode: none}\n", "line 2",
     "no name for a server"},
    {"servers:\n- name: [a]\n  program: a\n  credential: {mode: none}\n", "line 2",
     "found a list; expected is a text"},
    {"servers:\n- name: 12\n  program: a\n  credential: {mode: none}\n", "line 2",
     "found a number; expected is a text; put it in quotes"},
    {"servers:\n- name:\n  program: a\n  credential: {mode: none}\n", "line ", "found nothing"},
    {SERVER_A "- name: a\n  program: a\n  credential: {mode: none}\n", "line 5",
     "server 'a' stands here twice"},
    {SERVER_A "  disabled: yes\n", "line 5", "expected is true or false"},
    {SERVER_A "  disabled: \"true\"\n", "line 5", "found a text; expected is true or false"},
    /* Credentials. */
    {"servers:\n- name: a\n  url: https://a/\n  credential: none\n", "line 4",
     "expected is a credential"},
    {"servers:\n- name: a\n  url: https://a/\n  credential: {}\n", "line 4",
     "lacks the key 'mode'"},
    {"servers:\n- name: a\n  url: https://a/\n  credential: {mode: open}\n", "line 4",
     "unknown mode 'open'; expected is none or shared"},
    {"servers:\n- name: a\n  url: https://a/\n  credential: {mode: personal, type: oauth}\n",
     "line 4", "mode personal is not yet available"},
    {"servers:\n- name: a\n  url: https://a/\n  credential: {mode: shared, type: oauth}\n",
     "line 4", "type 'oauth' is not yet available"},
    {"servers:\n- name: a\n  url: https://a/\n  credential: {mode: shared, type: basic}\n",
     "line 4", "type 'basic' is unknown"},
    {"servers:\n- name: a\n  url: https://a/\n  credential: {mode: shared, secret: s}\n", "line 4",
     "mode shared needs a type"},
    {"servers:\n- name: a\n  url: https://a/\n  credential: {mode: shared, type: bearer}\n",
     "line 4", "lacks the key 'secret'"},
    {"servers:\n- name: a\n  url: https://a/\n  credential: {mode: none, secret: s}\n", "line 4",
     "can't have the key 'secret'"},
    {"servers:\n- name: a\n  url: https://a/\n  credential: {mode: none, type: bearer}\n", "line 4",
     "mode none has no type"},
    {"servers:\n- name: a\n  url: https://a/\n"
     "  credential: {mode: shared, type: bearer, secret: ../etc/passwd}\n",
     "line 4", "no name for a secret"},
    {"servers:\n- name: a\n  url: https://a/\n"
     "  credential: {mode: shared, type: bearer, secret: s, token: t}\n",
     "line 4", "unknown key 'token'"},
    {"servers:\n- name: a\n  url: https://a/\n  credential:\n    mode: shared\n    type: headers\n"
     "    headers:\n      X-A: s\n      x-a: s\n",
     "line 9", "the header 'x-a' stands here twice"},
    {"servers:\n- name: a\n  url: https://a/\n"
     "  credential: {mode: shared, type: headers, headers: {Host: s}}\n",
     "line 4", "set by the gateway itself"},
    {"servers:\n- name: a\n  url: https://a/\n"
     "  credential: {mode: shared, type: headers, headers: {MCP-Session-Id: s}}\n",
     "line 4", "set by the gateway itself"},
    {"servers:\n- name: a\n  url: https://a/\n"
     "  credential: {mode: shared, type: headers, headers: {\"X A\": s}}\n",
     "line 4", "no name of a header"},
    {"servers:\n- name: a\n  url: https://a/\n"
     "  credential: {mode: shared, type: headers, headers: {}}\n",
     "line 2", "0 headers; expected 1 to 32"},
    {"servers:\n- name: a\n  program: p\n  credential: {mode: shared, type: bearer, secret: s}\n",
     "line 2", "is a program"},
    /* Rules on tools. */
    {SERVER_A "  tools: [read]\n", "line 5", "expected is a mapping of tool names"},
    {SERVER_A "  tools:\n    read: reading\n", "line 6",
     "unknown category 'reading'; expected is one of read-only, write, destructive, admin"},
    {SERVER_A "  tools: {read: [read-only]}\n", "line 5", "found a list"},
    {SERVER_A "  tools: {a: write, a: admin}\n", "line 5", "a"},
    {SERVER_A "  tools: {\"\": write}\n", "line 5", "0 bytes"},
    /* Roles. */
    {"roles:\n- {name: r, users: bob@x}\n", "line 2", "expected is a list of texts"},
    {"roles:\n- {users: [bob@x]}\n", "line 2", "lacks the key 'name'"},
    {"roles:\n- {name: r}\n- {name: r}\n", "line 3", "role 'r' stands here twice"},
    {"roles:\n- {name: r, users: [bob]}\n", "line 2", "no e-mail address"},
    {"roles:\n- {name: r, users: [a@x, a@x]}\n", "line 2", "user 'a@x' stands here twice"},
    {"roles:\n- name: q\n  robots: [r]\n", "line 3", "there is no robot 'r'"},
    {"roles:\n- {name: r, members: [a@x]}\n", "line 2", "unknown key 'members'"},
    /* Grants. */
    {SERVER_A "grants:\n- {name: g, to: {}, server: a}\n", "line 6",
     "expected is categories, tools, or both"},
    {SERVER_A "grants:\n- {name: g, server: a, categories: [write]}\n", "line 6",
     "lacks the key 'to'"},
    {SERVER_A "grants:\n- {name: g, to: {}, categories: [write]}\n", "line 6",
     "lacks the key 'server'"},
    {SERVER_A "grants:\n- name: g\n  to: {}\n  server: b\n  categories: [write]\n", "line 8",
     "there is no server 'b'"},
    {SERVER_A "grants:\n- name: g\n  to:\n    robots: [r]\n  server: a\n  categories: [write]\n",
     "line 8", "there is no robot 'r'"},
    {SERVER_A "grants:\n- name: g\n  to:\n    roles:\n    - q\n  server: a\n  tools: [t]\n",
     "line 9", "there is no role 'q'"},
    {SERVER_A "grants:\n- {name: g, to: {user: [r@x]}, server: a, tools: [t]}\n", "line 6",
     "unknown key 'user'"},
    {SERVER_A "grants:\n- {name: g, to: [r], server: a, tools: [t]}\n", "line 6",
     "found a list; expected is a mapping of roles"},
    {SERVER_A "grants:\n- {name: g, to: {}, server: a, categories: write}\n", "line 6",
     "expected is a list of categories"},
    {SERVER_A "grants:\n- {name: g, to: {}, server: a, categories: [write, write]}\n", "line 6",
     "'write' stands here twice"},
    {SERVER_A "grants:\n- {name: g, to: {}, server: a, tools: [t, t]}\n", "line 6",
     "tool 't' stands here twice"},
    {SERVER_A "grants:\n- {name: g, to: {}, server: a, tools: [t]}\n"
              "- {name: g, to: {}, server: a, tools: [t]}\n",
     "line 7", "grant 'g' stands here twice"},
    {SERVER_A "grants:\n- {name: g, to: {}, server: a, tools: [t], resources: [r]}\n", "line 6",
     "unknown key 'resources'"},
    /* Ceilings. */
    {"ceilings:\n- {deny: [admin]}\n", "line 2", "lacks the key 'principals'"},
    {"ceilings:\n- {principals: [], deny: [admin]}\n", "line 2", "limits nobody"},
    {"ceilings:\n- {principals: [robot]}\n", "line 2", "limits nothing"},
    {"ceilings:\n- {principals: [agent], deny: [admin]}\n", "line 2",
     "unknown kind of principal 'agent'"},
    {"ceilings:\n- {principals: robot, deny: [admin]}\n", "line 2",
     "expected is a list of human, delegated, robot"},
    {"ceilings:\n- {principals: [robot], deny: [admin], approval: [admin]}\n", "line 2",
     "denies a category and asks for approval"},
    {"ceilings:\n- {principals: [robot], deny: [admin]}\n- {principals: [robot], deny: [admin]}\n",
     "line 3", "stands here twice"},
    {"ceilings:\n- {principals: [robot, robot], deny: [admin]}\n", "line 2",
     "'robot' stands here twice"},
    /* Robots. */
    {"robots:\n- {name: r}\n", "line 2", "lacks the key 'owner'"},
    {"robots:\n- {name: r, owner: ann}\n", "line 2", "a robot's owner 'ann' is no e-mail address"},
    {"robots:\n- {name: R, owner: a@x}\n", "line 2", "no name for a robot"},
    {ROBOT_R "- {name: r, owner: b@x}\n", "line 3", "robot 'r' stands here twice"},
    {ROBOT_R "- {name: s, owner: b@x, token: t}\n", "line 3", "unknown key 'token'"},
    {"robots:\n- {name: null, owner: b@x}\n", "line 2", "found nothing; expected is a text"},
    {"robots:\n- {name: true, owner: b@x}\n", "line 2", "found a truth value"},
};

static void what_is_not_understood_is_refused_with_its_line(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        struct err err;
        struct governance g;
        struct arena *arena = arena_new((size_t)4 << 20);
        enum err_code code = governance_read(str_c(refused[i].text), &all, arena, &g, &err);
        if (code != ERR_INVALID)
            fail_msg("not refused: %s", refused[i].text);
        if (strncmp(err.text, refused[i].line, strlen(refused[i].line)) != 0 ||
            strstr(err.text, refused[i].sentence) == NULL)
            fail_msg("\"%s\" is not \"%s … %s\"", err.text, refused[i].line, refused[i].sentence);
        arena_free(arena);
    }
}

static void programs_and_secrets_are_asked_of_the_host(void **state)
{
    (void)state;
    struct err err;
    struct governance g;
    const struct governance_host no_secret = {.has_program = has_docs, .has_secret = has_two};
    struct arena *arena = arena_new((size_t)4 << 20);
    assert_int_equal(governance_read(str_c(office), &no_secret, arena, &g, &err), ERR_INVALID);
    assert_string_equal(err.text, "line 12: server 'crm': there is no secret 'crm.team'; put it as "
                                  "a file of that name into the gateway's secrets_dir");
    const struct governance_host no_program = {.has_program = has_two};
    assert_int_equal(governance_read(str_c(office), &no_program, arena, &g, &err), ERR_INVALID);
    assert_non_null(strstr(err.text, "line 7: server 'docs': the settings file has no program"));
    arena_free(arena);
}

static void objects_without_a_file_are_checked_the_same(void **state)
{
    (void)state;
    struct err err;
    struct governance g;
    struct arena *arena = arena_new((size_t)4 << 20);
    assert_ok(governance_read(str_c(office), &all, arena, &g, &err), err);
    assert_ok(governance_check(&g, NULL, &err), err);
    g.servers[0].credential_mode = CREDENTIAL_PERSONAL;
    assert_int_equal(governance_check(&g, NULL, &err), ERR_INVALID);
    assert_string_equal(err.text, "server 'snowflake': credential mode personal is not yet "
                                  "available; expected is none or shared");
    g.servers[0].credential_mode = CREDENTIAL_SHARED;
    g.robots[0].name = STR("other");
    assert_int_equal(governance_check(&g, NULL, &err), ERR_INVALID);
    assert_string_equal(err.text, "there is no robot 'nightly-report' in this file");
    arena_free(arena);
}

static void assert_exports_back(const struct governance *g)
{
    struct err err;
    struct governance again;
    struct governance_diff diff;
    struct buf out;
    buf_init(&out, (size_t)1 << 20);
    struct arena *arena = arena_new((size_t)16 << 20);
    governance_export(g, &out);
    assert_false(out.failed);
    if (governance_read(buf_str(&out), NULL, arena, &again, &err) != ERR_OK)
        fail_msg("%s in:\n" STR_FMT, err.text, STR_ARG(buf_str(&out)));
    assert_ok(governance_diff(g, &again, arena, &diff, &err), err);
    assert_int_equal(diff.count, 0);
    arena_free(arena);
    buf_done(&out);
}

static void an_export_reads_back_as_what_it_was(void **state)
{
    (void)state;
    struct err err;
    struct governance g;
    struct arena *arena = arena_new((size_t)4 << 20);
    const struct governance nothing = {0};
    assert_exports_back(&nothing);
    assert_ok(governance_read(str_c(office), &all, arena, &g, &err), err);
    assert_exports_back(&g);
    arena_free(arena);
}

static void an_export_looks_like_the_file_people_write(void **state)
{
    (void)state;
    struct err err;
    struct governance g;
    struct buf out;
    buf_init(&out, 65536);
    struct arena *arena = arena_new((size_t)4 << 20);
    assert_ok(governance_read(str_c(office), &all, arena, &g, &err), err);
    governance_export(&g, &out);
    assert_str(
        buf_str(&out),
        "servers:\n"
        "  - name: snowflake\n"
        "    url: https://example.snowflakecomputing.com/mcp\n"
        "    credential: {mode: shared, type: bearer, secret: snowflake}\n"
        "    tools:\n"
        "      execute_query: destructive\n"
        "      \"describe_*\": read-only\n"
        "  - name: docs\n"
        "    program: docs\n"
        "    credential: {mode: none}\n"
        "    disabled: true\n"
        "  - name: crm\n"
        "    url: http://10.0.0.7:8080/mcp?v=1\n"
        "    credential: {mode: shared, type: headers, headers: {X-Api-Key: crm-key, X-Team: "
        "crm.team}}\n"
        "roles:\n"
        "  - {name: analyst, groups: [data-analysts], users: [bob@example.com], robots: [old]}\n"
        "grants:\n"
        "  - name: analysts read Snowflake\n"
        "    to: {roles: [analyst], robots: [nightly-report]}\n"
        "    server: snowflake\n"
        "    categories: [read-only]\n"
        "  - name: named\n"
        "    to: {users: [bob@example.com], groups: [ops]}\n"
        "    server: docs\n"
        "    tools: [read_file, \"list_*\"]\n"
        "ceilings:\n"
        "  - {principals: [delegated, robot], deny: [admin], approval: [destructive]}\n"
        "robots:\n"
        "  - {name: nightly-report, owner: ann@example.com}\n"
        "  - {name: old, owner: ann@example.com, disabled: true}\n");
    buf_done(&out);
    arena_free(arena);
}

/* Names that YAML readers take for something else, or that need escapes. */
static void awkward_texts_survive_an_export(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "true",
        "No",
        "on",
        "null",
        "~",
        "12",
        "0x1F",
        "1e3",
        "1:30",
        "-",
        "- a",
        "a: b",
        "a #b",
        "#",
        "a,b",
        "[a]",
        "{a}",
        "*",
        "&a",
        "!a",
        "%a",
        "@a",
        "`a",
        "|",
        ">",
        "'a'",
        "\"a\"",
        "\\",
        " a",
        "a ",
        "a  b",
        "?",
        "? a",
        ":",
        "=",
        "<<",
        "---",
        "...",
        "2026-01-01",
        "\xc3\xa9",
        "\xf0\x9f\x98\x80",
        "\xe2\x80\xa8",
        "\xc2\x85",
        "\xc2\xa0",
        "\xef\xbb\xbf",
        "\xef\xbf\xbd",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct str text = str_c(texts[i]);
        struct tool_rule rule = {.pattern = text, .category = CATEGORY_WRITE};
        struct server server = {.name = STR("a"),
                                .kind = SERVER_PROGRAM,
                                .address = STR("12"),
                                .rules = &rule,
                                .rule_count = 1};
        struct role role = {.name = text, .groups = &text, .group_count = 1};
        struct grant grant = {.name = text,
                              .roles = &text,
                              .role_count = 1,
                              .groups = &text,
                              .group_count = 1,
                              .server = STR("a"),
                              .tools = &text,
                              .tool_count = 1};
        const struct governance g = {.servers = &server,
                                     .server_count = 1,
                                     .roles = &role,
                                     .role_count = 1,
                                     .grants = &grant,
                                     .grant_count = 1};
        assert_exports_back(&g);
    }
}

static void a_grant_of_nothing_stays_a_grant_of_nothing(void **state)
{
    (void)state;
    struct server server = {.name = STR("a"), .kind = SERVER_PROGRAM, .address = STR("p")};
    struct grant grant = {.name = STR("g"), .server = STR("a")};
    const struct governance g = {
        .servers = &server, .server_count = 1, .grants = &grant, .grant_count = 1};
    assert_exports_back(&g);
}

static void a_full_arena_is_a_limit_not_a_crash(void **state)
{
    (void)state;
    struct err err;
    bool has_fit = false;
    for (size_t room = 0; room < (size_t)1 << 20 && !has_fit; room += 256) {
        struct governance g;
        struct arena *arena = arena_new(room);
        enum err_code code = governance_read(str_c(office), &all, arena, &g, &err);
        assert_true(code == ERR_OK || code == ERR_LIMIT);
        has_fit = code == ERR_OK;
        arena_free(arena);
    }
    assert_true(has_fit);
}

static void names_and_addresses_of_people_are_told_apart_from_other_text(void **state)
{
    (void)state;
    const char *names[] = {"a", "0", "corp-idp", "a.b_c-d"};
    const char *no_names[] = {"", ".a", "-a", "A", "a/b", "a b", "..", "a\xc3\xa9"};
    const char *mails[] = {"a@b", "ann.o'x+y@example.com", "corp:ann@example.com"};
    const char *no_mails[] = {"", "a", "@b", "a@", "a@b@c", "a b@c", "a@b\n", "a@\xff"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        assert_true(governance_is_name(str_c(names[i])));
    for (size_t i = 0; i < ARRAY_LEN(no_names); i++)
        assert_false(governance_is_name(str_c(no_names[i])));
    assert_false(governance_is_name(str_of("a\0", 2)));
    for (size_t i = 0; i < ARRAY_LEN(mails); i++)
        assert_true(governance_is_email(str_c(mails[i])));
    for (size_t i = 0; i < ARRAY_LEN(no_mails); i++)
        assert_false(governance_is_email(str_c(no_mails[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_read_in_full),
        cmocka_unit_test(what_is_not_understood_is_refused_with_its_line),
        cmocka_unit_test(programs_and_secrets_are_asked_of_the_host),
        cmocka_unit_test(objects_without_a_file_are_checked_the_same),
        cmocka_unit_test(an_export_reads_back_as_what_it_was),
        cmocka_unit_test(an_export_looks_like_the_file_people_write),
        cmocka_unit_test(awkward_texts_survive_an_export),
        cmocka_unit_test(a_grant_of_nothing_stays_a_grant_of_nothing),
        cmocka_unit_test(a_full_arena_is_a_limit_not_a_crash),
        cmocka_unit_test(names_and_addresses_of_people_are_told_apart_from_other_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
