#include "admin/show.h"

#include <stdio.h>

#include "base/clock.h"

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

struct tool_counts show_count_tools(const struct snapshot *snapshot,
                                    const struct snapshot_server *server)
{
    struct tool_counts counts = {0};

    for (uint32_t i = 0; i < server->tool_count; i++) {
        const struct snapshot_tool *tool = snapshot_tool_at(snapshot, server->first_tool + i);

        if (tool->is_gone)
            continue;
        counts.tools++;
        counts.unclassified += !tool->is_classified;
    }
    return counts;
}

void show_command(struct jsonw *w, struct str server)
{
    char text[128];

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

        if (counts.unclassified == 0)
            continue;
        jsonw_object(w);
        jsonw_name_str(w, "server", server->name);
        jsonw_name_i64(w, "tools", (int64_t)counts.tools);
        jsonw_name_i64(w, "unclassified", (int64_t)counts.unclassified);
        show_command(w, server->name);
        jsonw_end_object(w);
    }
    jsonw_end_array(w);
}
