#include "cli/client.h"
#include "cli/commands.h"
#include "cli/say.h"

#include "base/jsonw.h"

static int print_json(struct str yaml)
{
    struct buf out;
    struct jsonw w;

    buf_init(&out, (size_t)64 << 20);
    jsonw_init(&w, &out);
    jsonw_object(&w);
    jsonw_name_str(&w, "governance", yaml);
    jsonw_end_object(&w);
    buf_add_byte(&out, '\n');
    int exit_code = say_out(&out);
    buf_done(&out);
    return exit_code;
}

int command_export(const struct options *options)
{
    CLEANUP(client_closep) struct client *client = NULL;
    CLEANUP(answer_done) struct answer answer = {0};
    struct err err;

    if (client_open(options, &client, &err) != ERR_OK ||
        client_get(client, "/api/v1/governance", &answer, &err) != ERR_OK)
        return client_fail(client, &err);
    if (options_has(options, "json"))
        return print_json(answer.text);
    const struct buf out = {.ptr = (char *)(uintptr_t)answer.text.ptr, .len = answer.text.len};
    return say_out(&out);
}
