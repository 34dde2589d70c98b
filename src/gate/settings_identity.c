/*
 * The section `identity`: which providers are trusted, and what their tokens make of a caller.
 */
#include <string.h>

#include "base/pkey.h"
#include "gate/settings_read.h"
#include "identity/client_document.h"

enum { MAX_PROVIDERS = 32, INTROSPECTION_SECONDS = 60, MAX_INTROSPECTION_SECONDS = 86400 };

typedef enum err_code read_provider_fn(struct reader *r, const struct yaml_node *node,
                                       struct provider *provider, struct err *err);

/* An issuer is compared byte for byte; what is checked is that it is a URL that keys may come from.
 */
static enum err_code read_https(const struct yaml_node *node, struct str *ret_url, struct err *err)
{
    struct url url;
    struct err why;
    enum err_code code = settings_read_text(node, "a URL", ret_url, err);

    if (code != ERR_OK)
        return code;
    if (url_parse(*ret_url, &url, &why) != ERR_OK)
        return yaml_err(node, err, "%s", why.text);
    if (!url.is_https && !str_starts(url.host, STR("127.")) &&
        !str_eq(url.host, STR("localhost")) && !str_eq(url.host, STR("::1")))
        return yaml_err(node, err, "keys come over https alone, but on loopback");
    return ERR_OK;
}

static enum err_code read_issuer(struct reader *r, const struct yaml_node *node,
                                 struct provider *provider, struct err *err)
{
    (void)r;
    return read_https(node, &provider->issuer, err);
}

static enum err_code read_jwks_url(struct reader *r, const struct yaml_node *node,
                                   struct provider *provider, struct err *err)
{
    (void)r;
    return read_https(node, &provider->jwks_url, err);
}

static enum err_code read_ca(struct reader *r, const struct yaml_node *node,
                             struct provider *provider, struct err *err)
{
    return settings_read_path(r, node, &provider->ca_file, err);
}

static enum err_code read_audiences(struct reader *r, const struct yaml_node *node,
                                    struct provider *provider, struct err *err)
{
    return settings_read_texts(r, node, "an audience", &provider->audiences,
                               &provider->audience_count, err);
}

static enum err_code read_subject_claim(struct reader *r, const struct yaml_node *node,
                                        struct provider *provider, struct err *err)
{
    (void)r;
    return settings_read_text(node, "the name of a claim", &provider->subject_claim, err);
}

/* What of a provisioned user is the subject of its tokens. */
static enum err_code read_scim(struct reader *r, const struct yaml_node *node,
                               struct provider *provider, struct err *err)
{
    struct str word = STR_NONE;
    enum err_code code = settings_read_text(node, "externalId or userName", &word, err);

    (void)r;
    if (code != ERR_OK)
        return code;
    if (str_eq(word, STR("externalId")))
        provider->provisioned_by = PROVISIONED_BY_EXTERNAL_ID;
    else if (str_eq(word, STR("userName")))
        provider->provisioned_by = PROVISIONED_BY_USER_NAME;
    else
        return yaml_err(node, err,
                        "scim says which attribute of a provisioned user is the subject of its "
                        "tokens: externalId or userName");
    return ERR_OK;
}

static enum err_code read_groups_claim(struct reader *r, const struct yaml_node *node,
                                       struct provider *provider, struct err *err)
{
    (void)r;
    return settings_read_text(node, "the name of a claim", &provider->groups_claim, err);
}

static enum err_code read_email_claim(struct reader *r, const struct yaml_node *node,
                                      struct provider *provider, struct err *err)
{
    (void)r;
    return settings_read_text(node, "the name of a claim", &provider->email_claim, err);
}

static enum err_code read_name_claim(struct reader *r, const struct yaml_node *node,
                                     struct provider *provider, struct err *err)
{
    (void)r;
    return settings_read_text(node, "the name of a claim", &provider->name_claim, err);
}

static enum err_code read_email_domains(struct reader *r, const struct yaml_node *node,
                                        struct provider *provider, struct err *err)
{
    return settings_read_texts(r, node, "a domain like example.com", &provider->email_domains,
                               &provider->email_domain_count, err);
}

static enum err_code read_client_id(struct reader *r, const struct yaml_node *node,
                                    struct provider *provider, struct err *err)
{
    (void)r;
    return settings_read_text(node, "the id of this gateway there", &provider->client_id, err);
}

