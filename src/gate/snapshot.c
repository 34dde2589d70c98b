#include "gate/snapshot.h"

#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/crypto.h"
#include "base/table.h"
#include "catalog/names.h"
#include "catalog/review.h"

enum { ARENA_BYTES = 512 << 20 };

struct snapshot {
    atomic_uint refs;
    struct arena *arena;
    uint64_t version;
    struct snapshot_server *servers;
    size_t server_count;
    struct snapshot_tool *tools;
    size_t tool_count;
    struct table *by_name; /* servers */
    struct names *names;
    struct str *grant_names;
    size_t grant_count;
    struct policy *policy;
    struct token_table *tokens;
};

/* What is worked on while a snapshot is made. */
struct maker {
    struct snapshot *snapshot;
    const struct store_view *view;
    const struct settings *settings;
    struct arena *scratch;
};

static enum err_code out_of_memory(struct err *err)
{
    return err_set(err, ERR_LIMIT, "the snapshot needs more memory than there is");
}

static void free_secret(void *object)
{
    secret_free(object);
}

/* Reads a secret; it lives and is wiped with the snapshot. */
static enum err_code take_secret(struct maker *m, struct str name, const struct secret **ret_secret,
                                 struct err *err)
{
    char path[PATH_MAX];
    struct secret *secret = NULL;
    enum err_code code = settings_secret_path(m->settings, name, path, sizeof path, err);

    if (code == ERR_OK)
        code = secret_read_file(path, &secret, err);
    if (code != ERR_OK)
        return code;
    if (!arena_defer(m->snapshot->arena, free_secret, secret)) {
        secret_free(secret);
        return out_of_memory(err);
    }
    *ret_secret = secret;
    return ERR_OK;
}

/* "Bearer " before the secret, in memory of the same kind. */
static enum err_code take_bearer(struct maker *m, struct str name, const struct secret **ret_secret,
                                 struct err *err)
{
    const struct secret *bare = NULL;
    char text[4096];
    enum err_code code = take_secret(m, name, &bare, err);

    if (code != ERR_OK)
        return code;
    struct str value = secret_reveal(bare);
    if (value.len + strlen("Bearer ") > sizeof text)
        return err_set(err, ERR_LIMIT, "secret '" STR_FMT "' is too long for a bearer token",
                       STR_ARG(name));
    memcpy(text, "Bearer ", strlen("Bearer "));
    memcpy(text + strlen("Bearer "), value.ptr, value.len);
    struct secret *whole = secret_new(str_of(text, strlen("Bearer ") + value.len));
    crypto_wipe(text, sizeof text);
    if (whole == NULL || !arena_defer(m->snapshot->arena, free_secret, whole)) {
        secret_free(whole);
        return out_of_memory(err);
    }
    *ret_secret = whole;
    return ERR_OK;
}

static bool is_header_value(struct str value)
{
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];

        if (c < 0x20 || c == 0x7f)
            return false;
    }
    return value.len > 0;
}

static enum err_code take_headers(struct maker *m, const struct server *row,
                                  struct snapshot_server *server, struct err *err)
{
    bool is_bearer = row->credential_type == CREDENTIAL_BEARER;
    size_t count = row->credential_mode != CREDENTIAL_SHARED ? 0
                   : is_bearer                               ? 1
                                                             : row->header_count;
    struct snapshot_header *headers = arena_calloc(m->snapshot->arena, count + 1, sizeof *headers);

    if (headers == NULL)
        return out_of_memory(err);
    for (size_t i = 0; i < count; i++) {
        struct str secret = is_bearer ? row->secret : row->headers[i].secret;
        enum err_code code = is_bearer ? take_bearer(m, secret, &headers[i].value, err)
                                       : take_secret(m, secret, &headers[i].value, err);

        if (code != ERR_OK)
            return code;
        if (!is_header_value(secret_reveal(headers[i].value)))
            return err_set(err, ERR_INVALID, "secret '" STR_FMT "' can't be the value of a header",
                           STR_ARG(secret));
        headers[i].name = is_bearer ? STR("Authorization")
                                    : arena_dup(m->snapshot->arena, row->headers[i].header);
    }
    server->headers = headers;
    server->header_count = count;
    return ERR_OK;
}

static enum err_code reach(struct maker *m, const struct server *row,
                           struct snapshot_server *server, struct err *err)
{
    struct str address = arena_dup(m->snapshot->arena, row->address);

