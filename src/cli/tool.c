#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/jsonw.h"
#include "base/words.h"
#include "cli/ask.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/grid.h"
#include "cli/say.h"
#include "cli/text.h"

static int print_grid(struct grid *grid)
{
    struct buf out;

    buf_init(&out, (size_t)256 << 20);
    grid_write(grid, &out);
    int exit_code = say_out(&out);
    buf_done(&out);
    return exit_code;
}

static int print_tools(const struct answer *answer)
{
    static const char *const heads[] = {"SERVER", "TOOL",         "CATEGORY", "STATE",
                                        "RULE",   "EXPOSED NAME", NULL};
    CLEANUP(grid_freep) struct grid *grid = grid_new(heads);
    json_pos list = json_get(&answer->doc, 0, STR("tools"));

    if (grid == NULL)
        return EXIT_REFUSED;
    for (json_pos pos = json_first(&answer->doc, list); pos != JSON_NONE;
         pos = json_next(&answer->doc, list, pos)) {
        grid_add(grid, answer_str(answer, pos, "server"));
        grid_add(grid, answer_str(answer, pos, "name"));
        grid_add(grid, answer_str(answer, pos, "category"));
        grid_add(grid, answer_str(answer, pos, "state"));
        grid_add(grid, answer_str(answer, pos, "rule"));
        grid_add(grid, answer_str(answer, pos, "exposed_name"));
    }
    return print_grid(grid);
}

/* Which servers need a word, on stderr: the table stays a table. */
static void hint_hidden(const struct options *options, const struct answer *answer)
{
    json_pos list = json_get(&answer->doc, 0, STR("hidden"));

    for (json_pos pos = json_first(&answer->doc, list); pos != JSON_NONE;
         pos = json_next(&answer->doc, list, pos)) {
        CLEANUP(buf_done) struct buf command = {0};

        buf_init(&command, 8192);
        say_write_command(options, answer_str(answer, pos, "command"), &command);
        int64_t held = answer_i64(answer, pos, "quarantined");
        if (held > 0)
            say_hint("%" PRId64 " tools of " STR_FMT
                     " are in quarantine until they are approved: " STR_FMT,
                     held, STR_ARG(answer_str(answer, pos, "server")), STR_ARG(buf_str(&command)));
        else
            say_hint("%" PRId64 " tools of " STR_FMT
                     " are hidden until somebody says what they can do: " STR_FMT,
                     answer_i64(answer, pos, "unclassified"),
                     STR_ARG(answer_str(answer, pos, "server")), STR_ARG(buf_str(&command)));
    }
}

int command_tool_list(const struct options *options)
{
    CLEANUP(client_closep) struct client *client = NULL;
    CLEANUP(answer_done) struct answer answer = {0};
    CLEANUP(buf_done) struct buf path = {0};
    struct err err;

    buf_init(&path, 4096);
    buf_add_c(&path, "/api/v1/tools");
    if (options_arg(options, 0) != NULL)
        client_query_add(&path, "server", str_c(options_arg(options, 0)));
    if (client_open(options, &client, &err) != ERR_OK ||
        client_get(client, client_path(&path), &answer, &err) != ERR_OK)
        return client_fail(client, &err);
    if (options_has(options, "json"))
        return say_line(answer.text);
    int exit_code = print_tools(&answer);
    hint_hidden(options, &answer);
    return exit_code;
}

