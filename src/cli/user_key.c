#include <inttypes.h>
#include <stdio.h>

#include "cli/ask.h"
#include "cli/commands.h"
#include "cli/say.h"

static void add_key(struct grid *grid, const struct answer *answer, json_pos row)
{
    grid_add(grid, answer_str(answer, row, "id"));
    grid_add(grid, answer_str(answer, row, "name"));
    grid_add(grid, answer_str(answer, row, "agent"));
    ask_add_state(grid, answer, row);
    grid_add(grid, client_time(answer, row, "created"));
    grid_add(grid, client_time(answer, row, "expires"));
    grid_add(grid, client_time(answer, row, "last_used"));
    ask_add_words(grid, answer, row, "scopes");
}

/* /api/v1/users/USER/keys, or one's own. */
static const char *keys_path(struct buf *path, const char *user)
{
    buf_init(path, 4096);
    buf_add_c(path, user == NULL ? "/api/v1/me" : "/api/v1/users");
    if (user != NULL)
        client_path_add(path, str_c(user));
    buf_add_c(path, "/keys");
    return client_path(path);
}

int command_user_key_list(const struct options *options)
{
    static const char *const heads[] = {"KEY",     "NAME",      "AGENT",  "STATE", "CREATED",
                                        "EXPIRES", "LAST USED", "SCOPES", NULL};
    const struct ask_table table = {.list = "keys", .heads = heads, .add_row = add_key};
    CLEANUP(buf_done) struct buf path = {0};

    return ask_list(options, keys_path(&path, options_arg(options, 0)), &table);
}

int command_user_key_create(const struct options *options)
{
    static const char *const names[] = {"agent", "scopes", "expires"};
    CLEANUP(buf_done) struct buf body = {0};

    buf_init(&body, 64 << 10);
    client_member_add(&body, STR("name"), str_c(options_arg(options, 0)));
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const char *value = options_get(options, names[i]);

        if (value != NULL)
            client_member_add(&body, str_c(names[i]), str_c(value));
    }
    client_member_end(&body);
    const struct ask_change change = {
        .method = "POST", .path = "/api/v1/me/keys", .body = buf_str(&body), .shown = "token"};

    return ask_change(options, &change);
}

/* One's own by its id; of somebody else one by its id, or all. */
int command_user_key_revoke(const struct options *options)
{
    CLEANUP(buf_done) struct buf path = {0};
    const char *user = options_get(options, "user");
    const char *id = options_arg(options, 0);
    struct err err;

    if ((id == NULL) == (user == NULL)) {
        (void)err_set(
            &err, ERR_INVALID,
            "say what to revoke: the ID of a key of yours, or --user USER for all keys of "
            "somebody; `robot revoke --token ID` revokes any one token");
        return say_usage(&err);
    }
    buf_init(&path, 4096);
    if (user != NULL) {
        buf_add_c(&path, "/api/v1/users");
        client_path_add(&path, str_c(user));
        buf_add_c(&path, "/keys");
    } else {
        buf_add_c(&path, "/api/v1/me/keys");
        client_path_add(&path, str_c(id));
    }
    const struct ask_change change = {
        .method = "DELETE", .path = client_path(&path), .done = "revoked"};

    return ask_change(options, &change);
}