    if (address.ptr == NULL)
        return out_of_memory(err);
    if (row->is_disabled)
        return err_set(err, ERR_CONFLICT, "the server is disabled");
    if (row->credential_mode == CREDENTIAL_PERSONAL)
        return err_set(err, ERR_CONFLICT, "personal credentials are not available in this version");
    if (row->kind == SERVER_URL) {
        if (url_parse(address, &server->url, err) != ERR_OK)
            return err_wrap(err, "url");
        return take_headers(m, row, server, err);
    }
    server->program = settings_find_program(m->settings, address);
    if (server->program == NULL)
        return err_set(err, ERR_NOT_FOUND, "the settings file names no program '" STR_FMT "'",
                       STR_ARG(address));
    return ERR_OK;
}

/* Whatever would make an open connection the wrong one. */
static uint64_t hash_address(const struct server *row, const struct snapshot_server *server)
{
    uint8_t digest[CRYPTO_SHA256_BYTES];
    struct str pieces[2 + 16];
    size_t count = 0;
    uint64_t hash = 0;

    pieces[count++] = row->address;
    for (size_t i = 0; i < server->header_count && count + 2 < ARRAY_LEN(pieces); i++) {
        pieces[count++] = server->headers[i].name;
        pieces[count++] = secret_reveal(server->headers[i].value);
    }
    crypto_sha256v(pieces, count, digest);
    memcpy(&hash, digest, sizeof hash);
    return hash;
}

static bool keep_rules(struct snapshot *s, const struct server *row, struct server *governed)
{
    *governed =
        (struct server){.name = arena_dup(s->arena, row->name),
                        .rules = arena_calloc(s->arena, row->rule_count + 1, sizeof *row->rules),
                        .rule_count = row->rule_count,
                        .release = row->release,
                        .look = row->look};
    if (governed->name.ptr == NULL || governed->rules == NULL)
        return false;
    for (size_t i = 0; i < row->rule_count; i++) {
        governed->rules[i] = row->rules[i];
        governed->rules[i].pattern = arena_dup(s->arena, row->rules[i].pattern);
        governed->rules[i].author = arena_dup(s->arena, row->rules[i].author);
        if (governed->rules[i].pattern.ptr == NULL || governed->rules[i].author.ptr == NULL)
            return false;
    }
    return true;
}

static enum err_code add_server(struct maker *m, size_t index, struct err *err)
{
    struct snapshot *s = m->snapshot;
    const struct server *row = &m->view->governance.servers[index];
    struct snapshot_server *server = &s->servers[index];
    struct err why;

    *server = (struct snapshot_server){.index = (uint32_t)index, .id = row->id, .kind = row->kind};
    server->name = arena_dup(s->arena, row->name);
    if (server->name.ptr == NULL || !table_put(s->by_name, server->name, server, NULL))
        return out_of_memory(err);
    if (!keep_rules(s, row, &server->governed))
        return out_of_memory(err);
    if (reach(m, row, server, &why) != ERR_OK) {
        server->problem = arena_dup(s->arena, str_c(why.text));
        server->header_count = 0;
        if (server->problem.ptr == NULL)
            return out_of_memory(err);
    }
    server->address_hash = hash_address(row, server);
    return ERR_OK;
}

static enum err_code add_servers(struct maker *m, struct err *err)
{
    struct snapshot *s = m->snapshot;

    s->server_count = m->view->governance.server_count;
    s->servers = arena_calloc(s->arena, s->server_count + 1, sizeof *s->servers);
    if (s->servers == NULL)
        return out_of_memory(err);
    for (size_t i = 0; i < s->server_count; i++) {
        enum err_code code = add_server(m, i, err);

        if (code != ERR_OK)
            return code;
    }
    return ERR_OK;
}

static struct snapshot_server *server_of_id(struct snapshot *s, int64_t id)
{
    for (size_t i = 0; i < s->server_count; i++) {
        if (s->servers[i].id == id)
            return &s->servers[i];
    }
    return NULL;
}

/* The exposed name, and whether clients may see the tool at all. */
static enum err_code expose(struct snapshot *s, struct snapshot_tool *tool)
{
    char text[NAMES_MAX_FLAT_BYTES];
    struct err why;

