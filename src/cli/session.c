#include <stdio.h>

#include "cli/client.h"
#include "cli/commands.h"
#include "cli/grid.h"
#include "cli/say.h"

static void add_sessions(struct grid *grid, const struct answer *answer)
{
    json_pos list = json_get(&answer->doc, 0, STR("sessions"));

    for (json_pos pos = json_first(&answer->doc, list); pos != JSON_NONE;
         pos = json_next(&answer->doc, list, pos)) {
        struct str email = answer_str(answer, pos, "email");

        grid_add(grid, answer_str(answer, pos, "id"));
        grid_add(grid, email.len > 0 ? email : answer_str(answer, pos, "subject"));
        grid_add(grid, answer_str(answer, pos, "client"));
        grid_add(grid, answer_str(answer, pos, "state"));
        grid_add(grid, answer_str(answer, pos, "resource"));
        grid_add(grid, client_time(answer, pos, "created"));
        grid_add(grid, client_time(answer, pos, "expires"));
    }
}

int command_session_list(const struct options *options)
{
    static const char *const heads[] = {"SESSION", "PERSON",  "CLIENT",  "STATE",
                                        "FOR",     "CREATED", "EXPIRES", NULL};
    CLEANUP(grid_freep) struct grid *grid = grid_new(heads);
    CLEANUP(client_closep) struct client *client = NULL;
    CLEANUP(answer_done) struct answer answer = {0};
    CLEANUP(buf_done) struct buf out = {0};
    struct err err;

    if (client_open(options, &client, &err) != ERR_OK ||
        client_get(client, "/api/v1/sessions", &answer, &err) != ERR_OK)
        return client_fail(client, &err);
    if (options_has(options, "json"))
        return say_line(answer.text);
    if (grid == NULL)
        return EXIT_REFUSED;
    add_sessions(grid, &answer);
    buf_init(&out, (size_t)64 << 20);
    grid_write(grid, &out);
    return say_out(&out);
}

int command_session_end(const struct options *options)
{
    CLEANUP(client_closep) struct client *client = NULL;
    CLEANUP(answer_done) struct answer answer = {0};
    CLEANUP(buf_done) struct buf path = {0};
    struct err err;

    buf_init(&path, 4096);
    buf_add_c(&path, "/api/v1/sessions");
    client_path_add(&path, str_c(options_arg(options, 0)));
    if (client_open(options, &client, &err) != ERR_OK ||
        client_call(client, "DELETE", client_path(&path), NULL, &answer, &err) != ERR_OK)
        return client_fail(client, &err);
    if (options_has(options, "json"))
        return say_line(answer.text);
    (void)printf("ended: its tokens are refused from now on\n");
    return EXIT_DONE;
}