static enum err_code read_client_secret(struct reader *r, const struct yaml_node *node,
                                        struct provider *provider, struct err *err)
{
    (void)r;
    return settings_read_text(node, "the name of a secret", &provider->client_secret, err);
}

/* RFC 8725 §3.1: what this issuer signs with, and nothing else. */
static enum err_code read_algorithms(struct reader *r, const struct yaml_node *node,
                                     struct provider *provider, struct err *err)
{
    const struct str *words = NULL;
    size_t count = 0;
    uint32_t taken = 0;
    enum err_code code = settings_read_texts(r, node, "an algorithm", &words, &count, err);

    for (size_t i = 0; code == ERR_OK && i < count; i++) {
        enum pkey_alg alg;

        if (!pkey_alg_parse(words[i], &alg))
            return yaml_err(node, err,
                            "'" STR_FMT "' is no algorithm; there are RS256, RS384, RS512, PS256, "
                            "PS384, PS512, ES256, ES384, ES512, EdDSA",
                            STR_ARG(words[i]));
        taken |= PKEY_ALG_BIT(alg);
    }
    if (code == ERR_OK && taken == 0)
        return yaml_err(node, err, "without any algorithm no token would count");
    provider->refused_algs = PKEY_ALG_SET_ALL & ~taken;
    return code;
}

static enum err_code read_workloads(struct reader *r, const struct yaml_node *node,
                                    struct provider *provider, struct err *err)
{
    (void)r;
    return settings_read_bool(node, &provider->is_workloads, err);
}

static enum err_code read_counts_once(struct reader *r, const struct yaml_node *node,
                                      struct provider *provider, struct err *err)
{
    (void)r;
    return settings_read_bool(node, &provider->counts_once, err);
}

static enum err_code read_cache_seconds(const struct yaml_node *node, struct provider *provider,
                                        struct err *err)
{
    struct str text = STR_NONE;
    uint64_t seconds = 0;
    enum err_code code = settings_read_text(node, "seconds", &text, err);

    if (code != ERR_OK)
        return code;
    if (!str_u64(text, &seconds) || seconds == 0 || seconds > MAX_INTROSPECTION_SECONDS)
        return yaml_err(node, err, "expected seconds from 1 to %d", MAX_INTROSPECTION_SECONDS);
    provider->introspection_seconds = (int64_t)seconds;
    return ERR_OK;
}

/* true, or {url, cache_seconds} */
static enum err_code read_introspection(struct reader *r, const struct yaml_node *node,
                                        struct provider *provider, struct err *err)
{
    bool is_on = true;
    enum err_code code = ERR_OK;

    (void)r;
    if (node->kind != YAML_MAPPING)
        code = settings_read_bool(node, &is_on, err);
    provider->introspection_seconds = is_on ? INTROSPECTION_SECONDS : 0;
    for (const struct yaml_node *each = node->kind == YAML_MAPPING ? node->first : NULL;
         each != NULL && code == ERR_OK; each = each->next) {
        if (str_eq(each->name->text, STR("url")))
            code = read_https(each, &provider->introspection_url, err);
        else if (str_eq(each->name->text, STR("cache_seconds")))
            code = read_cache_seconds(each, provider, err);
        else
            code = yaml_err(each->name, err, "introspection takes url and cache_seconds");
    }
    return code;
}

/* {clients: [ID, …], stored: true} */
static enum err_code read_ema(struct reader *r, const struct yaml_node *node,
                              struct provider *provider, struct err *err)
{
    const struct yaml_node *clients = yaml_find(node, STR("clients"));
    const struct yaml_node *stored = yaml_find(node, STR("stored"));
    size_t known = (size_t)((clients != NULL) + (stored != NULL));

    if (node->kind != YAML_MAPPING || known == 0 || node->count != known)
        return yaml_err(node, err, "ema takes {clients: [ID, …], stored: true}");
    if (stored != NULL && settings_read_bool(stored, &provider->takes_stored, err) != ERR_OK)
        return err->code;
    if (clients == NULL)
        return ERR_OK;
    return settings_read_texts(r, clients, "the id of a client", &provider->ema_clients,
                               &provider->ema_client_count, err);
}