static void write_tool(const struct answer *answer, struct buf *out)
{
    static const char *const names[] = {"server", "name",       "exposed_name", "title", "category",
                                        "state",  "quarantine", "renamed_from", "rule",  "set_by",
                                        "reason", "hash",       "hash_in_force"};
    static const char *const times[] = {"set_at", "quarantined_at", "first_seen", "changed",
                                        "last_seen"};
    json_pos definition = json_get(&answer->doc, 0, STR("definition"));

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct str value = answer_str(answer, 0, names[i]);

        if (value.len == 0)
            continue;
        buf_printf(out, "%-14s ", names[i]);
        text_write(out, value);
        buf_add_byte(out, '\n');
    }
    for (size_t i = 0; i < ARRAY_LEN(times); i++) {
        struct str value = client_time(answer, 0, times[i]);

        if (value.len > 0)
            buf_printf(out, "%-14s " STR_FMT "\n", times[i], STR_ARG(value));
    }
    buf_add_c(out, "definition     ");
    text_write(out, definition != JSON_NONE ? json_raw(&answer->doc, definition)
                                            : answer_str(answer, 0, "definition_text"));
    buf_add_byte(out, '\n');
}

int command_tool_show(const struct options *options)
{
    CLEANUP(buf_done) struct buf path = {0};

    buf_init(&path, 4096);
    buf_add_c(&path, "/api/v1/servers");
    client_path_add(&path, str_c(options_arg(options, 0)));
    buf_add_c(&path, "/tools");
    client_path_add(&path, str_c(options_arg(options, 1)));
    return ask_show(options, client_path(&path), write_tool);
}

/* Setting categories. */

static int set(const struct options *options, struct client *client, const char *server,
               struct str tools)
{
    CLEANUP(answer_done) struct answer answer = {0};
    CLEANUP(buf_done) struct buf path = {0};
    CLEANUP(buf_done) struct buf text = {0};
    struct err err;

    buf_init(&path, 4096);
    buf_init(&text, 8 << 20);
    buf_add_c(&path, "/api/v1/servers");
    client_path_add(&path, str_c(server));
    buf_add_c(&path, "/tools");
    buf_printf(&text, "{\"tools\":" STR_FMT "}", STR_ARG(tools));
    const struct client_body body = {.content_type = "application/json", .text = buf_str(&text)};
    if (client_call(client, "PUT", client_path(&path), &body, &answer, &err) != ERR_OK)
        return client_fail(client, &err);
    if (options_has(options, "json"))
        return say_line(answer.text);
    int64_t hidden = answer_i64(&answer, 0, "unclassified");
    (void)printf("set; policy version %" PRId64 "\n", answer_i64(&answer, 0, "policy_version"));
    if (answer_i64(&answer, 0, "matched") == 0)
        say_hint("%s has no such tool now; `portreeve tool list %s` shows them", server, server);
    if (hidden > 0)
        (void)printf("%" PRId64
                     " tools of %s are still hidden, because nobody has said what they can do\n",
                     hidden, server);
    return EXIT_DONE;
}

/* "unclassified" takes the word back. */
static enum err_code write_one(const struct options *options, struct buf *tools, struct err *err)
{
    struct str pattern = str_c(options_arg(options, 1));
    struct str word = str_c(options_arg(options, 2));
    enum category category;

    if (word.len == 0)
        return err_set(err, ERR_INVALID,
                       "right is: portreeve tool set SERVER NAME-OR-PATTERN CATEGORY, or portreeve "
                       "tool set SERVER --from-hints");
    if (!category_parse(word, &category) && !str_eq(word, STR("unclassified")))
        return err_set(err, ERR_INVALID,
                       "'" STR_FMT "' is no category; expected is read-only, write, destructive, "
                       "admin, or unclassified to take a word back",
                       STR_ARG(word));
    buf_add_byte(tools, '{');
    jsonw_quote(tools, pattern);
    buf_add_byte(tools, ':');
    if (str_eq(word, STR("unclassified")))
        buf_add_c(tools, "null");
    else
        jsonw_quote(tools, word);
    buf_add_byte(tools, '}');
    return ERR_OK;
}

static int set_one(const struct options *options)
{
    CLEANUP(client_closep) struct client *client = NULL;
    CLEANUP(buf_done) struct buf tools = {0};
    struct err err;

    buf_init(&tools, 64 << 10);
    if (write_one(options, &tools, &err) != ERR_OK)
        return say_usage(&err);
    if (client_open(options, &client, &err) != ERR_OK)
        return client_fail(client, &err);
    return set(options, client, options_arg(options, 0), buf_str(&tools));
}

