#include "base/buf.h"
#include "cli/ask.h"
#include "cli/commands.h"
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

static void write_me(const struct answer *answer, struct buf *out)
{
    json_pos token = json_get(&answer->doc, 0, STR("token"));

    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        write_line(out, texts[i].name, answer_str(answer, 0, texts[i].member));
    for (size_t i = 0; i < ARRAY_LEN(lists); i++)
        write_list(answer, i, out);
    write_line(out, "token", answer_str(answer, token, "id"));
    write_line(out, "until", client_time(answer, token, "expires"));
}

int command_whoami(const struct options *options)
{
    return ask_show(options, "/api/v1/me", write_me);
}