/* The name stands in ids, before a colon. */
static enum err_code read_name(struct reader *r, const struct yaml_node *node,
                               struct provider *provider, struct err *err)
{
    static const char legal[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
    enum err_code code = settings_read_text(node, "a short name", &provider->name, err);

    (void)r;
    if (code != ERR_OK)
        return code;
    for (size_t i = 0; i < provider->name.len; i++) {
        if (memchr(legal, provider->name.ptr[i], sizeof legal - 1) == NULL)
            return yaml_err(node, err, "the name of a provider takes a-z, 0-9 and '-'");
    }
    if (str_eq(provider->name, STR(PROVIDER_LOCAL)))
        return yaml_err(node, err, "the name '" PROVIDER_LOCAL "' is that of the local sign-in");
    return ERR_OK;
}

static const struct {
    const char *name;
    read_provider_fn *read;
} provider_keys[] = {
    {"name", read_name},
    {"issuer", read_issuer},
    {"jwks_url", read_jwks_url},
    {"ca", read_ca},
    {"audiences", read_audiences},
    {"subject_claim", read_subject_claim},
    {"scim", read_scim},
    {"groups_claim", read_groups_claim},
    {"email_claim", read_email_claim},
    {"name_claim", read_name_claim},
    {"email_domains", read_email_domains},
    {"client_id", read_client_id},
    {"client_secret", read_client_secret},
    {"ema", read_ema},
    {"workloads", read_workloads},
    {"single_use", read_counts_once},
    {"algorithms", read_algorithms},
    {"introspection", read_introspection},
};

static enum err_code read_provider_key(struct reader *r, const struct yaml_node *node,
                                       struct provider *provider, struct err *err)
{
    for (size_t i = 0; i < ARRAY_LEN(provider_keys); i++) {
        if (str_eq(str_c(provider_keys[i].name), node->name->text))
            return provider_keys[i].read(r, node, provider, err);
    }
    return yaml_err(node->name, err,
                    "unknown key '" STR_FMT
                    "'; a provider takes name, issuer, jwks_url, ca, audiences, subject_claim, "
                    "scim, groups_claim, "
                    "email_claim, name_claim, email_domains, client_id, client_secret, ema, "
                    "workloads, single_use, algorithms, "
                    "introspection",
                    STR_ARG(node->name->text));
}

static enum err_code read_provider(struct reader *r, const struct yaml_node *node,
                                   struct provider *provider, struct err *err)
{
    enum err_code code = settings_want(node, YAML_MAPPING, "{name, issuer, …}", err);

    *provider = (struct provider){.groups_claim = STR_INIT("groups"),
                                  .email_claim = STR_INIT("email"),
                                  .name_claim = STR_INIT("name")};
    for (const struct yaml_node *each = code == ERR_OK ? node->first : NULL;
         each != NULL && code == ERR_OK; each = each->next)
        code = read_provider_key(r, each, provider, err);
    if (code == ERR_OK && (provider->name.len == 0 || provider->issuer.len == 0))
        code = yaml_err(node, err, "a provider needs name and issuer");
    return code;
}

/* An opaque token does not say whose it is: one provider alone can be asked. */
static enum err_code check_introspection(const struct yaml_node *node,
                                         const struct identity_rules *rules, struct err *err)
{
    const struct provider *last = &rules->providers[rules->provider_count - 1];

    if (last->introspection_seconds == 0)
        return ERR_OK;
    if (provider_for_introspection(rules) != last)
        return yaml_err(node, err, "only one provider can have introspection");
    if (last->client_id.len == 0 || last->client_secret.len == 0)
        return yaml_err(node, err, "introspection needs client_id and client_secret");
    return ERR_OK;
}

static enum err_code check_distinct(const struct yaml_node *node, const struct provider *providers,
                                    size_t count, struct err *err)
{
    const struct provider *last = &providers[count - 1];

    for (size_t i = 0; i + 1 < count; i++) {
        if (str_eq(providers[i].name, last->name))
            return yaml_err(node, err, "two providers have the name '" STR_FMT "'",
                            STR_ARG(last->name));
        if (str_eq(providers[i].issuer, last->issuer))
            return yaml_err(node, err, "two providers have the issuer '" STR_FMT "'",
                            STR_ARG(last->issuer));
    }
    return ERR_OK;
}

static enum err_code read_providers(struct reader *r, const struct yaml_node *node, struct err *err)
{
    struct identity_rules *rules = &r->settings->identity;
    struct provider *providers = arena_calloc(r->arena, MAX_PROVIDERS, sizeof *providers);
    enum err_code code = settings_want(node, YAML_SEQUENCE, "a list of providers", err);

