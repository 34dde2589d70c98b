#include "cli/wait.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/say.h"
#include "cli/text.h"

enum { WAIT_US = 20000000, POLL_US = 200000 };

static json_pos servers_of(const struct answer *answer)
{
    return json_get(&answer->doc, 0, STR("servers"));
}

static bool is_unsettled(const struct answer *answer, json_pos server)
{
    struct str state = answer_str(answer, server, "state");

    return str_eq(state, STR("new")) || str_eq(state, STR("busy"));
}

/* How many servers are not yet discovered; the first of them. */
static size_t count_unsettled(const struct answer *answer, struct str *ret_name)
{
    json_pos list = servers_of(answer);
    size_t count = 0;

    for (json_pos pos = json_first(&answer->doc, list); pos != JSON_NONE;
         pos = json_next(&answer->doc, list, pos)) {
        if (!is_unsettled(answer, pos))
            continue;
        if (count++ == 0)
            *ret_name = answer_str(answer, pos, "name");
    }
    return count;
}

enum err_code wait_for_servers(struct client *client, struct answer *ret_servers, struct err *err)
{
    uint64_t deadline = clock_mono_us() + WAIT_US;
    size_t told = 0;

    for (;;) {
        CLEANUP(answer_done) struct answer answer = {0};
        struct str name = STR_NONE;
        enum err_code code = client_get(client, "/api/v1/servers", &answer, err);

        if (code != ERR_OK)
            return code;
        size_t count = count_unsettled(&answer, &name);
        if (count == 0 || clock_mono_us() >= deadline) {
            *ret_servers = answer;
            answer = (struct answer){0};
            return ERR_OK;
        }
        if (count != told)
            say_hint("discovering tools, %zu to go (" STR_FMT ")", count, STR_ARG(name));
        told = count;
        (void)usleep(POLL_US);
    }
}

static void report_server(const struct options *options, const struct answer *answer,
                          json_pos server, struct buf *out)
{
    struct str name = answer_str(answer, server, "name");
    struct str state = answer_str(answer, server, "state");
    int64_t tools = answer_i64(answer, server, "tools");
    int64_t hidden = answer_i64(answer, server, "unclassified");
    int64_t held = answer_i64(answer, server, "quarantined");

    if (str_eq(state, STR("failed"))) {
        buf_printf(out, "server " STR_FMT " could not be discovered: ", STR_ARG(name));
        text_write(out, answer_str(answer, server, "error"));
        buf_add_byte(out, '\n');
    } else if (is_unsettled(answer, server)) {
        buf_printf(out,
                   "server " STR_FMT " is still being discovered; see `portreeve server list`\n",
                   STR_ARG(name));
    }
    if (hidden + held == 0)
        return;
    if (held > 0)
        buf_printf(out,
                   "server " STR_FMT ": %" PRId64 " of %" PRId64
                   " tools are in quarantine until they are approved; run: ",
                   STR_ARG(name), held, tools);
    else
        buf_printf(out,
                   "server " STR_FMT ": %" PRId64 " of %" PRId64
                   " tools are hidden, because nobody has said what they can do; run: ",
                   STR_ARG(name), hidden, tools);
    say_write_command(options, answer_str(answer, server, "command"), out);
    buf_add_byte(out, '\n');
}

void wait_report(const struct options *options, const struct answer *servers, struct buf *out)
{
    json_pos list = servers_of(servers);

    for (json_pos pos = json_first(&servers->doc, list); pos != JSON_NONE;
         pos = json_next(&servers->doc, list, pos))
        report_server(options, servers, pos, out);
}