    tool->exposed = arena_dup(s->arena, names_flat(tool->server->name, tool->name, text));
    if (tool->exposed.ptr == NULL)
        return ERR_LIMIT;
    if (tool->is_gone || tool_read(tool->definition, s->arena, &tool->mcp, &why) != ERR_OK)
        return ERR_OK;
    enum err_code code = names_add(s->names, tool->server->name, tool->name, tool->index, &why);
    tool->is_listed = code == ERR_OK;
    return code == ERR_LIMIT ? ERR_LIMIT : ERR_OK;
}

static enum err_code add_tool(struct maker *m, const struct tool *row,
                              struct snapshot_server *server, struct err *err)
{
    struct snapshot *s = m->snapshot;
    const struct server *governed = &m->view->governance.servers[server->index];
    struct review_standing standing = review_judge(governed, row);
    struct snapshot_tool *tool = &s->tools[s->tool_count];

    *tool = (struct snapshot_tool){
        .index = (uint32_t)s->tool_count,
        .server = server,
        .name = arena_dup(s->arena, row->name),
        .definition = arena_dup(s->arena, row->has_pin ? row->pinned : row->definition),
        .category = standing.category,
        .state = standing.state,
        .hold = row->has_pin || row->hold != REASON_GRANTED ? row->hold : REASON_DEFINITION_NEW,
        .is_classified = standing.is_classified,
        .is_gone = row->is_gone,
    };
    memcpy(tool->hash, row->has_pin ? row->pinned_hash : row->hash, sizeof tool->hash);
    if (tool->name.ptr == NULL || tool->definition.ptr == NULL)
        return out_of_memory(err);
    if (server->tool_count++ == 0)
        server->first_tool = tool->index;
    s->tool_count++;
    return ERR_OK;
}

/* What may be used first: nothing in quarantine can take the name of what is in force. */
static enum err_code expose_all(struct snapshot *s, struct err *err)
{
    for (int held = 0; held <= 1; held++) {
        for (size_t i = 0; i < s->tool_count; i++) {
            bool is_held = s->tools[i].hold != REASON_GRANTED;

            if (is_held == (held == 1) && expose(s, &s->tools[i]) != ERR_OK)
                return out_of_memory(err);
        }
    }
    return ERR_OK;
}

static enum err_code add_tools(struct maker *m, struct err *err)
{
    struct snapshot *s = m->snapshot;

    s->tools = arena_calloc(s->arena, m->view->tool_count + 1, sizeof *s->tools);
    if (s->tools == NULL)
        return out_of_memory(err);
    for (size_t i = 0; i < m->view->tool_count; i++) {
        struct snapshot_server *server = server_of_id(s, m->view->tools[i].server_id);
        enum err_code code = server == NULL ? ERR_OK : add_tool(m, &m->view->tools[i], server, err);

        if (code != ERR_OK)
            return code;
    }
    return expose_all(s, err);
}

/* The same facts in the plain arrays that the policy takes. */

static uint32_t server_index(const struct snapshot *s, struct str name)
{
    const struct snapshot_server *server = table_get(s->by_name, name);

    return server == NULL ? POLICY_NONE : server->index;
}

static enum err_code policy_servers(struct maker *m, struct policy_input *input, struct err *err)
{
    const struct governance *g = &m->view->governance;
    struct policy_server *servers = arena_calloc(m->scratch, g->server_count + 1, sizeof *servers);
    struct policy_tool *tools =
        arena_calloc(m->scratch, m->snapshot->tool_count + 1, sizeof *tools);

    if (servers == NULL || tools == NULL)
        return out_of_memory(err);
    for (size_t i = 0; i < g->server_count; i++)
        servers[i] = (struct policy_server){.name = g->servers[i].name,
                                            .credential_mode = g->servers[i].credential_mode,
                                            .is_disabled = g->servers[i].is_disabled};
    for (size_t i = 0; i < m->snapshot->tool_count; i++) {
        const struct snapshot_tool *tool = &m->snapshot->tools[i];

        tools[i] = (struct policy_tool){.server = tool->server->index,
                                        .name = tool->name,
                                        .category = tool->category,
                                        .is_classified = tool->is_classified,
                                        .is_gone = tool->is_gone,
                                        .is_disabled = !tool->is_gone && !tool->is_listed,
                                        .hold = tool->hold};
    }
    input->servers = servers;
    input->server_count = g->server_count;
    input->tools = tools;
    input->tool_count = m->snapshot->tool_count;
    return ERR_OK;
}

