#include "cli/ask.h"
#include "cli/commands.h"

static void add_session(struct grid *grid, const struct answer *answer, json_pos row)
{
    struct str email = answer_str(answer, row, "email");

    grid_add(grid, answer_str(answer, row, "id"));
    grid_add(grid, email.len > 0 ? email : answer_str(answer, row, "subject"));
    grid_add(grid, answer_str(answer, row, "client"));
    grid_add(grid, answer_str(answer, row, "state"));
    grid_add(grid, answer_str(answer, row, "resource"));
    grid_add(grid, client_time(answer, row, "created"));
    grid_add(grid, client_time(answer, row, "expires"));
}

int command_session_list(const struct options *options)
{
    static const char *const heads[] = {"SESSION", "PERSON",  "CLIENT",  "STATE",
                                        "FOR",     "CREATED", "EXPIRES", NULL};
    const struct ask_table table = {.list = "sessions", .heads = heads, .add_row = add_session};

    return ask_list(options, "/api/v1/sessions", &table);
}

int command_session_end(const struct options *options)
{
    CLEANUP(buf_done) struct buf path = {0};

    buf_init(&path, 4096);
    buf_add_c(&path, "/api/v1/sessions");
    client_path_add(&path, str_c(options_arg(options, 0)));
    const struct ask_change change = {.method = "DELETE",
                                      .path = client_path(&path),
                                      .done = "ended: its tokens are refused from now on"};

    return ask_change(options, &change);
}

int command_owner_sign_in(const struct options *options)
{
    const struct ask_change change = {
        .method = "POST", .path = "/api/v1/owner/sign-in", .shown = "code"};

    return ask_change(options, &change);
}
