#include <inttypes.h>
#include <stdio.h>

#include "base/jsonw.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/grid.h"
#include "cli/say.h"

static const char *yes_no(bool value)
{
    return value ? "yes" : "no";
}

static void add_robots(struct grid *grid, const struct answer *answer)
{
    json_pos list = json_get(&answer->doc, 0, STR("robots"));

    for (json_pos pos = json_first(&answer->doc, list); pos != JSON_NONE;
         pos = json_next(&answer->doc, list, pos)) {
        grid_add(grid, answer_str(answer, pos, "name"));
        grid_add(grid, answer_str(answer, pos, "owner"));
        grid_add_c(grid, yes_no(answer_bool(answer, pos, "disabled")));
        grid_add_i64(grid, answer_i64(answer, pos, "active_tokens"));
    }
}

static void add_scopes(struct grid *grid, const struct answer *answer, json_pos token)
{
    json_pos list = json_get(&answer->doc, token, STR("scopes"));
    struct buf text;

    buf_init(&text, 1024);
    for (json_pos pos = json_first(&answer->doc, list); pos != JSON_NONE;
         pos = json_next(&answer->doc, list, pos)) {
        struct str word = STR_NONE;

        if (!json_str(&answer->doc, pos, answer->arena, &word))
            continue;
        buf_add_c(&text, text.len > 0 ? "," : "");
        buf_add(&text, word);
    }
    grid_add(grid, buf_str(&text));
    buf_done(&text);
}

static void add_tokens(struct grid *grid, const struct answer *answer)
{
    json_pos list = json_get(&answer->doc, 0, STR("tokens"));

    for (json_pos pos = json_first(&answer->doc, list); pos != JSON_NONE;
         pos = json_next(&answer->doc, list, pos)) {
        struct str robot = answer_str(answer, pos, "robot");

        grid_add(grid, answer_str(answer, pos, "id"));
        grid_add(grid, robot.len > 0 ? robot : answer_str(answer, pos, "owner"));
        grid_add(grid, answer_str(answer, pos, "kind"));
        grid_add(grid, answer_str(answer, pos, "state"));
        grid_add(grid, client_time(answer, pos, "created"));
        grid_add(grid, client_time(answer, pos, "expires"));
        grid_add(grid, client_time(answer, pos, "last_used"));
        add_scopes(grid, answer, pos);
    }
}

static int print_grid(struct grid *grid)
{
    struct buf out;

    buf_init(&out, (size_t)64 << 20);
    grid_write(grid, &out);
    int exit_code = say_out(&out);
    buf_done(&out);
    return exit_code;
}

int command_robot_list(const struct options *options)
{
    static const char *const robots[] = {"NAME", "OWNER", "DISABLED", "TOKENS", NULL};
    static const char *const tokens[] = {"TOKEN",   "HOLDER",    "KIND",   "STATE", "CREATED",
                                         "EXPIRES", "LAST USED", "SCOPES", NULL};
    bool has_tokens = options_has(options, "tokens");
    CLEANUP(grid_freep) struct grid *grid = grid_new(has_tokens ? tokens : robots);
    CLEANUP(client_closep) struct client *client = NULL;
    CLEANUP(answer_done) struct answer answer = {0};
    struct err err;

    if (client_open(options, &client, &err) != ERR_OK ||
        client_get(client, has_tokens ? "/api/v1/tokens" : "/api/v1/robots", &answer, &err) !=
            ERR_OK)
        return client_fail(client, &err);
    if (options_has(options, "json"))
        return say_line(answer.text);
    if (grid == NULL)
        return EXIT_REFUSED;
    if (has_tokens)
        add_tokens(grid, &answer);
    else
        add_robots(grid, &answer);
    return print_grid(grid);
}

int command_robot_create(const struct options *options)
{
    CLEANUP(client_closep) struct client *client = NULL;
    CLEANUP(answer_done) struct answer answer = {0};
    CLEANUP(buf_done) struct buf text = {0};
    const char *owner = options_get(options, "owner");
    const char *name = options_arg(options, 0);
    struct err err;

    buf_init(&text, 64 << 10);
    if (owner == NULL) {
        (void)err_set(&err, ERR_INVALID,
                      "a robot needs a person who answers for it: --owner EMAIL");
        return say_usage(&err);
    }
    client_member_add(&text, STR("name"), str_c(name));
    client_member_add(&text, STR("owner"), str_c(owner));
    client_member_end(&text);
    const struct client_body body = {.content_type = "application/json", .text = buf_str(&text)};
    if (client_open(options, &client, &err) != ERR_OK ||
        client_call(client, "POST", "/api/v1/robots", &body, &answer, &err) != ERR_OK)
        return client_fail(client, &err);
    if (options_has(options, "json"))
        return say_line(answer.text);
    (void)printf("created robot %s; `portreeve robot token %s` makes its token\n", name, name);
    return EXIT_DONE;
}

/* /api/v1/robots/NAME/tokens */
static void write_path(struct buf *path, const char *robot)
{
    buf_add_c(path, "/api/v1/robots");
    client_path_add(path, str_c(robot));
    buf_add_c(path, "/tokens");
}

static void write_wish(const struct options *options, struct buf *text)
{
    const char *scopes = options_get(options, "scopes");
    const char *expires = options_get(options, "expires");

    if (scopes != NULL)
        client_member_add(text, STR("scopes"), str_c(scopes));
    if (expires != NULL)
        client_member_add(text, STR("expires"), str_c(expires));
    client_member_end(text);
}

int command_robot_token(const struct options *options)
{
    CLEANUP(client_closep) struct client *client = NULL;
    CLEANUP(answer_done) struct answer answer = {0};
    CLEANUP(buf_done) struct buf path = {0};
    CLEANUP(buf_done) struct buf text = {0};
    struct err err;

    buf_init(&path, 4096);
    buf_init(&text, 64 << 10);
    write_path(&path, options_arg(options, 0));
    write_wish(options, &text);
    const struct client_body body = {.content_type = "application/json", .text = buf_str(&text)};
    if (client_open(options, &client, &err) != ERR_OK ||
        client_call(client, "POST", client_path(&path), &body, &answer, &err) != ERR_OK)
        return client_fail(client, &err);
    return say_line(options_has(options, "json") ? answer.text : answer_str(&answer, 0, "token"));
}

int command_robot_revoke(const struct options *options)
{
    CLEANUP(client_closep) struct client *client = NULL;
    CLEANUP(answer_done) struct answer answer = {0};
    CLEANUP(buf_done) struct buf path = {0};
    const char *robot = options_arg(options, 0);
    const char *token = options_get(options, "token");
    struct err err;

    buf_init(&path, 4096);
    if ((robot == NULL) == (token == NULL)) {
        (void)err_set(&err, ERR_INVALID,
                      "say what to revoke: the NAME of a robot for all its tokens, or --token ID");
        return say_usage(&err);
    }
    if (robot != NULL) {
        write_path(&path, robot);
    } else {
        buf_add_c(&path, "/api/v1/tokens");
        client_path_add(&path, str_c(token));
    }
    if (client_open(options, &client, &err) != ERR_OK ||
        client_call(client, "DELETE", client_path(&path), NULL, &answer, &err) != ERR_OK)
        return client_fail(client, &err);
    if (options_has(options, "json"))
        return say_line(answer.text);
    int64_t count = answer_i64(&answer, 0, "revoked");
    (void)printf("revoked %" PRId64 " token%s\n", count, count == 1 ? "" : "s");
    return EXIT_DONE;
}
