#include <stdio.h>

#include "base/jsonw.h"
#include "unit.h"

#include "identity/scim.h"

static struct arena *arena;

static int open_arena(void **state)
{
    (void)state;
    arena = arena_new(8 << 20);
    return arena == NULL;
}

static int close_arena(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static struct json_doc parse(const char *text)
{
    struct err err;
    struct json_doc doc;
    assert_ok(json_parse(str_c(text), &json_limits_default, arena, &doc, &err), err);
    return doc;
}

static struct scim_user ann(void)
{
    return (struct scim_user){.id = 1,
                              .user_name = STR("ann"),
                              .external_id = STR("e1"),
                              .display_name = STR("Ann"),
                              .family_name = STR("Doe"),
                              .email = STR("ann@example.com"),
                              .is_active = true};
}

/* "userName|externalId|displayName|family|given|email|active" */
static const char *line_of(const struct scim_user *user)
{
    static char text[1024];
    (void)snprintf(text, sizeof text,
                   STR_FMT "|" STR_FMT "|" STR_FMT "|" STR_FMT "|" STR_FMT "|" STR_FMT "|%s",
                   STR_ARG(user->user_name), STR_ARG(user->external_id),
                   STR_ARG(user->display_name), STR_ARG(user->family_name),
                   STR_ARG(user->given_name), STR_ARG(user->email), user->is_active ? "in" : "out");
    return text;
}

#define OPS(ops)  "{\"schemas\":[\"x\"],\"Operations\":[" ops "]}"
#define CORE_USER "urn:ietf:params:scim:schemas:core:2.0:User:"
#define OTHER_URN "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

/* Operations as Entra ID, Okta and others write them. */
static const struct {
    const char *body;
    const char *line;
} user_patches[] = {
    {OPS("{\"op\":\"Replace\",\"path\":\"active\",\"value\":\"False\"}"),
     "ann|e1|Ann|Doe||ann@example.com|out"},
    {OPS("{\"op\":\"replace\",\"value\":{\"active\":false}}"),
     "ann|e1|Ann|Doe||ann@example.com|out"},
    {OPS("{\"op\":\"Add\",\"path\":\"name.givenName\",\"value\":\"A\"}"),
     "ann|e1|Ann|Doe|A|ann@example.com|in"},
    {OPS("{\"op\":\"replace\",\"value\":{\"name.familyName\":\"Roe\",\"displayName\":\"B\"}}"),
     "ann|e1|B|Roe||ann@example.com|in"},
    {OPS("{\"op\":\"replace\",\"path\":\"name\",\"value\":{\"GivenName\":\"A\"}}"),
     "ann|e1|Ann|Doe|A|ann@example.com|in"},
    {OPS("{\"op\":\"replace\",\"path\":\"emails[type eq \\\"work\\\"].value\",\"value\":\"b@x\"}"),
     "ann|e1|Ann|Doe||b@x|in"},
    {OPS("{\"op\":\"replace\",\"path\":\"emails[primary eq true].value\",\"value\":\"b@x\"}"),
     "ann|e1|Ann|Doe||b@x|in"},
    {OPS("{\"op\":\"add\",\"path\":\"emails[type eq \\\"home\\\"].value\",\"value\":\"b@x\"}"),
     "ann|e1|Ann|Doe||ann@example.com|in"},
    {OPS("{\"op\":\"add\",\"value\":{\"emails[type eq \\\"work\\\"].value\":\"b@x\"}}"),
     "ann|e1|Ann|Doe||b@x|in"},
    {OPS("{\"op\":\"replace\",\"path\":\"emails\",\"value\":[{\"type\":\"home\",\"value\":\"h@x\"},"
         "{\"type\":\"work\",\"value\":\"w@x\"}]}"),
     "ann|e1|Ann|Doe||w@x|in"},
    {OPS("{\"op\":\"replace\",\"path\":\"emails\",\"value\":[{\"type\":\"work\",\"value\":\"w@x\"},"
         "{\"primary\":true,\"value\":\"p@x\"}]}"),
     "ann|e1|Ann|Doe||p@x|in"},
    {OPS("{\"op\":\"replace\",\"path\":\"emails\",\"value\":[{\"type\":\"work\"}]}"),
     "ann|e1|Ann|Doe|||in"},
    {OPS("{\"op\":\"remove\",\"path\":\"emails\"}"), "ann|e1|Ann|Doe|||in"},
    {OPS("{\"op\":\"remove\",\"path\":\"name\"}"), "ann|e1|Ann|||ann@example.com|in"},
    {OPS("{\"op\":\"replace\",\"path\":\"" CORE_USER "displayName\",\"value\":\"C\"}"),
     "ann|e1|C|Doe||ann@example.com|in"},
    {OPS("{\"op\":\"replace\",\"path\":\"" OTHER_URN ":department\",\"value\":\"C\"}"),
     "ann|e1|Ann|Doe||ann@example.com|in"},
    {OPS("{\"op\":\"add\",\"value\":{\"" OTHER_URN "\":{\"active\":false}}}"),
     "ann|e1|Ann|Doe||ann@example.com|in"},
    {OPS("{\"op\":\"replace\",\"path\":\"id\",\"value\":\"u9\"}"),
     "ann|e1|Ann|Doe||ann@example.com|in"},
    {OPS("{\"op\":\"replace\",\"path\":\"externalId\",\"value\":null}"),
     "ann||Ann|Doe||ann@example.com|in"},
    {OPS("{\"op\":\"replace\",\"path\":\"active\",\"value\":false},"
         "{\"op\":\"replace\",\"path\":\"active\",\"value\":true}"),
     "ann|e1|Ann|Doe||ann@example.com|in"},
};

static void a_patch_of_a_user_does_what_providers_mean(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(user_patches); i++) {
        struct scim_fault fault = {.type = NULL};
        struct scim_user user = ann();
        struct json_doc doc = parse(user_patches[i].body);
        if (scim_user_patch(&doc, arena, &user, &fault) != ERR_OK)
            fail_msg("%s: %s", user_patches[i].body, fault.err.text);
        if (!str_eq(str_c(line_of(&user)), str_c(user_patches[i].line)))
            fail_msg("%s: %s", user_patches[i].body, line_of(&user));
    }
}

