#include "admin/handlers.h"
#include "admin/reply.h"
#include "admin/show.h"
#include "gate/gate.h"

void status_show(const struct api_request *request, struct api_reply *reply)
{
    struct snapshot *snapshot = gate_snapshot(request->gate);
    char why[ERR_TEXT_BYTES] = "";
    bool is_ready = gate_is_ready(request->gate, why);
    struct jsonw w;

    jsonw_init(&w, &reply->body);
    jsonw_object(&w);
    jsonw_name_str(&w, "version", STR(PORTREEVE_VERSION));
    jsonw_name_i64(&w, "policy_version", (int64_t)snapshot_version(snapshot));
    jsonw_name_bool(&w, "ready", is_ready);
    if (!is_ready)
        jsonw_name_str(&w, "why", str_c(why));
    jsonw_name_i64(&w, "servers", (int64_t)snapshot_server_count(snapshot));
    jsonw_name_i64(&w, "tools", (int64_t)snapshot_tool_count(snapshot));
    show_hidden(&w, snapshot);
    jsonw_end_object(&w);
    snapshot_unref(snapshot);
}
