#include "unit.h"

#include "base/base64.h"
#include "base/crc32.h"
#include "identity/tokens.h"

static const enum token_kind kinds[] = {TOKEN_ROBOT, TOKEN_USER, TOKEN_ADMIN};

static enum token_form form_of(struct str text)
{
    enum token_kind kind = TOKEN_ADMIN;
    return token_check_form(text, &kind);
}

static void a_minted_token_has_the_form_of_its_kind(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        char text[TOKEN_TEXT_LEN + 1];
        token_mint(kinds[i], text);
        assert_int_equal(strlen(text), TOKEN_TEXT_LEN);
        assert_true(str_starts(str_c(text), str_c(token_prefix(kinds[i]))));
        enum token_kind kind = kinds[(i + 1) % ARRAY_LEN(kinds)];
        assert_int_equal(token_check_form(str_c(text), &kind), TOKEN_FORM_OK);
        assert_int_equal(kind, kinds[i]);
    }
}

static void no_two_tokens_or_ids_are_alike(void **state)
{
    (void)state;
    enum { MANY = 200 };
    static char texts[MANY][TOKEN_TEXT_LEN + 1];
    static char ids[MANY][TOKEN_ID_LEN + 1];
    for (size_t i = 0; i < MANY; i++) {
        token_mint(TOKEN_ROBOT, texts[i]);
        token_mint_id(ids[i]);
        assert_int_equal(strlen(ids[i]), TOKEN_ID_LEN);
        assert_int_equal(ids[i][0], 't');
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(texts[i], texts[j]);
            assert_string_not_equal(ids[i], ids[j]);
        }
    }
}

static void every_changed_byte_is_seen_before_any_hashing(void **state)
{
    (void)state;
    char text[TOKEN_TEXT_LEN + 1];
    token_mint(TOKEN_ROBOT, text);
    for (size_t at = 0; at < TOKEN_TEXT_LEN; at++) {
        char good = text[at];
        for (int byte = 0; byte < 256; byte++) {
            text[at] = (char)byte;
            enum token_form form = form_of(str_of(text, TOKEN_TEXT_LEN));
            if (text[at] == good)
                assert_int_equal(form, TOKEN_FORM_OK);
            else
                assert_int_not_equal(form, TOKEN_FORM_OK);
        }
        text[at] = good;
    }
}

static void a_typo_is_told_apart_from_what_is_no_token(void **state)
{
    (void)state;
    char text[TOKEN_TEXT_LEN + 2];
    token_mint(TOKEN_ADMIN, text);
    text[20] = text[20] == 'a' ? 'b' : 'a';
    assert_int_equal(form_of(str_c(text)), TOKEN_FORM_TYPO);
    text[20] = '-';
    assert_int_equal(form_of(str_c(text)), TOKEN_FORM_ALIEN);
}

static void what_is_no_token_is_alien_whatever_its_form(void **state)
{
    (void)state;
    char text[TOKEN_TEXT_LEN + 2];
    token_mint(TOKEN_ROBOT, text);
    for (size_t len = 0; len < TOKEN_TEXT_LEN; len++)
        assert_int_equal(form_of(str_of(text, len)), TOKEN_FORM_ALIEN);
    text[TOKEN_TEXT_LEN] = '0';
    assert_int_equal(form_of(str_of(text, TOKEN_TEXT_LEN + 1)), TOKEN_FORM_ALIEN);
    text[TOKEN_TEXT_LEN] = '\0';
    assert_int_equal(form_of(str_of(text, TOKEN_TEXT_LEN + 1)), TOKEN_FORM_ALIEN);
    text[TOKEN_TEXT_LEN] = '\n';
    assert_int_equal(form_of(str_of(text, TOKEN_TEXT_LEN + 1)), TOKEN_FORM_ALIEN);

    static const char *const others[] = {
        "PRR_", "prx_", "prr-", "Prr_", "prr\xef", "ghp_", "    ",
    };
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        token_mint(TOKEN_ROBOT, text);
        memcpy(text, others[i], 4);
        /* Even with a checksum that fits. */
        base62_encode_u32(crc32_ieee(text, TOKEN_TEXT_LEN - 6), text + TOKEN_TEXT_LEN - 6);
        assert_int_equal(form_of(str_of(text, TOKEN_TEXT_LEN)), TOKEN_FORM_ALIEN);
    }
    assert_int_equal(form_of(STR_NONE), TOKEN_FORM_ALIEN);
    assert_int_equal(form_of(STR("eyJhbGciOiJub25lIn0.e30.")), TOKEN_FORM_ALIEN);
}