static const struct {
    const char *body;
    const char *type;
} bad_patches[] = {
    {"[]", SCIM_INVALID_SYNTAX},
    {"{}", SCIM_INVALID_SYNTAX},
    {"{\"Operations\":{}}", SCIM_INVALID_SYNTAX},
    {OPS("1"), SCIM_INVALID_SYNTAX},
    {OPS("{\"op\":\"test\"}"), SCIM_INVALID_SYNTAX},
    {OPS("{\"op\":\"add\"}"), SCIM_INVALID_VALUE},
    {OPS("{\"op\":\"remove\"}"), SCIM_NO_TARGET},
    {OPS("{\"op\":\"add\",\"value\":[]}"), SCIM_INVALID_VALUE},
    {OPS("{\"op\":\"add\",\"path\":7,\"value\":1}"), SCIM_INVALID_PATH},
    {OPS("{\"op\":\"add\",\"path\":\"a b\",\"value\":1}"), SCIM_INVALID_PATH},
    {OPS("{\"op\":\"add\",\"path\":\"emails[x\",\"value\":1}"), SCIM_INVALID_PATH},
    {OPS("{\"op\":\"add\",\"path\":\"emails[x]y\",\"value\":1}"), SCIM_INVALID_PATH},
    {OPS("{\"op\":\"add\",\"path\":\"active\",\"value\":\"1\"}"), SCIM_INVALID_VALUE},
    {OPS("{\"op\":\"add\",\"path\":\"userName\",\"value\":{}}"), SCIM_INVALID_VALUE},
    {OPS("{\"op\":\"remove\",\"path\":\"userName\"}"), SCIM_INVALID_VALUE},
    {OPS("{\"op\":\"add\",\"path\":\"emails\",\"value\":true}"), SCIM_INVALID_VALUE},
};

