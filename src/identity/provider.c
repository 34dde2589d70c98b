#include "identity/provider.h"

/* Its issuer is no URL, so that nobody outside can be it. */
static const struct provider local = {.name = STR_INIT(PROVIDER_LOCAL),
                                      .issuer = STR_INIT(PROVIDER_LOCAL),
                                      .groups_claim = STR_INIT("groups"),
                                      .email_claim = STR_INIT("email"),
                                      .name_claim = STR_INIT("name")};

bool provider_has_local(const struct identity_rules *rules)
{
    return rules->local_sign_in == LOCAL_SIGN_IN_ON ||
           (rules->local_sign_in == LOCAL_SIGN_IN_FIRST && rules->provider_count == 0);
}

bool provider_is_local(const struct provider *provider)
{
    return provider == &local;
}

bool provider_is_any(const struct identity_rules *rules)
{
    return rules->provider_count > 0 || provider_has_local(rules);
}

const struct provider *provider_for_login(const struct identity_rules *rules, size_t index)
{
    size_t left = index;

    for (size_t i = 0; i < rules->provider_count; i++) {
        if (rules->providers[i].client_id.len > 0 && left-- == 0)
            return &rules->providers[i];
    }
    return left == 0 && provider_has_local(rules) ? &local : NULL;
}

const struct provider *provider_for_introspection(const struct identity_rules *rules)
{
    for (size_t i = 0; i < rules->provider_count; i++) {
        if (rules->providers[i].introspection_seconds > 0)
            return &rules->providers[i];
    }
    return NULL;
}

const struct provider *provider_by_issuer(const struct identity_rules *rules, struct str issuer)
{
    for (size_t i = 0; i < rules->provider_count; i++) {
        if (str_eq(rules->providers[i].issuer, issuer))
            return &rules->providers[i];
    }
    return NULL;
}

bool provider_is_agent(const struct identity_rules *rules, struct str client_id)
{
    for (size_t i = 0; i < rules->agent_count; i++) {
        if (str_glob(rules->agents[i], client_id))
            return true;
    }
    return false;
}

bool provider_may_state(const struct provider *provider, struct str email)
{
    size_t at = email.len;

    if (provider->email_domain_count == 0)
        return true;
    while (at > 0 && email.ptr[at - 1] != '@')
        at--;
    for (size_t i = 0; at > 0 && i < provider->email_domain_count; i++) {
        if (str_eq_nocase(str_from(email, at), provider->email_domains[i]))
            return true;
    }
    return false;
}

bool provider_has_clients(const struct identity_rules *rules)
{
    for (size_t i = 0; i < rules->client_count; i++) {
        if (rules->clients[i].may_exchange || rules->clients[i].robot.len > 0)
            return true;
    }
    return provider_has_ema(rules);
}

struct provider provider_own(const struct provider *vouches)
{
    return (struct provider){
        .name = vouches->name,
        .issuer = vouches->issuer,
        .groups_claim = STR_INIT("groups"),
        .email_claim = STR_INIT("email"),
        .name_claim = STR_INIT("name"),
        .provisioned_by = vouches->provisioned_by,
    };
}

bool provider_provisions(const struct identity_rules *rules, struct str name)
{
    const struct provider *provider =
        rules == NULL || name.len == 0 ? NULL : provider_by_name(rules, name);

    return provider != NULL && provider->provisioned_by != PROVISIONED_NOT;
}

bool provider_has_workloads(const struct identity_rules *rules)
{
    for (size_t i = 0; i < rules->provider_count; i++) {
        if (rules->providers[i].is_workloads)
            return true;
    }
    return false;
}

bool provider_has_ema(const struct identity_rules *rules)
{
    for (size_t i = 0; i < rules->provider_count; i++) {
        if (rules->providers[i].ema_client_count > 0 || rules->providers[i].takes_stored)
            return true;
    }
    return false;
}

/* The list of the settings is of clients that the settings, or their own documents, describe: an
 * administrator can't put keys of their own behind one of its ids. */
bool provider_takes_client(const struct provider *provider, const struct oauth_client *client)
{
    if (client->is_stored)
        return provider->takes_stored && str_eq(client->redeems, provider->name);
    for (size_t i = 0; i < provider->ema_client_count; i++) {
        if (str_eq(provider->ema_clients[i], client->id))
            return true;
    }
    return false;
}

const struct provider *provider_by_name(const struct identity_rules *rules, struct str name)
{
    if (str_eq(name, local.name))
        return provider_has_local(rules) ? &local : NULL;
    for (size_t i = 0; i < rules->provider_count; i++) {
        if (str_eq(rules->providers[i].name, name))
            return &rules->providers[i];
    }
    return NULL;
}

const struct oauth_client *provider_client(const struct identity_rules *rules, struct str id)
{
    for (size_t i = 0; i < rules->client_count; i++) {
        if (str_eq(rules->clients[i].id, id))
            return &rules->clients[i];
    }
    return NULL;
}
