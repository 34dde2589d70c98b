#include <inttypes.h>
#include <stdio.h>

#include "cli/ask.h"
#include "cli/commands.h"
#include "cli/say.h"
#include "cli/text.h"

static void add_robot(struct grid *grid, const struct answer *answer, json_pos row)
{
    bool has_left = answer_bool(answer, row, "owner_left");

    grid_add(grid, answer_str(answer, row, "name"));
    grid_add(grid, answer_str(answer, row, "owner"));
    grid_add_c(grid, answer_bool(answer, row, "disabled") ? "yes" : has_left ? "owner left" : "no");
    grid_add_i64(grid, answer_i64(answer, row, "active_tokens"));
    grid_add_i64(grid, answer_i64(answer, row, "tokens_ending_soon"));
}

static void add_token(struct grid *grid, const struct answer *answer, json_pos row)
{
    static const char *const holders[] = {"robot", "user", "owner", "provider"};
    struct str holder = STR_NONE;

    for (size_t i = 0; holder.len == 0 && i < ARRAY_LEN(holders); i++)
        holder = answer_str(answer, row, holders[i]);
    grid_add(grid, answer_str(answer, row, "id"));
    grid_add(grid, holder);
    grid_add(grid, answer_str(answer, row, "kind"));
    ask_add_state(grid, answer, row);
    grid_add(grid, client_time(answer, row, "created"));
    grid_add(grid, client_time(answer, row, "expires"));
    grid_add(grid, client_time(answer, row, "last_used"));
    ask_add_words(grid, answer, row, "scopes");
}

static const char *const token_heads[] = {"TOKEN",   "HOLDER",    "KIND",   "STATE", "CREATED",
                                          "EXPIRES", "LAST USED", "SCOPES", NULL};
static const struct ask_table token_table = {
    .list = "tokens", .heads = token_heads, .add_row = add_token};

int command_robot_list(const struct options *options)
{
    static const char *const heads[] = {"NAME", "OWNER", "DISABLED", "TOKENS", "ENDING SOON", NULL};
    const struct ask_table table = {.list = "robots", .heads = heads, .add_row = add_robot};

    return options_has(options, "tokens") ? ask_list(options, "/api/v1/tokens", &token_table)
                                          : ask_list(options, "/api/v1/robots", &table);
}

static void write_texts(const struct answer *answer, const char *name, struct buf *out)
{
    json_pos list = json_get(&answer->doc, 0, str_c(name));

    for (json_pos pos = json_first(&answer->doc, list); pos != JSON_NONE;
         pos = json_next(&answer->doc, list, pos)) {
        struct str text = STR_NONE;

        if (!json_str(&answer->doc, pos, answer->arena, &text))
            continue;
        buf_printf(out, "%-9s ", name);
        text_write(out, text);
        buf_add_byte(out, '\n');
    }
}

static void write_robot(const struct answer *answer, struct buf *out)
{
    buf_add_c(out, "name      ");
    text_write(out, answer_str(answer, 0, "name"));
    buf_add_c(out, "\nowner     ");
    text_write(out, answer_str(answer, 0, "owner"));
    buf_printf(out, "%s\ndisabled  %s\n",
               answer_bool(answer, 0, "owner_left") ? ", who has left" : "",
               answer_bool(answer, 0, "disabled") ? "yes" : "no");
    write_texts(answer, "networks", out);
    write_texts(answer, "identity", out);
    buf_add_byte(out, '\n');
    ask_write_table(answer, &token_table, out);
}

int command_robot_show(const struct options *options)
{
    CLEANUP(buf_done) struct buf path = {0};

    buf_init(&path, 4096);
    buf_add_c(&path, "/api/v1/robots");
    client_path_add(&path, str_c(options_arg(options, 0)));
    return ask_show(options, client_path(&path), write_robot);
}

int command_robot_create(const struct options *options)
{
    CLEANUP(buf_done) struct buf text = {0};
    const char *owner = options_get(options, "owner");
    const char *name = options_arg(options, 0);
    char line[512];
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
    (void)snprintf(line, sizeof line,
                   "created robot %s; `portreeve robot token %s` makes its token", name, name);
    const struct ask_change change = {
        .method = "POST", .path = "/api/v1/robots", .body = buf_str(&text), .done = line};

    return ask_change(options, &change);
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
    static const char *const names[] = {"scopes", "expires", "overlap", "id"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const char *value = options_get(options, names[i]);

        if (value != NULL)
            client_member_add(text, str_c(names[i]), str_c(value));
    }
    if (options_has(options, "rotate"))
        buf_printf(text, "%s\"rotate\":true", text->len == 0 ? "{" : ",");
    client_member_end(text);
}

int command_robot_token(const struct options *options)
{
    CLEANUP(buf_done) struct buf path = {0};
    CLEANUP(buf_done) struct buf text = {0};

    buf_init(&path, 4096);
    buf_init(&text, 64 << 10);
    write_path(&path, options_arg(options, 0));
    write_wish(options, &text);
    const struct ask_change change = {
        .method = "POST", .path = client_path(&path), .body = buf_str(&text), .shown = "token"};

    return ask_change(options, &change);
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