static void the_kept_hash_depends_on_token_and_pepper(void **state)
{
    (void)state;
    uint8_t pepper[TOKEN_PEPPER_BYTES] = {1};
    uint8_t other[TOKEN_PEPPER_BYTES] = {2};
    uint8_t hash[TOKEN_HASH_BYTES];
    uint8_t again[TOKEN_HASH_BYTES];
    token_hash(pepper, STR("prr_x"), hash);
    token_hash(pepper, STR("prr_x"), again);
    assert_memory_equal(hash, again, sizeof hash);
    token_hash(other, STR("prr_x"), again);
    assert_memory_not_equal(hash, again, sizeof hash);
    token_hash(pepper, STR("prr_y"), again);
    assert_memory_not_equal(hash, again, sizeof hash);
    /* HMAC-SHA-256 of "prr_x" under 01 00 … 00. */
    static const char expected[] =
        "93eb29c7617fc6482216b7b1d5a42019d962234a066a5eb8b70c098f1f10c615";
    char hex[2 * TOKEN_HASH_BYTES + 1] = {0};
    hex_encode(hash, sizeof hash, hex);
    assert_string_equal(hex, expected);
}

static void the_token_of_an_authorization_header_is_read_strictly(void **state)
{
    (void)state;
    struct str token = STR_NONE;
    assert_true(token_of_authorization(STR("Bearer abc"), &token));
    assert_str(token, "abc");
    assert_true(token_of_authorization(STR("bEARER   a-b.c_d~e+f/g=="), &token));
    assert_str(token, "a-b.c_d~e+f/g==");

    static const char *const refused[] = {
        "",           "Bearer",     "Bearer ",          "Bearer  ",         "Bearerabc",
        "Basic abc",  " Bearer a",  "Bearer\tabc",      "Bearer a b",       "Bearer a,b",
        "Bearer a ",  "Bearer =",   "Bearer a=b",       "Bearer \"a\"",     "Bearer a\x80",
        "Bearer a\r", "Bearer a\n", "Bearer token=abc", "Bearer a, Bearer", "Token abc",
    };
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        token = STR("untouched");
        assert_false(token_of_authorization(str_c(refused[i]), &token));
        assert_str(token, "untouched");
    }
    assert_false(token_of_authorization(str_of("Bearer a\0b", 10), &token));
}

static void a_token_ends_soon_unless_another_took_its_place(void **state)
{
    (void)state;
    enum { NOW = 1000 };
    struct token tokens[] = {
        {.kind = TOKEN_ROBOT, .robot_id = 1, .created_us = 10, .expires_us = NOW + TOKEN_SOON_US},
        {.kind = TOKEN_ROBOT, .robot_id = 2, .created_us = 20},
    };
    assert_true(token_ends_soon(tokens, 2, &tokens[0], NOW));
    assert_false(token_ends_soon(tokens, 2, &tokens[1], NOW));
    assert_false(token_ends_soon(tokens, 2, &tokens[0], NOW - 1));
    assert_false(token_ends_soon(tokens, 2, &tokens[0], NOW + TOKEN_SOON_US));

    tokens[1].robot_id = 1;
    assert_false(token_ends_soon(tokens, 2, &tokens[0], NOW));
    tokens[1].expires_us = tokens[0].expires_us;
    assert_true(token_ends_soon(tokens, 2, &tokens[0], NOW));
    tokens[1].expires_us = tokens[0].expires_us + 1;
    assert_false(token_ends_soon(tokens, 2, &tokens[0], NOW));
    tokens[1].revoked_us = NOW;
    assert_true(token_ends_soon(tokens, 2, &tokens[0], NOW));
    tokens[1].revoked_us = 0;
    tokens[1].created_us = 9;
    assert_true(token_ends_soon(tokens, 2, &tokens[0], NOW));
    tokens[0].revoked_us = NOW;
    assert_false(token_ends_soon(tokens, 2, &tokens[0], NOW));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_minted_token_has_the_form_of_its_kind),
        cmocka_unit_test(no_two_tokens_or_ids_are_alike),
        cmocka_unit_test(every_changed_byte_is_seen_before_any_hashing),
        cmocka_unit_test(a_typo_is_told_apart_from_what_is_no_token),
        cmocka_unit_test(what_is_no_token_is_alien_whatever_its_form),
        cmocka_unit_test(the_kept_hash_depends_on_token_and_pepper),
        cmocka_unit_test(the_token_of_an_authorization_header_is_read_strictly),
        cmocka_unit_test(a_token_ends_soon_unless_another_took_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
