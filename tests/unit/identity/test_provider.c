#include "unit.h"

#include "identity/provider.h"

static const struct provider three[] = {
    {.name = STR_INIT("corp"), .issuer = STR_INIT("https://a"), .client_id = STR_INIT("p")},
    {.name = STR_INIT("api"), .issuer = STR_INIT("https://b")},
    {.name = STR_INIT("lab"), .issuer = STR_INIT("https://c"), .client_id = STR_INIT("p")},
};

static void the_owner_signs_in_here_while_there_is_no_provider_or_the_settings_say_so(void **state)
{
    (void)state;
    static const struct {
        enum local_sign_in setting;
        size_t provider_count;
        bool has_local;
    } rows[] = {
        {LOCAL_SIGN_IN_FIRST, 0, true}, {LOCAL_SIGN_IN_FIRST, 1, false},
        {LOCAL_SIGN_IN_ON, 0, true},    {LOCAL_SIGN_IN_ON, 3, true},
        {LOCAL_SIGN_IN_OFF, 0, false},  {LOCAL_SIGN_IN_OFF, 3, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct identity_rules rules = {.providers = three,
                                             .provider_count = rows[i].provider_count,
                                             .local_sign_in = rows[i].setting};
        const struct provider *local = provider_by_name(&rules, STR("local"));
        assert_int_equal(provider_has_local(&rules), rows[i].has_local);
        assert_int_equal(local != NULL, rows[i].has_local);
        assert_int_equal(provider_is_any(&rules), rows[i].has_local || rows[i].provider_count > 0);
        if (local != NULL)
            assert_true(provider_is_local(local));
    }
}

static void people_sign_in_where_this_gateway_is_a_client_the_local_way_last(void **state)
{
    (void)state;
    struct identity_rules rules = {.providers = three, .provider_count = ARRAY_LEN(three)};
    assert_ptr_equal(provider_for_login(&rules, 0), &three[0]);
    assert_ptr_equal(provider_for_login(&rules, 1), &three[2]);
    assert_null(provider_for_login(&rules, 2));
    rules.local_sign_in = LOCAL_SIGN_IN_ON;
    assert_ptr_equal(provider_for_login(&rules, 1), &three[2]);
    assert_true(provider_is_local(provider_for_login(&rules, 2)));
    assert_null(provider_for_login(&rules, 3));
    rules.provider_count = 0;
    assert_true(provider_is_local(provider_for_login(&rules, 0)));
    rules.local_sign_in = LOCAL_SIGN_IN_OFF;
    assert_null(provider_for_login(&rules, 0));
}

static void no_token_from_outside_is_of_the_local_provider(void **state)
{
    (void)state;
    const struct identity_rules rules = {.local_sign_in = LOCAL_SIGN_IN_ON};
    assert_null(provider_by_issuer(&rules, STR("local")));
    assert_null(provider_by_issuer(&rules, STR_NONE));
    assert_null(provider_by_issuer(&rules, STR("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_owner_signs_in_here_while_there_is_no_provider_or_the_settings_say_so),
        cmocka_unit_test(people_sign_in_where_this_gateway_is_a_client_the_local_way_last),
        cmocka_unit_test(no_token_from_outside_is_of_the_local_provider),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
