#include "admin/show.h"

#include <stdio.h>

#include "base/clock.h"
#include "identity/tokens.h"

void show_time(struct jsonw *w, const char *name, int64_t wall_us)
{
    char text[CLOCK_RFC3339_BYTES];

    if (wall_us == 0)
        return;
    clock_format_rfc3339(wall_us, text);
    jsonw_name_str(w, name, str_c(text));
}

void show_scopes(struct jsonw *w, const char *name, uint32_t scopes)
{
    jsonw_name(w, name);
    jsonw_array(w);
    for (unsigned i = 0; i < SCOPES; i++) {
        if ((scopes & SCOPE_BIT(i)) != 0)
            jsonw_str(w, str_c(scope_word((enum scope)i)));
    }
    jsonw_end_array(w);
}

static struct str robot_name(const struct governance *governance, int64_t id)
{
    for (size_t i = 0; i < governance->robot_count; i++) {
        if (governance->robots[i].id == id)
            return governance->robots[i].name;
    }
    return STR_NONE;
}

static struct str user_name(const struct store_view *view, int64_t id)
{
    for (size_t i = 0; i < view->user_count; i++) {
        const struct user *user = &view->users[i];

        if (user->id == id)
            return user->email.len > 0 ? user->email : user->subject;
    }
    return STR_NONE;
}

static void show_holder(struct jsonw *w, const struct store_view *view, const struct token *token)
{
    struct str robot = robot_name(&view->governance, token->robot_id);
    struct str user = user_name(view, token->user_id);

    if (robot.len > 0)
        jsonw_name_str(w, "robot", robot);
    if (token->owner.len > 0)
        jsonw_name_str(w, "owner", token->owner);
    if (token->provider.len > 0)
        jsonw_name_str(w, "provider", token->provider);
    if (token->kind != TOKEN_USER)
        return;
    jsonw_name_i64(w, "user_id", token->user_id);
    jsonw_name_str(w, "user", user);
    jsonw_name_str(w, "name", token->name);
    if (token->agent.len > 0)
        jsonw_name_str(w, "agent", token->agent);
}

static struct str group_name(const struct store_view *view, int64_t id)
{
    for (size_t i = 0; i < view->group_count; i++) {
        if (view->groups[i].id == id)
            return view->groups[i].display_name;
    }
    return STR_NONE;
}

/* As provisioned: those of tokens are in the tokens alone. */
static void show_groups(struct jsonw *w, const struct store_view *view, int64_t person_id)
{
    size_t from = 0;
    size_t high = view->membership_count;

    while (from < high) {
        size_t middle = from + (high - from) / 2;

        if (view->memberships[middle].person_id < person_id)
            from = middle + 1;
        else
            high = middle;
    }
    jsonw_name(w, "groups");
    jsonw_array(w);
    for (; from < view->membership_count && view->memberships[from].person_id == person_id; from++)
        jsonw_str(w, group_name(view, view->memberships[from].group_id));
    jsonw_end_array(w);
}

void show_user(struct jsonw *w, const struct store_view *view, const struct user *user)
{
    jsonw_object(w);
    jsonw_name_i64(w, "id", user->id);
    jsonw_name_str(w, "provider", user->provider);
    jsonw_name_str(w, "subject", user->subject);
    jsonw_name_str(w, "email", user->email);
    jsonw_name_str(w, "name", user->name);
    jsonw_name_str(w, "role", str_c(role_word(user->role)));
    jsonw_name_bool(w, "disabled", user->is_disabled);
    jsonw_name_str(w, "provisioning", str_c(provisioning_word(user->provisioning)));
    if (user->provisioning == PROVISIONING_ACTIVE)
        show_groups(w, view, user->id);
    show_time(w, "created", user->created_us);
    show_time(w, "last_seen", user->last_seen_us);
    jsonw_end_object(w);
}

static const char *token_state(const struct token *token, int64_t now_us)
{
    if (token->revoked_us != 0)
        return "revoked";
    return token_is_good(token, now_us) ? "active" : "expired";
}