static struct policy_names names_of(const struct str *names, size_t count)
{
    return (struct policy_names){.names = names, .count = count};
}

static enum err_code keep_grant_names(struct maker *m, struct err *err)
{
    const struct governance *g = &m->view->governance;
    struct snapshot *s = m->snapshot;

    s->grant_names = arena_calloc(s->arena, g->grant_count + 1, sizeof *s->grant_names);
    if (s->grant_names == NULL)
        return out_of_memory(err);
    for (; s->grant_count < g->grant_count; s->grant_count++) {
        s->grant_names[s->grant_count] = arena_dup(s->arena, g->grants[s->grant_count].name);
        if (s->grant_names[s->grant_count].ptr == NULL)
            return out_of_memory(err);
    }
    return ERR_OK;
}

static enum err_code policy_grants(struct maker *m, struct policy_input *input, struct err *err)
{
    const struct governance *g = &m->view->governance;
    struct policy_role *roles = arena_calloc(m->scratch, g->role_count + 1, sizeof *roles);
    struct policy_grant *grants = arena_calloc(m->scratch, g->grant_count + 1, sizeof *grants);

    if (roles == NULL || grants == NULL)
        return out_of_memory(err);
    for (size_t i = 0; i < g->role_count; i++)
        roles[i] =
            (struct policy_role){.name = g->roles[i].name,
                                 .users = names_of(g->roles[i].users, g->roles[i].user_count),
                                 .groups = names_of(g->roles[i].groups, g->roles[i].group_count),
                                 .robots = names_of(g->roles[i].robots, g->roles[i].robot_count)};
    for (size_t i = 0; i < g->grant_count; i++) {
        const struct grant *row = &g->grants[i];

        grants[i] = (struct policy_grant){.name = row->name,
                                          .users = names_of(row->users, row->user_count),
                                          .groups = names_of(row->groups, row->group_count),
                                          .robots = names_of(row->robots, row->robot_count),
                                          .roles = names_of(row->roles, row->role_count),
                                          .server = server_index(m->snapshot, row->server),
                                          .categories = row->categories,
                                          .tools = names_of(row->tools, row->tool_count)};
    }
    input->roles = roles;
    input->role_count = g->role_count;
    input->grants = grants;
    input->grant_count = g->grant_count;
    return ERR_OK;
}

static enum err_code policy_others(struct maker *m, struct policy_input *input, struct err *err)
{
    const struct governance *g = &m->view->governance;
    struct policy_robot *robots = arena_calloc(m->scratch, g->robot_count + 1, sizeof *robots);
    struct policy_ceiling *ceilings =
        arena_calloc(m->scratch, g->ceiling_count + 1, sizeof *ceilings);

    if (robots == NULL || ceilings == NULL)
        return out_of_memory(err);
    for (size_t i = 0; i < g->robot_count; i++)
        robots[i] = (struct policy_robot){.id = g->robots[i].id,
                                          .name = g->robots[i].name,
                                          .is_disabled = g->robots[i].is_disabled};
    for (size_t i = 0; i < g->ceiling_count; i++)
        ceilings[i] = (struct policy_ceiling){.principals = g->ceilings[i].principals,
                                              .deny = g->ceilings[i].deny,
                                              .approval = g->ceilings[i].approval};
    input->robots = robots;
    input->robot_count = g->robot_count;
    input->ceilings = ceilings;
    input->ceiling_count = g->ceiling_count;
    return ERR_OK;
}

static enum err_code compile(struct maker *m, struct err *err)
{
    const struct store_view *view = m->view;
    const struct token_table_input known = {
        .tokens = view->tokens,
        .token_count = view->token_count,
        .robots = view->governance.robots,
        .robot_count = view->governance.robot_count,
        .users = view->users,
        .user_count = view->user_count,
        .sessions = view->sessions,
        .session_count = view->session_count,
        .rules = &m->settings->identity,
        .clients = view->clients,
        .client_count = view->client_count,
        .marks = view->marks,
        .mark_count = view->mark_count,
        .groups = view->groups,
        .group_count = view->group_count,
        .memberships = view->memberships,
        .membership_count = view->membership_count,
        .key_max_us = m->settings->identity_user_key_days * INT64_C(86400) * 1000000,
    };
    struct policy_input input = {0};
    enum err_code code = policy_servers(m, &input, err);

