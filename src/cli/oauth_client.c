#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "cli/ask.h"
#include "cli/commands.h"
#include "cli/say.h"
#include "cli/text.h"

/* Ids of clients that registered are long; the first letters are enough for every command. */
enum { SHOWN_ID_BYTES = 24, MAX_JWKS_BYTES = 64 << 10 };

static void add_rights(struct grid *grid, const struct answer *answer, json_pos row)
{
    struct str robot = answer_str(answer, row, "robot");
    char text[256];
    struct buf words;
    json_pos list = json_get(&answer->doc, row, STR("redeems"));

    buf_init(&words, sizeof text);
    if (answer_bool(answer, row, "exchange"))
        buf_add_c(&words, "exchange ");
    if (answer_bool(answer, row, "agent"))
        buf_add_c(&words, "agent ");
    for (json_pos pos = json_first(&answer->doc, list); pos != JSON_NONE;
         pos = json_next(&answer->doc, list, pos)) {
        struct str name = STR_NONE;

        if (json_str(&answer->doc, pos, answer->arena, &name))
            buf_printf(&words, "redeem:" STR_FMT " ", STR_ARG(name));
    }
    if (robot.len > 0)
        buf_printf(&words, "robot:" STR_FMT, STR_ARG(robot));
    grid_add(grid, arena_dup(answer->arena, str_trim(buf_str(&words))));
    buf_done(&words);
}

static void add_client(struct grid *grid, const struct answer *answer, json_pos row)
{
    struct str id = answer_str(answer, row, "id");
    bool is_long = str_eq(answer_str(answer, row, "kind"), STR("registered"));

    grid_add(grid, is_long ? str_first(id, SHOWN_ID_BYTES) : id);
    grid_add(grid, answer_str(answer, row, "name"));
    grid_add(grid, answer_str(answer, row, "kind"));
    grid_add(grid, answer_str(answer, row, "proves_by"));
    add_rights(grid, answer, row);
    grid_add_c(grid, answer_bool(answer, row, "blocked") ? "blocked" : "active");
    grid_add_i64(grid, answer_i64(answer, row, "sessions"));
    grid_add(grid, client_time(answer, row, "last_used"));
}

int command_client_list(const struct options *options)
{
    static const char *const heads[] = {"CLIENT", "NAME",     "KIND",      "PROVES BY", "MAY",
                                        "STATE",  "SESSIONS", "LAST USED", NULL};
    const struct ask_table table = {.list = "clients", .heads = heads, .add_row = add_client};

    return ask_list(options, "/api/v1/clients", &table);
}

static const char *write_path(struct buf *path, const char *id, const char *rest)
{
    buf_init(path, 8192);
    buf_add_c(path, "/api/v1/clients");
    client_path_add(path, str_c(id));
    buf_add_c(path, rest);
    return client_path(path);
}

static void write_client(const struct answer *answer, struct buf *out)
{
    static const char *const names[] = {"id",    "name",   "kind",    "proves_by",  "jwks_url",
                                        "robot", "author", "created", "blocked_at", "last_used"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct str text = answer_str(answer, 0, names[i]);

        if (text.len == 0)
            continue;
        buf_printf(out, "%-11s", names[i]);
        text_write(out, text);
        buf_add_byte(out, '\n');
    }
    buf_printf(out, "%-11s%s\n", "state", answer_bool(answer, 0, "blocked") ? "blocked" : "active");
    buf_printf(out, "%-11s%" PRId64 "\n", "sessions", answer_i64(answer, 0, "sessions"));
}

int command_client_show(const struct options *options)
{
    CLEANUP(buf_done) struct buf path = {0};

    return ask_show(options, write_path(&path, options_arg(options, 0), ""), write_client);
}

static enum err_code add_jwks(const char *file, struct buf *body, struct err *err)
{
    CLEANUP(arena_freep) struct arena *arena = arena_new(2 * MAX_JWKS_BYTES);
    struct str text = STR_NONE;

    if (file == NULL)
        return ERR_OK;
    if (arena == NULL)
        return err_set(err, ERR_LIMIT, "memory is out");
    if (file_read(arena, file, MAX_JWKS_BYTES, &text, err) != ERR_OK)
        return err_wrap(err, file);
    client_member_add(body, STR("jwks"), text);
    return ERR_OK;
}

int command_client_add(const struct options *options)
{
    static const struct {
        const char *option;
        const char *member;
    } texts[] = {{"jwks-url", "jwks_url"}, {"redeem", "redeem"}, {"robot", "robot"}};
    static const char *const flags[] = {"secret", "exchange", "agent"};
    CLEANUP(buf_done) struct buf body = {0};
    struct err err;

    buf_init(&body, 4 * MAX_JWKS_BYTES);
    client_member_add(&body, STR("id"), str_c(options_arg(options, 0)));
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        const char *value = options_get(options, texts[i].option);

        if (value != NULL)
            client_member_add(&body, str_c(texts[i].member), str_c(value));
    }
    for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
        if (options_has(options, flags[i]))
            buf_printf(&body, ",\"%s\":true", flags[i]);
    }
    if (add_jwks(options_get(options, "jwks"), &body, &err) != ERR_OK)
        return say_usage(&err);
    client_member_end(&body);
    const bool has_secret = options_has(options, "secret");
    const struct ask_change change = {.method = "POST",
                                      .path = "/api/v1/clients",
                                      .body = buf_str(&body),
                                      .done = has_secret ? NULL : "added",
                                      .shown = has_secret ? "secret" : NULL};

    return ask_change(options, &change);
}

int command_client_remove(const struct options *options)
{
    CLEANUP(buf_done) struct buf path = {0};
    const struct ask_change change = {.method = "DELETE",
                                      .path = write_path(&path, options_arg(options, 0), ""),
                                      .done = "removed: its tokens are refused from now on"};

    return ask_change(options, &change);
}

int command_client_block(const struct options *options)
{
    CLEANUP(buf_done) struct buf path = {0};
    const struct ask_change change = {.method = "POST",
                                      .path = write_path(&path, options_arg(options, 0), "/block"),
                                      .done = "blocked: it is refused everywhere from now on, and "
                                              "its sessions have ended"};

    return ask_change(options, &change);
}

int command_client_unblock(const struct options *options)
{
    CLEANUP(buf_done) struct buf path = {0};
    const struct ask_change change = {.method = "POST",
                                      .path =
                                          write_path(&path, options_arg(options, 0), "/unblock"),
                                      .done = "unblocked: people may sign in with it again"};

    return ask_change(options, &change);
}
