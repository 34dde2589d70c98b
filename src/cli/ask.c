#include "cli/ask.h"

#include <stdio.h>

#include "cli/say.h"

enum { TABLE_BYTES = 64 << 20 };

void ask_write_table(const struct answer *answer, const struct ask_table *table, struct buf *out)
{
    CLEANUP(grid_freep) struct grid *grid = grid_new(table->heads);
    json_pos list = json_get(&answer->doc, 0, str_c(table->list));

    if (grid == NULL) {
        out->failed = true;
        return;
    }
    for (json_pos row = json_first(&answer->doc, list); row != JSON_NONE;
         row = json_next(&answer->doc, list, row))
        table->add_row(grid, answer, row);
    grid_write(grid, out);
}

/* With write or as a table, whichever is there. */
static int fetch_and_print(const struct options *options, const char *path, ask_write_fn *write,
                           const struct ask_table *table)
{
    CLEANUP(client_closep) struct client *client = NULL;
    CLEANUP(answer_done) struct answer answer = {0};
    CLEANUP(buf_done) struct buf out = {0};
    struct err err;

    if (client_open(options, &client, &err) != ERR_OK ||
        client_get(client, path, &answer, &err) != ERR_OK)
        return client_fail(client, &err);
    if (options_has(options, "json"))
        return say_line(answer.text);
    buf_init(&out, TABLE_BYTES);
    if (write != NULL)
        write(&answer, &out);
    else
        ask_write_table(&answer, table, &out);
    return say_out(&out);
}

int ask_list(const struct options *options, const char *path, const struct ask_table *table)
{
    return fetch_and_print(options, path, NULL, table);
}

int ask_show(const struct options *options, const char *path, ask_write_fn *write)
{
    return fetch_and_print(options, path, write, NULL);
}

int ask_change(const struct options *options, const struct ask_change *change)
{
    CLEANUP(client_closep) struct client *client = NULL;
    CLEANUP(answer_done) struct answer answer = {0};
    const struct client_body body = {.content_type = "application/json", .text = change->body};
    struct err err;

    if (client_open(options, &client, &err) != ERR_OK ||
        client_call(client, change->method, change->path, change->body.len == 0 ? NULL : &body,
                    &answer, &err) != ERR_OK)
        return client_fail(client, &err);
    if (options_has(options, "json"))
        return say_line(answer.text);
    return say_line(change->shown != NULL ? answer_str(&answer, 0, change->shown)
                                          : str_c(change->done));
}

void ask_add_state(struct grid *grid, const struct answer *answer, json_pos row)
{
    if (answer_bool(answer, row, "ends_soon"))
        grid_add_c(grid, "ends soon");
    else
        grid_add(grid, answer_str(answer, row, "state"));
}

void ask_add_words(struct grid *grid, const struct answer *answer, json_pos row, const char *name)
{
    json_pos list = json_get(&answer->doc, row, str_c(name));
    struct buf text;

    buf_init(&text, 4096);
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
