#include <stdio.h>

#include "cli/ask.h"
#include "cli/commands.h"

static void add_user(struct grid *grid, const struct answer *answer, json_pos row)
{
    grid_add_i64(grid, answer_i64(answer, row, "id"));
    grid_add(grid, answer_str(answer, row, "email"));
    grid_add(grid, answer_str(answer, row, "name"));
    grid_add(grid, answer_str(answer, row, "role"));
    grid_add_c(grid, answer_bool(answer, row, "disabled") ? "yes" : "no");
    grid_add(grid, answer_str(answer, row, "provider"));
    grid_add(grid, client_time(answer, row, "last_seen"));
}

int command_user_list(const struct options *options)
{
    static const char *const heads[] = {"ID",       "E-MAIL",   "NAME",      "ROLE",
                                        "DISABLED", "PROVIDER", "LAST SEEN", NULL};
    const struct ask_table table = {.list = "users", .heads = heads, .add_row = add_user};

    return ask_list(options, "/api/v1/users", &table);
}

/* action: behind the user's path; may be NULL. done: what is said of the user afterwards. */
static int ask_for_user(const struct options *options, const char *method, const char *action,
                        struct str body, const char *done)
{
    CLEANUP(buf_done) struct buf path = {0};
    char line[512];

    buf_init(&path, 4096);
    buf_add_c(&path, "/api/v1/users");
    client_path_add(&path, str_c(options_arg(options, 0)));
    if (action != NULL)
        client_path_add(&path, str_c(action));
    (void)snprintf(line, sizeof line, "%s: %s", options_arg(options, 0), done);
    const struct ask_change change = {
        .method = method, .path = client_path(&path), .body = body, .done = line};

    return ask_change(options, &change);
}

int command_user_sign_out(const struct options *options)
{
    return ask_for_user(options, "POST", "sign-out", STR_NONE,
                        "signed out; what was issued until now is refused");
}

int command_user_disable(const struct options *options)
{
    return ask_for_user(options, "PATCH", NULL, STR("{\"disabled\":true}"),
                        "disabled; nothing of this user, nor of the user's robots, works any more");
}

int command_user_enable(const struct options *options)
{
    return ask_for_user(options, "PATCH", NULL, STR("{\"disabled\":false}"), "enabled");
}

int command_user_role(const struct options *options)
{
    CLEANUP(buf_done) struct buf body = {0};

    buf_init(&body, 4096);
    client_member_add(&body, STR("role"), str_c(options_arg(options, 1)));
    client_member_end(&body);
    return ask_for_user(options, "PATCH", NULL, buf_str(&body), options_arg(options, 1));
}