/* From hints: what the server claims about itself, shown first and set only when somebody says yes.
 */

/* The proposals for tools that nobody has classified, as a table and as what to send. */
static size_t gather(const struct answer *hints, struct grid *grid, struct buf *tools)
{
    json_pos list = json_get(&hints->doc, 0, STR("tools"));
    size_t count = 0;

    for (json_pos pos = json_first(&hints->doc, list); pos != JSON_NONE;
         pos = json_next(&hints->doc, list, pos)) {
        struct str proposed = answer_str(hints, pos, "proposed");

        if (answer_bool(hints, pos, "classified"))
            continue;
        grid_add(grid, answer_str(hints, pos, "name"));
        grid_add(grid, proposed.len > 0 ? proposed : STR("(stays hidden)"));
        grid_add(grid, answer_str(hints, pos, "reason"));
        if (proposed.len == 0)
            continue;
        client_member_add(tools, answer_str(hints, pos, "name"), proposed);
        count++;
    }
    client_member_end(tools);
    return count;
}

static bool is_confirmed(void)
{
    char line[16] = "";

    (void)fprintf(stderr, "These are claims of the server itself. Set these categories? [y/N] ");
    return fgets(line, sizeof line, stdin) != NULL && (line[0] == 'y' || line[0] == 'Y');
}

static int confirm(const struct options *options)
{
    struct err err;

    if (options_has(options, "yes"))
        return EXIT_DONE;
    if (!isatty(STDIN_FILENO)) {
        (void)err_set(
            &err, ERR_INVALID,
            "nothing was set: say --yes to set these categories, or --dry-run to only see them");
        return say_usage(&err);
    }
    if (is_confirmed())
        return EXIT_DONE;
    say_hint("nothing was set");
    return EXIT_REFUSED;
}

static int set_proposals(const struct options *options, struct client *client,
                         const struct answer *hints)
{
    static const char *const heads[] = {"TOOL", "CATEGORY", "WHY", NULL};
    CLEANUP(grid_freep) struct grid *grid = grid_new(heads);
    CLEANUP(buf_done) struct buf tools = {0};

    if (grid == NULL)
        return EXIT_REFUSED;
    buf_init(&tools, 8 << 20);
    size_t count = gather(hints, grid, &tools);
    if (options_has(options, "dry-run") && options_has(options, "json"))
        return say_line(hints->text);
    if (!options_has(options, "json"))
        (void)print_grid(grid);
    if (options_has(options, "dry-run"))
        return EXIT_DONE;
    if (count == 0) {
        say_hint("nothing to set: every tool is classified, or the server gives no hints");
        return EXIT_DONE;
    }
    int exit_code = confirm(options);
    return exit_code == EXIT_DONE ? set(options, client, options_arg(options, 0), buf_str(&tools))
                                  : exit_code;
}

static int set_from_hints(const struct options *options)
{
    CLEANUP(client_closep) struct client *client = NULL;
    CLEANUP(answer_done) struct answer hints = {0};
    CLEANUP(buf_done) struct buf path = {0};
    struct err err;

    if (options_arg(options, 1) != NULL) {
        (void)err_set(&err, ERR_INVALID,
                      "--from-hints speaks for all tools: give the server alone");
        return say_usage(&err);
    }
    buf_init(&path, 4096);
    buf_add_c(&path, "/api/v1/servers");
    client_path_add(&path, str_c(options_arg(options, 0)));
    buf_add_c(&path, "/hints");
    if (client_open(options, &client, &err) != ERR_OK ||
        client_get(client, client_path(&path), &hints, &err) != ERR_OK)
        return client_fail(client, &err);
    return set_proposals(options, client, &hints);
}

int command_tool_set(const struct options *options)
{
    return options_has(options, "from-hints") ? set_from_hints(options) : set_one(options);
}