static void a_patch_that_means_nothing_is_refused_with_its_type(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad_patches); i++) {
        struct scim_fault fault = {.type = NULL};
        struct scim_user user = ann();
        struct json_doc doc = parse(bad_patches[i].body);
        if (scim_user_patch(&doc, arena, &user, &fault) != ERR_INVALID)
            fail_msg("%s: taken", bad_patches[i].body);
        assert_string_equal(fault.type, bad_patches[i].type);
    }
}

static void a_replaced_user_keeps_nothing_that_is_not_said(void **state)
{
    (void)state;
    struct scim_fault fault = {.type = NULL};
    struct scim_user user = ann();
    user.is_active = false;
    struct json_doc doc = parse("{\"USERNAME\":\"bob\"}");
    assert_int_equal(scim_user_read(&doc, arena, &user, &fault), ERR_OK);
    assert_string_equal(line_of(&user), "bob||||||in");
    assert_int_equal(user.id, 1);
}

/* ---- groups ---- */

static const int64_t has[] = {1, 2, 3};

/* "name +added -removed", the members that it had being u1, u2 and u3. */
static const char *change_of(const char *body, bool is_patch)
{
    static char text[512];
    struct scim_fault fault = {.type = NULL};
    struct scim_group_wish wish = {.group = {.id = 7, .display_name = STR("g")}};
    struct scim_group_change change;
    struct json_doc doc = parse(body);
    size_t len = 0;
    enum err_code code = is_patch ? scim_group_patch(&doc, arena, &wish, &fault)
                                  : scim_group_read(&doc, arena, &wish, &fault);
    if (code != ERR_OK)
        return fault.type;
    assert_true(scim_group_change(&wish, has, ARRAY_LEN(has), arena, &change));
    len = (size_t)snprintf(text, sizeof text, STR_FMT, STR_ARG(change.group.display_name));
    for (size_t i = 0; i < change.added_count; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, " +%d", (int)change.added[i]);
    for (size_t i = 0; i < change.removed_count; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, " -%d", (int)change.removed[i]);
    return text;
}

static const struct {
    const char *body;
    const char *change;
} group_patches[] = {
    {OPS("{\"op\":\"Add\",\"path\":\"members\",\"value\":[{\"value\":\"u4\"},{\"value\":\"u1\"}]}"),
     "g +4"},
    {OPS("{\"op\":\"add\",\"value\":{\"members\":[{\"value\":\"u5\"}]}}"), "g +5"},
    {OPS("{\"op\":\"remove\",\"path\":\"members[value eq \\\"u2\\\"]\"}"), "g -2"},
    {OPS("{\"op\":\"Remove\",\"path\":\"members\",\"value\":[{\"value\":\"u2\"}]}"), "g -2"},
    {OPS("{\"op\":\"remove\",\"path\":\"members\"}"), "g -1 -2 -3"},
    {OPS("{\"op\":\"replace\",\"path\":\"members\",\"value\":[{\"value\":\"u2\"},"
         "{\"value\":\"u9\"}]}"),
     "g +9 -1 -3"},
    {OPS("{\"op\":\"replace\",\"path\":\"members\",\"value\":[]}"), "g -1 -2 -3"},
    {OPS("{\"op\":\"replace\",\"value\":{\"id\":\"g7\",\"displayName\":\"h\"}}"), "h"},
    {OPS("{\"op\":\"add\",\"path\":\"members\",\"value\":{\"value\":\"u4\"}},"
         "{\"op\":\"remove\",\"path\":\"members[value eq \\\"u4\\\"]\"}"),
     "g"},
    {OPS("{\"op\":\"remove\",\"path\":\"members[value eq \\\"u1\\\"]\"},"
         "{\"op\":\"add\",\"path\":\"members\",\"value\":[{\"value\":\"u1\"}]}"),
     "g"},
    {OPS("{\"op\":\"remove\",\"path\":\"members[value eq \\\"u77\\\"]\"}"), "g"},
    {OPS("{\"op\":\"remove\",\"path\":\"members[type eq \\\"User\\\"]\"}"), SCIM_INVALID_PATH},
    {OPS("{\"op\":\"add\",\"path\":\"members\",\"value\":[{\"value\":\"g1\"}]}"),
     SCIM_INVALID_VALUE},
    {OPS("{\"op\":\"add\",\"path\":\"members\",\"value\":[{\"value\":\"1\"}]}"),
     SCIM_INVALID_VALUE},
    {OPS("{\"op\":\"add\",\"path\":\"members\",\"value\":[{}]}"), SCIM_INVALID_VALUE},
    {OPS("{\"op\":\"remove\",\"path\":\"displayName\"}"), SCIM_INVALID_VALUE},
};

