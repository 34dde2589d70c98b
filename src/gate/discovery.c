/*
 * Lists the tools of a server, page by page, on its home worker; the result goes to the control job
 * thread.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "catalog/definition.h"
#include "gate/upstream_priv.h"
#include "mcp/tool.h"

enum { ARENA_BYTES = 256 << 20 };

struct discovery {
    struct job job; /* carries the result */
    struct worker *worker;
    int64_t server_id;
    struct upstream *upstream;
    struct upstream_waiter waiter;
    struct exchange exchange;
    struct arena *arena;
    struct tool_list *list;
    struct tool_seen *seen;
    size_t seen_count;
    char protocol[16];
    struct err failure;
    bool has_failed;
    bool may_wake;
    bool is_asleep;
};

static void free_discovery(struct discovery *discovery)
{
    arena_free(discovery->arena);
    free(discovery);
}

static void run_result(struct job *job)
{
    struct discovery *discovery = (struct discovery *)(void *)job;
    const struct discovered found = {
        .server_id = discovery->server_id,
        .tools = discovery->seen,
        .tool_count = discovery->seen_count,
        .protocol = discovery->protocol,
        .failure = discovery->has_failed ? &discovery->failure : NULL,
        .is_asleep = discovery->is_asleep,
    };

    control_on_discovered(gate_control(discovery->worker->gate), &found);
    free_discovery(discovery);
}

static void hand_over(struct discovery *discovery)
{
    discovery->job = (struct job){.run = run_result};
    if (!jobs_add(discovery->worker->gate->control_jobs, &discovery->job))
        free_discovery(discovery);
}

static void fail(struct discovery *discovery, const struct err *why)
{
    discovery->has_failed = true;
    discovery->failure = *why;
    hand_over(discovery);
}

/* The hash that pins a definition is made of its canonical form. */
static bool add_seen(struct discovery *discovery, const struct mcp_tool *tool)
{
    struct tool_seen *seen = &discovery->seen[discovery->seen_count];
    struct definition definition;
    struct json_doc doc;

    if (json_parse(tool->definition, &message_upstream_limits, discovery->arena, &doc, NULL) !=
            ERR_OK ||
        definition_read(&doc, 0, discovery->arena, &definition, NULL) != ERR_OK)
        return false;
    *seen = (struct tool_seen){.name = tool->name, .definition = tool->definition};
    memcpy(seen->hash, definition.hash, sizeof seen->hash);
    discovery->seen_count++;
    return true;
}

static void log_dropped(struct discovery *discovery, struct str name, struct str why)
{
    log_event(LOG_WARN, "tool_dropped", LOG_STR("server", discovery->upstream->server->name),
              LOG_STR("tool", name), LOG_STR("why", why));
}

static void complete(struct discovery *discovery)
{
    size_t count = 0;
    size_t dropped_count = 0;
    const struct mcp_tool *tools = tool_list_tools(discovery->list, &count);
    const struct mcp_dropped_tool *dropped = tool_list_dropped(discovery->list, &dropped_count);
    struct err err;

    for (size_t i = 0; i < dropped_count; i++)
        log_dropped(discovery, dropped[i].name, dropped[i].why);
    discovery->seen = arena_calloc(discovery->arena, count + 1, sizeof *discovery->seen);
    if (discovery->seen == NULL) {
        (void)err_set(&err, ERR_LIMIT, "the server's tools need more memory than is allowed");
        fail(discovery, &err);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (!add_seen(discovery, &tools[i]))
            log_dropped(discovery, tools[i].name, STR("its definition can't be read"));
    }
    (void)snprintf(discovery->protocol, sizeof discovery->protocol, "%s",
                   version_word(upstream_version(discovery->upstream)));
    hand_over(discovery);
}

static void ask_page(struct discovery *discovery, struct str cursor)
{
    const struct mcp_control_request request = {.control = MCP_CONTROL_TOOLS_LIST,
                                                .version = upstream_version(discovery->upstream),
                                                .id = upstream_next_id(discovery->upstream),
                                                .cursor = cursor};
    struct err err;

    if (upstream_control(discovery->upstream, &discovery->exchange, &request, &err) != ERR_OK)
        fail(discovery, &err);
}

static void on_end(struct exchange *exchange, const struct exchange_end *end)
{
    struct discovery *discovery =
        (struct discovery *)(void *)((char *)exchange - offsetof(struct discovery, exchange));
    struct str cursor = STR_NONE;
    struct err err = end->err;

    if (end->kind != EXCHANGE_ANSWERED) {
        fail(discovery, &err);
        return;
    }
    if (tool_list_add(discovery->list, end->message, &cursor, &err) != ERR_OK)
        fail(discovery, &err);
    else if (cursor.ptr != NULL)
        ask_page(discovery, cursor);
    else
        complete(discovery);
}

static void on_message(struct exchange *exchange, const struct mcp_message *message)
{
    (void)exchange;
    (void)message;
}

static void on_ready(struct upstream_waiter *waiter, const struct err *why)
{
    struct discovery *discovery =
        (struct discovery *)(void *)((char *)waiter - offsetof(struct discovery, waiter));

    if (why != NULL)
        fail(discovery, why);
    else
        ask_page(discovery, STR_NONE);
}

static void begin(struct discovery *discovery)
{
    const struct snapshot_server *server =
        snapshot_find_server_id(discovery->worker->snapshot, discovery->server_id);
    struct err err;

    discovery->upstream = server == NULL ? NULL : upstream_get(discovery->worker, server);
    if (discovery->upstream == NULL) {
        (void)err_set(&err, ERR_NOT_FOUND, "the server is not there any more");
        fail(discovery, &err);
        return;
    }
    discovery->is_asleep = !discovery->may_wake && upstream_is_asleep(discovery->upstream);
    if (discovery->is_asleep) {
        hand_over(discovery);
        return;
    }
    discovery->waiter.on_ready = on_ready;
    discovery->waiter.is_discovery = true;
    discovery->exchange.on_end = on_end;
    discovery->exchange.on_message = on_message;
    enum err_code code = upstream_await(discovery->upstream, &discovery->waiter, &err);
    if (code == ERR_OK)
        ask_page(discovery, STR_NONE);
    else if (code != ERR_BUSY)
        fail(discovery, &err);
}

void upstream_discover(struct worker *worker, int64_t server_id, bool may_wake)
{
    struct discovery *discovery = calloc(1, sizeof *discovery);

    if (discovery == NULL)
        return;
    discovery->worker = worker;
    discovery->server_id = server_id;
    discovery->may_wake = may_wake;
    discovery->arena = arena_new(ARENA_BYTES);
    discovery->list = discovery->arena == NULL ? NULL : tool_list_new(discovery->arena);
    if (discovery->list == NULL) {
        free_discovery(discovery);
        return;
    }
    begin(discovery);
}
