/*
 * Protected resource metadata (RFC 9728): where a client that was turned away finds out who issues
 * tokens for this endpoint. Public by nature; the same for everyone.
 */
#include "base/jsonw.h"
#include "base/words.h"
#include "gate/oauth.h"
#include "gate/pipeline.h"
#include "gate/worker_priv.h"

static void write_scopes(struct jsonw *w)
{
    jsonw_name(w, "scopes_supported");
    jsonw_array(w);
    for (unsigned i = 0; i < SCOPES; i++)
        if ((SCOPE_SET_CALLS & SCOPE_BIT(i)) != 0)
            jsonw_str(w, str_c(scope_word((enum scope)i)));
    jsonw_end_array(w);
}

static void write_issuers(struct jsonw *w, const struct call *call)
{
    const struct settings *settings = call->worker->gate->settings;
    const struct identity_rules *rules = &settings->identity;

    jsonw_name(w, "authorization_servers");
    jsonw_array(w);
    bool serves_people = provider_has_ema(rules) || provider_for_login(rules, 0) != NULL;
    if (serves_people)
        jsonw_str(w, settings->public_url.origin);
    /* Programs know where their tokens come from. */
    for (size_t i = 0; i < rules->provider_count; i++)
        if (!rules->providers[i].is_workloads)
            jsonw_str(w, rules->providers[i].issuer);
    /* Clients of people take the first one. */
    if (!serves_people && oauth_is_offered(call))
        jsonw_str(w, settings->public_url.origin);
    jsonw_end_array(w);
}

/* What stands behind the well-known path is the path of an MCP endpoint, or nothing. Whether a
 * server of that name exists is not told. */
static bool is_resource(struct str path)
{
    struct route route = route_of(path);

    return path.len == 0 || route.kind == ROUTE_MCP || route.kind == ROUTE_SERVER;
}

enum step_result resource_metadata(struct call *call)
{
    const struct settings *settings = call->worker->gate->settings;
    struct jsonw w;

    if ((!provider_is_any(&settings->identity) && !oauth_is_offered(call)) ||
        !is_resource(call->route.rest) || !str_eq(http_request_method(call->http), STR("GET")))
        return call_turn_away(call, 404, "There is no such resource.");
    struct str resource =
        arena_printf(call->arena, STR_FMT STR_FMT, STR_ARG(settings->public_url.origin),
                     STR_ARG(call->route.rest));
    jsonw_init(&w, &call->reply);
    jsonw_object(&w);
    jsonw_name_str(&w, "resource", resource);
    write_issuers(&w, call);
    write_scopes(&w);
    jsonw_name(&w, "bearer_methods_supported");
    jsonw_array(&w);
    jsonw_str(&w, STR("header"));
    jsonw_end_array(&w);
    jsonw_name_str(&w, "resource_name", STR("Portreeve"));
    jsonw_end_object(&w);
    call_send_reply(call);
    return STEP_DONE;
}