    if (code != ERR_OK)
        return code;
    if (providers == NULL)
        return settings_out_of_memory(err);
    if (node->count > MAX_PROVIDERS)
        return yaml_err(node, err, "at most %d providers", MAX_PROVIDERS);
    rules->providers = providers;
    for (const struct yaml_node *each = node->first; each != NULL && code == ERR_OK;
         each = each->next) {
        code = read_provider(r, each, &providers[rules->provider_count++], err);
        if (code == ERR_OK)
            code = check_distinct(each, providers, rules->provider_count, err);
        if (code == ERR_OK)
            code = check_introspection(each, rules, err);
    }
    return code;
}

/* PROVIDER:E-MAIL */
static enum err_code read_owner(const struct yaml_node *node, struct owner_rule *owner,
                                struct err *err)
{
    struct str text = STR_NONE;
    enum err_code code =
        settings_read_text(node, "PROVIDER:E-MAIL, corp:ann@example.com for example", &text, err);

    if (code != ERR_OK)
        return code;
    owner->email = text;
    owner->provider = str_cut(&owner->email, ':');
    if (owner->email.len == 0 || str_find(owner->email, '@') == owner->email.len)
        return yaml_err(node, err, "expected PROVIDER:E-MAIL, corp:ann@example.com for example");
    return ERR_OK;
}

static enum err_code read_owners(struct reader *r, const struct yaml_node *node, struct err *err)
{
    struct identity_rules *rules = &r->settings->identity;
    struct owner_rule *owners = arena_calloc(r->arena, node->count + 1, sizeof *owners);
    enum err_code code = settings_want(node, YAML_SEQUENCE, "a list of owners", err);

    if (code != ERR_OK)
        return code;
    if (owners == NULL)
        return settings_out_of_memory(err);
    for (const struct yaml_node *each = node->first; each != NULL && code == ERR_OK;
         each = each->next)
        code = read_owner(each, &owners[rules->owner_count++], err);
    rules->owners = owners;
    return code;
}

static enum err_code read_client_key(struct reader *r, const struct yaml_node *node,
                                     struct oauth_client *client, struct err *err)
{
    struct str name = node->name->text;

    if (str_eq(name, STR("id")))
        return settings_read_text(node, "the id of a client", &client->id, err);
    if (str_eq(name, STR("secret")))
        return settings_read_text(node, "the name of a secret", &client->secret, err);
    if (str_eq(name, STR("jwks_url")))
        return read_https(node, &client->keys.jwks_url, err);
    if (str_eq(name, STR("ca")))
        return settings_read_path(r, node, &client->keys.ca_file, err);
    if (str_eq(name, STR("exchange")))
        return settings_read_bool(node, &client->may_exchange, err);
    if (str_eq(name, STR("robot")))
        return settings_read_text(node, "the name of a robot", &client->robot, err);
    return yaml_err(node->name, err,
                    "unknown key '" STR_FMT
                    "'; a client takes id, secret, jwks_url, ca, exchange, robot",
                    STR_ARG(name));
}

static enum err_code read_client(struct reader *r, const struct yaml_node *node,
                                 struct oauth_client *client, struct err *err)
{
    enum err_code code = settings_want(node, YAML_MAPPING, "{id, secret}", err);

    for (const struct yaml_node *each = code == ERR_OK ? node->first : NULL;
         each != NULL && code == ERR_OK; each = each->next)
        code = read_client_key(r, each, client, err);
    client->keys.name = client->id;
    client->keys.issuer = client->id;
    if (code == ERR_OK &&
        (client->id.len == 0 || (client->secret.len == 0) == (client->keys.jwks_url.len == 0)))
        code = yaml_err(node, err,
                        "a client needs id, and either secret (a name in secrets_dir) or jwks_url");
    return code;
}

static enum err_code read_clients(struct reader *r, const struct yaml_node *node, struct err *err)
{
    struct identity_rules *rules = &r->settings->identity;
    struct oauth_client *clients = arena_calloc(r->arena, node->count + 1, sizeof *clients);
    enum err_code code = settings_want(node, YAML_SEQUENCE, "a list of clients", err);

    if (code != ERR_OK)
        return code;
    if (clients == NULL)
        return settings_out_of_memory(err);
    for (const struct yaml_node *each = node->first; each != NULL && code == ERR_OK;
         each = each->next) {
        struct oauth_client client = {.id = STR_NONE};

        code = read_client(r, each, &client, err);
        if (code == ERR_OK && provider_client(rules, client.id) != NULL)
            code = yaml_err(each, err, "two clients have the id '" STR_FMT "'", STR_ARG(client.id));
        clients[rules->client_count++] = client;
        rules->clients = clients;
    }
    return code;
}

static enum err_code read_interactive(struct reader *r, const struct yaml_node *node,
                                      struct err *err)
{
    struct str text = STR_NONE;
    enum err_code code = settings_read_text(node, "human or delegated", &text, err);

