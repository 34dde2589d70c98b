#include <stdio.h>

#include "cli/client.h"
#include "cli/commands.h"
#include "cli/grid.h"
#include "cli/say.h"

static void add_users(struct grid *grid, const struct answer *answer)
{
    json_pos list = json_get(&answer->doc, 0, STR("users"));

    for (json_pos pos = json_first(&answer->doc, list); pos != JSON_NONE;
         pos = json_next(&answer->doc, list, pos)) {
        grid_add_i64(grid, answer_i64(answer, pos, "id"));
        grid_add(grid, answer_str(answer, pos, "email"));
        grid_add(grid, answer_str(answer, pos, "name"));
        grid_add(grid, answer_str(answer, pos, "role"));
        grid_add_c(grid, answer_bool(answer, pos, "disabled") ? "yes" : "no");
        grid_add(grid, answer_str(answer, pos, "provider"));
        grid_add(grid, client_time(answer, pos, "last_seen"));
    }
}

int command_user_list(const struct options *options)
{
    static const char *const heads[] = {"ID",       "E-MAIL",   "NAME",      "ROLE",
                                        "DISABLED", "PROVIDER", "LAST SEEN", NULL};
    CLEANUP(grid_freep) struct grid *grid = grid_new(heads);
    CLEANUP(client_closep) struct client *client = NULL;
    CLEANUP(answer_done) struct answer answer = {0};
    CLEANUP(buf_done) struct buf out = {0};
    struct err err;

    if (client_open(options, &client, &err) != ERR_OK ||
        client_get(client, "/api/v1/users", &answer, &err) != ERR_OK)
        return client_fail(client, &err);
    if (options_has(options, "json"))
        return say_line(answer.text);
    if (grid == NULL)
        return EXIT_REFUSED;
    add_users(grid, &answer);
    buf_init(&out, (size_t)64 << 20);
    grid_write(grid, &out);
    return say_out(&out);
}

/* action: behind the user's path; may be NULL. */
static int ask_for_user(const struct options *options, const char *method, const char *action,
                        const struct client_body *body, const char *done)
{
    CLEANUP(client_closep) struct client *client = NULL;
    CLEANUP(answer_done) struct answer answer = {0};
    CLEANUP(buf_done) struct buf path = {0};
    struct err err;

    buf_init(&path, 4096);
    buf_add_c(&path, "/api/v1/users");
    client_path_add(&path, str_c(options_arg(options, 0)));
    if (action != NULL)
        client_path_add(&path, str_c(action));
    if (client_open(options, &client, &err) != ERR_OK ||
        client_call(client, method, client_path(&path), body, &answer, &err) != ERR_OK)
        return client_fail(client, &err);
    if (options_has(options, "json"))
        return say_line(answer.text);
    (void)printf("%s: %s\n", options_arg(options, 0), done);
    return EXIT_DONE;
}

/* body: the change as JSON; done: what is said when it is made. */
static int change_user(const struct options *options, struct str body, const char *done)
{
    const struct client_body what = {.content_type = "application/json", .text = body};

    return ask_for_user(options, "PATCH", NULL, &what, done);
}

int command_user_sign_out(const struct options *options)
{
    return ask_for_user(options, "POST", "sign-out", NULL,
                        "signed out; what was issued until now is refused");
}

int command_user_disable(const struct options *options)
{
    return change_user(options, STR("{\"disabled\":true}"),
                       "disabled; nothing of this user, nor of the user's robots, works any more");
}

int command_user_enable(const struct options *options)
{
    return change_user(options, STR("{\"disabled\":false}"), "enabled");
}

int command_user_role(const struct options *options)
{
    CLEANUP(buf_done) struct buf body = {0};

    buf_init(&body, 4096);
    client_member_add(&body, STR("role"), str_c(options_arg(options, 1)));
    client_member_end(&body);
    return change_user(options, buf_str(&body), options_arg(options, 1));
}
