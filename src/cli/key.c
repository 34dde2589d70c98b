#include <inttypes.h>
#include <stdio.h>

#include "cli/ask.h"
#include "cli/commands.h"
#include "cli/say.h"

static void add_key(struct grid *grid, const struct answer *answer, json_pos row)
{
    char generation[40];
    struct str id = answer_str(answer, row, "id");

    (void)snprintf(generation, sizeof generation, "generation %" PRId64,
                   answer_i64(answer, row, "generation"));
    grid_add(grid, answer_str(answer, row, "name"));
    grid_add(grid, id.len > 0 ? id : str_c(generation));
    grid_add(grid, answer_str(answer, row, "purpose"));
    grid_add(grid, client_time(answer, row, "since"));
    grid_add(grid, client_time(answer, row, "until"));
}

int command_key_list(const struct options *options)
{
    static const char *const heads[] = {"KEY", "ID", "PURPOSE", "SINCE", "UNTIL", NULL};
    const struct ask_table table = {.list = "keys", .heads = heads, .add_row = add_key};

    return ask_list(options, "/api/v1/keys", &table);
}

int command_key_rotate(const struct options *options)
{
    const struct ask_change change = {.method = "POST",
                                      .path = "/api/v1/keys/signing/rotate",
                                      .done = "replaced: new access tokens are signed with another "
                                              "key; those there are stay good"};
    struct err err;

    if (str_eq(str_c(options_arg(options, 0)), STR("signing")))
        return ask_change(options, &change);
    (void)err_set(&err, ERR_INVALID, "only 'signing' can be replaced");
    return say_usage(&err);
}