    if (code != ERR_OK)
        return code;
    if (!str_eq(text, STR("human")) && !str_eq(text, STR("delegated")))
        return yaml_err(node, err, "expected human or delegated");
    r->settings->identity.interactive_clients =
        str_eq(text, STR("human")) ? INTERACTIVE_HUMAN : INTERACTIVE_DELEGATED;
    return ERR_OK;
}

static enum err_code read_agents(struct reader *r, const struct yaml_node *node, struct err *err)
{
    return settings_read_texts(r, node, "the id of a client", &r->settings->identity.agents,
                               &r->settings->identity.agent_count, err);
}

static enum err_code read_registration(struct reader *r, const struct yaml_node *node,
                                       struct err *err)
{
    bool is_on = true;
    enum err_code code = settings_read_bool(node, &is_on, err);

    r->settings->identity.refuses_registration = !is_on;
    return code;
}

static enum err_code read_local_sign_in(struct reader *r, const struct yaml_node *node,
                                        struct err *err)
{
    bool is_on = false;
    enum err_code code = settings_read_bool(node, &is_on, err);

    r->settings->identity.local_sign_in = is_on ? LOCAL_SIGN_IN_ON : LOCAL_SIGN_IN_OFF;
    return code;
}

/* An owner whose provider nobody trusts would lock the door and throw away the key. */
static enum err_code check_owners(const struct yaml_node *node, const struct identity_rules *rules,
                                  struct err *err)
{
    for (size_t i = 0; i < rules->owner_count; i++) {
        size_t j = 0;

        while (j < rules->provider_count &&
               !str_eq(rules->providers[j].name, rules->owners[i].provider))
            j++;
        if (j == rules->provider_count)
            return yaml_err(node, err, "owners: there is no provider '" STR_FMT "'",
                            STR_ARG(rules->owners[i].provider));
    }
    return ERR_OK;
}

/* A client of the settings, or one whose document is believed. */
static bool is_client(const struct identity_rules *rules, struct str id)
{
    return provider_client(rules, id) != NULL ||
           client_document_check_url(&rules->client_documents, id, NULL) == ERR_OK;
}

/* Who may redeem something must be able to say who it is. */
static enum err_code check_ema(const struct yaml_node *node, const struct identity_rules *rules,
                               struct err *err)
{
    for (size_t i = 0; i < rules->provider_count; i++) {
        const struct provider *provider = &rules->providers[i];

        for (size_t j = 0; j < provider->ema_client_count; j++)
            if (!is_client(rules, provider->ema_clients[j]))
                return yaml_err(node, err,
                                "ema: '" STR_FMT
                                "' is none of identity.clients, nor the URL of a client document "
                                "that is believed",
                                STR_ARG(provider->ema_clients[j]));
    }
    return ERR_OK;
}

static const struct {
    const char *name;
    enum err_code (*read)(struct reader *r, const struct yaml_node *node, struct err *err);
} keys[] = {
    {"providers", read_providers},
    {"owners", read_owners},
    {"interactive_clients", read_interactive},
    {"agents", read_agents},
    {"clients", read_clients},
    {"registration", read_registration},
    {"local_sign_in", read_local_sign_in},
    {"client_documents", settings_read_client_documents},
};

static enum err_code read_key(struct reader *r, const struct yaml_node *node, struct err *err)
{
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        if (str_eq(str_c(keys[i].name), node->name->text))
            return keys[i].read(r, node, err);
    }
    return yaml_err(
        node->name, err,
        "unknown key 'identity." STR_FMT
        "'; it takes providers, owners, interactive_clients, agents, clients, registration, "
        "local_sign_in, client_documents",
        STR_ARG(node->name->text));
}

enum err_code settings_read_identity(struct reader *r, const struct yaml_node *node,
                                     struct err *err)
{
    enum err_code code = settings_want(node, YAML_MAPPING, "a mapping", err);

    for (const struct yaml_node *each = code == ERR_OK ? node->first : NULL;
         each != NULL && code == ERR_OK; each = each->next)
        code = read_key(r, each, err);
    if (code == ERR_OK)
        code = check_owners(node, &r->settings->identity, err);
    return code == ERR_OK ? check_ema(node, &r->settings->identity, err) : code;
}