    if (code == ERR_OK)
        code = policy_grants(m, &input, err);
    if (code == ERR_OK)
        code = policy_others(m, &input, err);
    if (code == ERR_OK)
        code = policy_compile(&input, &m->snapshot->policy, err);
    if (code == ERR_OK)
        code = token_table_new(&known, &m->snapshot->tokens, err);
    return code;
}

static enum err_code make(struct maker *m, struct err *err)
{
    enum err_code code = add_servers(m, err);

    if (code == ERR_OK)
        code = add_tools(m, err);
    if (code == ERR_OK)
        code = keep_grant_names(m, err);
    if (code == ERR_OK)
        code = compile(m, err);
    return code;
}

enum err_code snapshot_new(const struct store_view *view, const struct settings *settings,
                           struct snapshot **ret_snapshot, struct err *err)
{
    CLEANUP(arena_freep) struct arena *scratch = arena_new(ARENA_BYTES);
    struct snapshot *snapshot = calloc(1, sizeof *snapshot);
    struct maker maker = {
        .snapshot = snapshot, .view = view, .settings = settings, .scratch = scratch};

    if (scratch == NULL || snapshot == NULL) {
        free(snapshot);
        return out_of_memory(err);
    }
    atomic_init(&snapshot->refs, 1);
    snapshot->version = view->policy_version;
    snapshot->arena = arena_new(ARENA_BYTES);
    snapshot->by_name = table_new();
    snapshot->names = names_new();
    enum err_code code = ERR_LIMIT;
    if (snapshot->arena == NULL || snapshot->by_name == NULL || snapshot->names == NULL)
        (void)out_of_memory(err);
    else
        code = make(&maker, err);
    if (code != ERR_OK) {
        snapshot_unref(snapshot);
        return code;
    }
    *ret_snapshot = snapshot;
    return ERR_OK;
}

struct snapshot *snapshot_ref(struct snapshot *snapshot)
{
    atomic_fetch_add_explicit(&snapshot->refs, 1, memory_order_relaxed);
    return snapshot;
}

void snapshot_unref(struct snapshot *snapshot)
{
    if (snapshot == NULL || atomic_fetch_sub_explicit(&snapshot->refs, 1, memory_order_acq_rel) > 1)
        return;
    policy_free(snapshot->policy);
    token_table_free(snapshot->tokens);
    names_free(snapshot->names);
    table_free(snapshot->by_name);
    arena_free(snapshot->arena);
    free(snapshot);
}

uint64_t snapshot_version(const struct snapshot *snapshot)
{
    return snapshot->version;
}

const struct policy *snapshot_policy(const struct snapshot *snapshot)
{
    return snapshot->policy;
}

const struct token_table *snapshot_tokens(const struct snapshot *snapshot)
{
    return snapshot->tokens;
}

size_t snapshot_server_count(const struct snapshot *snapshot)
{
    return snapshot->server_count;
}

const struct snapshot_server *snapshot_server_at(const struct snapshot *snapshot, size_t index)
{
    return &snapshot->servers[index];
}

const struct snapshot_server *snapshot_find_server(const struct snapshot *snapshot, struct str name)
{
    return table_get(snapshot->by_name, name);
}

const struct snapshot_server *snapshot_find_server_id(const struct snapshot *snapshot, int64_t id)
{
    for (size_t i = 0; i < snapshot->server_count; i++) {
        if (snapshot->servers[i].id == id)
            return &snapshot->servers[i];
    }
    return NULL;
}

struct str snapshot_grant_name(const struct snapshot *snapshot, uint32_t grant)
{
    return grant < snapshot->grant_count ? snapshot->grant_names[grant] : STR_NONE;
}

size_t snapshot_tool_count(const struct snapshot *snapshot)
{
    return snapshot->tool_count;
}

const struct snapshot_tool *snapshot_tool_at(const struct snapshot *snapshot, size_t index)
{
    return &snapshot->tools[index];
}

const struct snapshot_tool *snapshot_find_tool(const struct snapshot *snapshot,
                                               const struct snapshot_server *server,
                                               struct str name)
{
    uint32_t tool = 0;
    bool found = server == NULL ? names_find_flat(snapshot->names, name, &tool)
                                : names_find_plain(snapshot->names, server->name, name, &tool);

    return found ? &snapshot->tools[tool] : NULL;
}
