/*
 * Groups that identity providers provision, and the tokens that they do it with.
 */
#include <inttypes.h>
#include <stdio.h>

#include "cli/ask.h"
#include "cli/commands.h"
#include "cli/text.h"

static void add_group(struct grid *grid, const struct answer *answer, json_pos row)
{
    grid_add(grid, answer_str(answer, row, "id"));
    grid_add(grid, answer_str(answer, row, "name"));
    grid_add(grid, answer_str(answer, row, "provider"));
    grid_add_i64(grid, answer_i64(answer, row, "people"));
    grid_add(grid, client_time(answer, row, "changed"));
}

int command_group_list(const struct options *options)
{
    static const char *const heads[] = {"ID", "NAME", "PROVIDER", "PEOPLE", "CHANGED", NULL};
    const struct ask_table table = {.list = "groups", .heads = heads, .add_row = add_group};

    return ask_list(options, "/api/v1/groups", &table);
}

static void add_person(struct grid *grid, const struct answer *answer, json_pos row)
{
    grid_add_i64(grid, answer_i64(answer, row, "id"));
    grid_add(grid, answer_str(answer, row, "email"));
    grid_add(grid, answer_str(answer, row, "name"));
    grid_add(grid, answer_str(answer, row, "provisioning"));
}

static void write_group(const struct answer *answer, struct buf *out)
{
    static const char *const heads[] = {"ID", "E-MAIL", "NAME", "PROVISIONING", NULL};
    const struct ask_table table = {.list = "users", .heads = heads, .add_row = add_person};

    buf_add_c(out, "name      ");
    text_write(out, answer_str(answer, 0, "name"));
    buf_add_c(out, "\nprovider  ");
    text_write(out, answer_str(answer, 0, "provider"));
    buf_printf(out, "\npeople    %" PRId64 "\n\n", answer_i64(answer, 0, "people"));
    ask_write_table(answer, &table, out);
}

int command_group_show(const struct options *options)
{
    CLEANUP(buf_done) struct buf path = {0};

    buf_init(&path, 4096);
    buf_add_c(&path, "/api/v1/groups");
    client_path_add(&path, str_c(options_arg(options, 0)));
    return ask_show(options, client_path(&path), write_group);
}

int command_scim_token(const struct options *options)
{
    CLEANUP(buf_done) struct buf path = {0};
    CLEANUP(buf_done) struct buf text = {0};
    const char *expires = options_get(options, "expires");

    buf_init(&path, 4096);
    buf_init(&text, 4096);
    buf_add_c(&path, "/api/v1/providers");
    client_path_add(&path, str_c(options_arg(options, 0)));
    buf_add_c(&path, "/scim-tokens");
    if (expires != NULL)
        client_member_add(&text, STR("expires"), str_c(expires));
    client_member_end(&text);
    const struct ask_change change = {
        .method = "POST", .path = client_path(&path), .body = buf_str(&text), .shown = "token"};

    return ask_change(options, &change);
}