static void a_patch_of_a_group_says_who_comes_and_who_goes(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(group_patches); i++) {
        const char *change = change_of(group_patches[i].body, true);
        if (!str_eq(str_c(change), str_c(group_patches[i].change)))
            fail_msg("%s: %s", group_patches[i].body, change);
    }
    assert_string_equal(
        change_of("{\"displayName\":\"n\",\"members\":[{\"value\":\"u3\"}]}", false), "n -1 -2");
    assert_string_equal(change_of("{\"members\":[]}", false), SCIM_INVALID_VALUE);
}

/* ---- filters ---- */

static void filters_find_what_they_say(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool fits;
    } cases[] = {
        {"", true},
        {"userName eq \"ANN\"", true},
        {"USERNAME EQ \"ann\"", true},
        {CORE_USER "userName eq \"ann\"", true},
        {"externalId eq \"E1\"", false},
        {"userName eq \"ann\" and active eq true", true},
        {"userName eq \"ann\" and active eq false", false},
        {"emails[type eq \"work\"].value eq \"ann@example.com\"", true},
        {"emails.value eq \"ann@example.com\"", true},
        {"emails eq \"bob@example.com\"", false},
        {"name.familyName eq \"doe\"", true},
        {"id eq \"u1\"", true},
        {"id eq \"g1\"", false},
        {"id eq \"u01\"", false},
        {"displayName eq \"A\\u006en\"", true},
    };
    const struct scim_user user = ann();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct scim_fault fault = {.type = NULL};
        struct scim_filter filter;
        if (scim_filter_parse(str_c(cases[i].text), SCIM_USER, arena, &filter, &fault) != ERR_OK)
            fail_msg("%s: %s", cases[i].text, fault.err.text);
        if (scim_filter_fits_user(&filter, &user) != cases[i].fits)
            fail_msg("%s", cases[i].text);
    }
}

static void what_is_no_filter_of_ours_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "userName",
        "userName eq",
        "userName co \"a\"",
        "userName eq a",
        "userName eq \"a",
        "not (userName eq \"a\")",
        "title eq \"x\"",
        "active eq \"true\"",
        "userName eq true",
        "userName eq \"a\" or active eq true",
        "userName eq \"a\" and",
        "members eq \"u1\"",
        "name eq \"x\"",
        "userName eq \"a\" userName eq \"b\"",
        "id eq \"1\" and id eq \"1\" and id eq \"1\" and id eq \"1\" and id eq \"1\"",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct scim_fault fault = {.type = NULL};
        struct scim_filter filter;
        if (scim_filter_parse(str_c(bad[i]), SCIM_USER, arena, &filter, &fault) != ERR_INVALID)
            fail_msg("%s: taken", bad[i]);
        assert_string_equal(fault.type, SCIM_INVALID_FILTER);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_patch_of_a_user_does_what_providers_mean),
        cmocka_unit_test(a_patch_that_means_nothing_is_refused_with_its_type),
        cmocka_unit_test(a_replaced_user_keeps_nothing_that_is_not_said),
        cmocka_unit_test(a_patch_of_a_group_says_who_comes_and_who_goes),
        cmocka_unit_test(filters_find_what_they_say),
        cmocka_unit_test(what_is_no_filter_of_ours_is_refused),
    };
    return cmocka_run_group_tests(tests, open_arena, close_arena);
}