void show_token(struct jsonw *w, const struct store_view *view, const struct token *token,
                int64_t now_us)
{
    jsonw_object(w);
    jsonw_name_str(w, "id", token->id);
    jsonw_name_str(w, "kind", str_c(token_kind_word(token->kind)));
    show_holder(w, view, token);
    jsonw_name_str(w, "state", str_c(token_state(token, now_us)));
    if (token_ends_soon(view->tokens, view->token_count, token, now_us))
        jsonw_name_bool(w, "ends_soon", true);
    show_scopes(w, "scopes", token->scopes);
    show_time(w, "created", token->created_us);
    show_time(w, "expires", token->expires_us);
    show_time(w, "last_used", token->last_used_us);
    show_time(w, "revoked", token->revoked_us);
    jsonw_end_object(w);
}

void show_keys(struct jsonw *w, const struct store_view *view, int64_t user_id, int64_t now_us)
{
    jsonw_name(w, "keys");
    jsonw_array(w);
    for (size_t i = 0; i < view->token_count; i++) {
        if (view->tokens[i].kind == TOKEN_USER && view->tokens[i].user_id == user_id)
            show_token(w, view, &view->tokens[i], now_us);
    }
    jsonw_end_array(w);
}

void show_made(struct jsonw *w, const struct token_made *made)
{
    jsonw_name_str(w, "id", made->id);
    jsonw_name_str(w, "token", made->text);
    show_scopes(w, "scopes", made->scopes);
    show_time(w, "expires", made->expires_us);
}

void show_session(struct jsonw *w, const struct oauth_session *session, int64_t now_us)
{
    const char *state = session->ended_us != 0          ? "ended"
                        : session->expires_us <= now_us ? "expired"
                        : session->generation == 0      ? "begun"
                                                        : "active";

    jsonw_object(w);
    jsonw_name_str(w, "id", session->id);
    jsonw_name_str(w, "provider", session->provider);
    jsonw_name_str(w, "subject", session->subject);
    jsonw_name_str(w, "email", session->email);
    jsonw_name_str(w, "client", session->client_name);
    jsonw_name_str(w, "resource", session->resource);
    jsonw_name_str(w, "state", str_c(state));
    show_scopes(w, "scopes", session->scopes);
    show_time(w, "created", session->created_us);
    show_time(w, "expires", session->expires_us);
    show_time(w, "last_used", session->used_us);
    show_time(w, "ended", session->ended_us);
    jsonw_end_object(w);
}

struct tool_counts show_count_tools(const struct snapshot *snapshot,
                                    const struct snapshot_server *server)
{
    struct tool_counts counts = {0};

    for (uint32_t i = 0; i < server->tool_count; i++) {
        const struct snapshot_tool *tool = snapshot_tool_at(snapshot, server->first_tool + i);

        if (tool->is_gone)
            continue;
        counts.tools++;
        counts.unclassified += tool->state == TOOL_UNCLASSIFIED || tool->state == TOOL_PROPOSED;
        counts.quarantined += tool->state == TOOL_QUARANTINED;
    }
    return counts;
}

void show_command(struct jsonw *w, struct str server, const struct tool_counts *counts)
{
    char text[128];

    if (counts->quarantined > 0)
        (void)snprintf(text, sizeof text, "portreeve tool review " STR_FMT, STR_ARG(server));
    else
        (void)snprintf(text, sizeof text, "portreeve tool set " STR_FMT " --from-hints",
                       STR_ARG(server));
    jsonw_name_str(w, "command", str_c(text));
}

void show_hidden(struct jsonw *w, const struct snapshot *snapshot)
{
    jsonw_name(w, "hidden");
    jsonw_array(w);
    for (size_t i = 0; i < snapshot_server_count(snapshot); i++) {
        const struct snapshot_server *server = snapshot_server_at(snapshot, i);
        struct tool_counts counts = show_count_tools(snapshot, server);

        if (counts.unclassified + counts.quarantined == 0)
            continue;
        jsonw_object(w);
        jsonw_name_str(w, "server", server->name);
        jsonw_name_i64(w, "tools", (int64_t)counts.tools);
        jsonw_name_i64(w, "unclassified", (int64_t)counts.unclassified);
        jsonw_name_i64(w, "quarantined", (int64_t)counts.quarantined);
        show_command(w, server->name, &counts);
        jsonw_end_object(w);
    }
    jsonw_end_array(w);
}
