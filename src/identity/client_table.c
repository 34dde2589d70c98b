#include "identity/client_table.h"

#include <stdlib.h>
#include <string.h>

#include "base/table.h"

struct client_table {
    struct arena *arena;
    struct table *by_id;   /* struct oauth_client */
    struct table *issuers; /* ids alone, of clients that redeem and publish their keys */
    struct table *blocked; /* ids alone */
};

static bool keep(struct arena *arena, struct str *text)
{
    *text = arena_dup(arena, *text);
    return text->ptr != NULL;
}

static bool keep_client(struct client_table *table, const struct client *from,
                        struct oauth_client *to)
{
    *to = (struct oauth_client){
        .id = from->id,
        .is_stored = true,
        .has_hash = from->has_secret,
        .keys = {.jwks_url = from->jwks_url},
        .jwks = from->jwks,
        .redeems = from->redeems,
        .robot_id = from->robot_id,
        .may_exchange = from->may_exchange,
        .is_agent = from->is_agent,
    };
    memcpy(to->hash, from->secret_hash, sizeof to->hash);
    return keep(table->arena, &to->id) && keep(table->arena, &to->keys.jwks_url) &&
           keep(table->arena, &to->jwks) && keep(table->arena, &to->redeems);
}

static bool add(struct table *table, struct str id, void *value)
{
    return id.len == 0 || table_get(table, id) != NULL || table_put(table, id, value, NULL);
}

static bool add_settings(struct client_table *table, const struct identity_rules *rules)
{
    for (size_t i = 0; i < rules->client_count; i++) {
        struct oauth_client *copy = arena_calloc(table->arena, 1, sizeof *copy);

        if (copy == NULL)
            return false;
        *copy = rules->clients[i];
        if (!add(table->by_id, copy->id, copy))
            return false;
    }
    for (size_t i = 0; i < rules->provider_count; i++) {
        const struct provider *provider = &rules->providers[i];

        for (size_t j = 0; j < provider->ema_client_count; j++)
            if (!add(table->issuers, provider->ema_clients[j], table))
                return false;
    }
    return true;
}

static bool add_stored(struct client_table *table, const struct token_table_input *input)
{
    struct oauth_client *clients =
        arena_calloc(table->arena, input->client_count + 1, sizeof *clients);

    if (clients == NULL)
        return false;
    for (size_t i = 0; i < input->client_count; i++) {
        if (!keep_client(table, &input->clients[i], &clients[i]) ||
            !add(table->by_id, clients[i].id, &clients[i]))
            return false;
    }
    for (size_t i = 0; i < input->mark_count; i++) {
        if (input->marks[i].blocked_us != 0 && !add(table->blocked, input->marks[i].id, table))
            return false;
    }
    return true;
}

struct client_table *client_table_new(const struct token_table_input *input)
{
    struct client_table *table = calloc(1, sizeof *table);

    if (table == NULL)
        return NULL;
    table->arena = arena_new(SIZE_MAX / 2);
    table->by_id = table_new();
    table->issuers = table_new();
    table->blocked = table_new();
    if (table->arena != NULL && table->by_id != NULL && table->issuers != NULL &&
        table->blocked != NULL && (input->rules == NULL || add_settings(table, input->rules)) &&
        add_stored(table, input))
        return table;
    client_table_free(table);
    return NULL;
}

void client_table_free(struct client_table *table)
{
    if (table == NULL)
        return;
    table_free(table->by_id);
    table_free(table->issuers);
    table_free(table->blocked);
    arena_free(table->arena);
    free(table);
}

enum err_code client_table_find(const struct client_table *table, struct str id,
                                struct arena *arena, struct oauth_client *ret_client,
                                struct err *err)
{
    const struct oauth_client *found = table_get(table->by_id, id);

    if (found == NULL)
        return err_set(err, ERR_NOT_FOUND, "there is no such client");
    struct oauth_client copy = *found;
    if (!keep(arena, &copy.id) || !keep(arena, &copy.redeems) || !keep(arena, &copy.jwks) ||
        !keep(arena, &copy.keys.jwks_url))
        return err_set(err, ERR_LIMIT, "memory is out");
    *ret_client = copy;
    return ERR_OK;
}

size_t client_table_count(const struct client_table *table)
{
    return table_count(table->by_id);
}

bool client_table_knows(const struct client_table *table, struct str id)
{
    return table_get(table->by_id, id) != NULL || table_get(table->issuers, id) != NULL;
}

bool client_table_is_agent(const struct client_table *table, struct str id)
{
    const struct oauth_client *client = table_get(table->by_id, id);

    return client != NULL && client->is_agent;
}

bool client_table_is_robot(const struct client_table *table, struct str id, int64_t robot_id,
                           struct str name)
{
    const struct oauth_client *client = table_get(table->by_id, id);

    if (client == NULL || robot_id == 0)
        return false;
    return client->is_stored ? client->robot_id == robot_id
                             : client->robot.len > 0 && str_eq(client->robot, name);
}

bool client_table_is_blocked(const struct client_table *table, struct str id)
{
    return table_get(table->blocked, id) != NULL;
}

bool client_table_blocks(const struct client_table *table, const struct caller *caller)
{
    if (table_count(table->blocked) == 0)
        return false;
    for (struct str rest = caller->chain; rest.len > 0;) {
        if (client_table_is_blocked(table, str_trim(str_cut(&rest, '<'))))
            return true;
    }
    return client_table_is_blocked(table, caller->client_id);
}
