/*
 * test_jwt_wycheproof.c - JSON Web Signatures and Keys of Project Wycheproof
 * (SHARED_DATA/wycheproof): full agreement for every algorithm that is taken; what is not taken is
 * refused.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "unit.h"

#include "base/file.h"
#include "identity/jwt.h"

enum { ARENA_BYTES = 64 << 20 };

struct tally {
    size_t agreed;
    size_t refused; /* of algorithms that are not taken */
};

static struct str text_at(const struct json_doc *doc, json_pos object, const char *name,
                          struct arena *arena)
{
    struct str text = STR_NONE;
    json_pos pos = json_get(doc, object, str_c(name));
    if (pos != JSON_NONE)
        assert_true(json_str(doc, pos, arena, &text));
    return text;
}

/* The group's public key or keys as a key set; where there are only secret ones, those. */
static struct str key_set_of(const struct json_doc *doc, json_pos group, struct arena *arena,
                             bool *ret_is_public)
{
    json_pos key = json_get(doc, group, STR("public"));
    *ret_is_public = key != JSON_NONE;
    if (key == JSON_NONE)
        key = json_get(doc, group, STR("private"));
    assert_int_not_equal(key, JSON_NONE);
    if (json_get(doc, key, STR("keys")) != JSON_NONE)
        return json_raw(doc, key);
    struct str set = arena_printf(arena, "{\"keys\":[" STR_FMT "]}", STR_ARG(json_raw(doc, key)));
    assert_non_null(set.ptr);
    return set;
}

static bool accepts(struct str keys, struct str token)
{
    CLEANUP(jwk_set_unrefp) struct jwk_set *set = NULL;
    CLEANUP(arena_freep) struct arena *arena = arena_new(1 << 20);
    struct str payload;
    struct jwt jwt;
    if (jwk_set_parse(keys, &set, NULL) != ERR_OK ||
        jws_parse(token, arena, &jwt, &payload) != JWT_OK)
        return false;
    return jwt_verify(&jwt, set, PKEY_ALG_SET_ALL) == JWT_OK;
}

/* The token, or the object of JSON serialization, which is no token here. */
static struct str token_at(const struct json_doc *doc, json_pos test, struct arena *arena)
{
    json_pos pos = json_get(doc, test, STR("jws"));
    if (pos == JSON_NONE)
        pos = json_get(doc, test, STR("jwe"));
    return json_is(doc, pos, JSON_STRING)
               ? text_at(doc, test, pos == json_get(doc, test, STR("jws")) ? "jws" : "jwe", arena)
               : json_raw(doc, pos);
}

/* Figure 20 of RFC 7520 signs with PS384; these vectors give its key the algorithm PS256. A key
 * that names its algorithm serves no other. */
static bool is_of_another_algorithm(struct str comment)
{
    return str_eq(comment, STR("Figure20"));
}

/* "ES521" is a slip of these vectors: the registered name is ES512, and nothing else is taken. */
static bool is_taken(const struct json_doc *doc, json_pos group, bool is_public)
{
    struct str alg = STR_NONE;
    json_pos key = json_get(doc, group, STR("public"));
    if (!is_public)
        return false;
    json_pos name = json_get(doc, key, STR("alg"));
    CLEANUP(arena_freep) struct arena *arena = arena_new(1 << 16);
    return name == JSON_NONE || !json_str(doc, name, arena, &alg) || !str_eq(alg, STR("ES521"));
}

static void judge_group(const struct json_doc *doc, json_pos group, struct arena *arena,
                        struct tally *tally)
{
    bool is_public = false;
    struct str keys = key_set_of(doc, group, arena, &is_public);
    bool taken = is_taken(doc, group, is_public);
    json_pos tests = json_get(doc, group, STR("tests"));
    for (json_pos t = json_first(doc, tests); t != JSON_NONE; t = json_next(doc, tests, t)) {
        struct str token = token_at(doc, t, arena);
        bool is_valid = str_eq(text_at(doc, t, "result", arena), STR("valid")) &&
                        !is_of_another_algorithm(text_at(doc, t, "comment", arena));
        bool accepted = token.len > 0 && accepts(keys, token);
        if (accepted != (is_valid && taken)) {
            print_error("tcId " STR_FMT " (" STR_FMT "): %s\n",
                        STR_ARG(json_raw(doc, json_get(doc, t, STR("tcId")))),
                        STR_ARG(text_at(doc, t, "comment", arena)),
                        accepted ? "accepted" : "refused");
            fail();
        }
        tally->agreed += taken;
        tally->refused += !taken;
    }
}

static struct tally judge_file(const char *name)
{
    static const struct json_limits limits = {
        .max_bytes = 4 << 20, .max_depth = 64, .max_values = 1 << 20, .max_members = 4096};
    CLEANUP(arena_freep) struct arena *arena = arena_new(ARENA_BYTES);
    const char *shared = getenv("SHARED_DATA");
    struct tally tally = {.agreed = 0};
    char path[4096];
    struct json_doc doc;
    struct str text;
    struct err err;
    (void)snprintf(path, sizeof path, "%s/wycheproof/%s", shared == NULL ? "/none" : shared, name);
    assert_ok(file_read(arena, path, limits.max_bytes, &text, &err), err);
    assert_ok(json_parse(text, &limits, arena, &doc, &err), err);
    json_pos groups = json_get(&doc, 0, STR("testGroups"));
    for (json_pos g = json_first(&doc, groups); g != JSON_NONE; g = json_next(&doc, groups, g))
        judge_group(&doc, g, arena, &tally);
    return tally;
}

static void signatures_agree(void **state)
{
    (void)state;
    struct tally tally = judge_file("json_web_signature_test.json");
    assert_true(tally.agreed >= 350);
    assert_true(tally.refused > 0);
}

static void keys_agree(void **state)
{
    (void)state;
    assert_true(judge_file("json_web_key_test.json").agreed >= 10);
}

static void signatures_and_keys_agree(void **state)
{
    (void)state;
    assert_true(judge_file("json_web_crypto_test.json").agreed >= 25);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signatures_agree),
        cmocka_unit_test(keys_agree),
        cmocka_unit_test(signatures_and_keys_agree),
    };
    const char *shared = getenv("SHARED_DATA");
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/wycheproof/json_web_key_test.json",
                   shared == NULL ? "/none" : shared);
    if (access(path, R_OK) != 0) {
        printf("1..1\nok 1 - jwt_wycheproof # SKIP there is no %s\n", path);
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
