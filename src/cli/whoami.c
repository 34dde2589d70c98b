#include "base/buf.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/say.h"
#include "cli/text.h"

static const struct {
    const char *name;
    const char *member;
} texts[] = {
    {"kind", "kind"},  {"id", "id"},     {"name", "name"},         {"e-mail", "email"},
    {"for", "person"}, {"role", "role"}, {"provider", "provider"},
};

static const struct {
    const char *name;
    const char *member;
    const char *sep;
} lists[] = {
    {"agents", "chain", " < "},
    {"groups", "groups", ", "},
    {"scopes", "scopes", ", "},
};

static void write_line(struct buf *out, const char *name, struct str value)
{
    if (value.len == 0)
        return;
    buf_printf(out, "%-9s ", name);
    text_write(out, value);
    buf_add_byte(out, '\n');
}

static void write_list(const struct answer *answer, size_t at, struct buf *out)
{
    json_pos list = json_get(&answer->doc, 0, str_c(lists[at].member));
    struct buf words;

    buf_init(&words, 256 << 10);
    for (json_pos pos = json_first(&answer->doc, list); pos != JSON_NONE;
         pos = json_next(&answer->doc, list, pos)) {
        struct str word = STR_NONE;

        if (!json_str(&answer->doc, pos, answer->arena, &word))
            continue;
        buf_add_c(&words, words.len > 0 ? lists[at].sep : "");
        buf_add(&words, word);
    }
    write_line(out, lists[at].name, buf_str(&words));
    buf_done(&words);
}

int command_whoami(const struct options *options)
{
    CLEANUP(client_closep) struct client *client = NULL;
    CLEANUP(answer_done) struct answer answer = {0};
    CLEANUP(buf_done) struct buf out = {0};
    struct err err;

    if (client_open(options, &client, &err) != ERR_OK ||
        client_get(client, "/api/v1/me", &answer, &err) != ERR_OK)
        return client_fail(client, &err);
    if (options_has(options, "json"))
        return say_line(answer.text);
    json_pos token = json_get(&answer.doc, 0, STR("token"));
    buf_init(&out, 1 << 20);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        write_line(&out, texts[i].name, answer_str(&answer, 0, texts[i].member));
    for (size_t i = 0; i < ARRAY_LEN(lists); i++)
        write_list(&answer, i, &out);
    write_line(&out, "token", answer_str(&answer, token, "id"));
    write_line(&out, "until", client_time(&answer, token, "expires"));
    return say_out(&out);
}
