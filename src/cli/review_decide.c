#include <stdio.h>
#include <unistd.h>

#include "base/jsonw.h"
#include "catalog/definition_diff.h"
#include "cli/commands.h"
#include "cli/review.h"
#include "cli/say.h"
#include "cli/text.h"

/* The lines of what was done; they hold names that servers gave. */
static void write_lines(struct str lines, struct buf *out)
{
    while (lines.len > 0) {
        text_write(out, str_cut(&lines, '\n'));
        buf_add_byte(out, '\n');
    }
}

/* body: the open object, with the tools already in it. */
static int send(const struct options *options, struct client *client, struct jsonw *body,
                const char *action)
{
    CLEANUP(answer_done) struct answer answer = {0};
    CLEANUP(buf_done) struct buf path = {0};
    CLEANUP(buf_done) struct buf out = {0};
    struct err err;

    jsonw_name_str(body, "action", str_c(action));
    if (options_has(options, "reason"))
        jsonw_name_str(body, "reason", str_c(options_get(options, "reason")));
    jsonw_end_object(body);
    buf_init(&path, 4096);
    buf_add_c(&path, "/api/v1/servers");
    client_path_add(&path, str_c(options_arg(options, 0)));
    buf_add_c(&path, "/review");
    const struct client_body what = {.content_type = "application/json",
                                     .text = buf_str(body->out)};
    if (client_call(client, "POST", client_path(&path), &what, &answer, &err) != ERR_OK)
        return client_fail(client, &err);
    if (options_has(options, "json"))
        return say_line(answer.text);
    buf_init(&out, (size_t)128 << 20);
    write_lines(answer_str(&answer, 0, "changes"), &out);
    return say_out(&out);
}

static void write_tool(struct jsonw *w, struct str name, struct str hash)
{
    jsonw_object(w);
    jsonw_name_str(w, "name", name);
    if (hash.len > 0)
        jsonw_name_str(w, "hash", hash);
    jsonw_end_object(w);
}

static int decide_one(const struct options *options, const char *action, const char *category,
                      const char *hash)
{
    CLEANUP(client_closep) struct client *client = NULL;
    CLEANUP(buf_done) struct buf body = {0};
    struct err err;
    struct jsonw w;

    if (client_open(options, &client, &err) != ERR_OK)
        return client_fail(client, &err);
    buf_init(&body, 64 << 10);
    jsonw_init(&w, &body);
    jsonw_object(&w);
    if (category != NULL)
        jsonw_name_str(&w, "category", str_c(category));
    jsonw_name(&w, "tools");
    jsonw_array(&w);
    write_tool(&w, str_c(options_arg(options, 1)), str_c(hash));
    jsonw_end_array(&w);
    return send(options, client, &w, action);
}

int command_tool_quarantine(const struct options *options)
{
    return decide_one(options, "quarantine", NULL, NULL);
}

/* --- many at one time --- */

static bool is_member(const struct options *options, const char *option, struct str value)
{
    return !options_has(options, option) || str_eq(str_c(options_get(options, option)), value);
}

/* How much a change may matter: those without one fit always. */
static bool is_mild_enough(const struct options *options, struct str severity)
{
    struct str most = str_c(options_get(options, "severity"));
    size_t allowed = SEVERITY_NONE;
    size_t is = SEVERITY_NONE;

    if (!options_has(options, "severity"))
        return true;
    for (size_t i = SEVERITY_LOW; i <= SEVERITY_HIGH; i++) {
        allowed = str_eq(most, str_c(severity_word((enum severity)i))) ? i : allowed;
        is = str_eq(severity, str_c(severity_word((enum severity)i))) ? i : is;
    }
    return is <= allowed;
}

static bool is_meant(const struct options *options, const struct answer *queue, json_pos row)
{
    json_pos verdict = json_get(&queue->doc, row, STR("verdict"));
    struct str proposed = answer_str(queue, row, "approve_as");
    bool is_unchanged =
        str_eq(answer_str(queue, row, "hash"), answer_str(queue, row, "hash_in_force"));

    return (proposed.len > 0 || options_has(options, "as")) &&
           is_member(options, "state", answer_str(queue, row, "state")) &&
           is_member(options, "why", answer_str(queue, row, "quarantine")) &&
           is_member(options, "category", proposed) &&
           is_member(options, "certainty", answer_str(queue, verdict, "certainty")) &&
           is_mild_enough(options, answer_str(queue, row, "severity")) &&
           (is_unchanged || !options_has(options, "unchanged"));
}

/* Those that are meant, for people and for sending: with the hashes that were shown. */
static size_t gather(const struct options *options, const struct answer *queue, struct grid *grid,
                     struct jsonw *w)
{
    json_pos list = json_get(&queue->doc, 0, STR("tools"));
    size_t count = 0;

    for (json_pos row = json_first(&queue->doc, list); row != JSON_NONE;
         row = json_next(&queue->doc, list, row)) {
        if (!is_meant(options, queue, row))
            continue;
        review_add_row(grid, queue, row);
        write_tool(w, answer_str(queue, row, "name"), answer_str(queue, row, "hash"));
        count++;
    }
    return count;
}

static int confirm(const struct options *options, size_t count)
{
    struct err err;
    char line[16] = "";

    if (options_has(options, "yes"))
        return EXIT_DONE;
    if (!isatty(STDIN_FILENO)) {
        (void)err_set(&err, ERR_INVALID,
                      "nothing was approved: say --yes to approve these, or --dry-run to only see "
                      "them");
        return say_usage(&err);
    }
    (void)fprintf(stderr, "Approve these %zu definitions? [y/N] ", count);
    if (fgets(line, sizeof line, stdin) != NULL && (line[0] == 'y' || line[0] == 'Y'))
        return EXIT_DONE;
    say_hint("nothing was approved");
    return EXIT_REFUSED;
}

static int approve_gathered(const struct options *options, struct client *client,
                            const struct answer *queue)
{
    CLEANUP(grid_freep) struct grid *grid = grid_new(review_heads);
    CLEANUP(buf_done) struct buf body = {0};
    CLEANUP(buf_done) struct buf table = {0};
    struct jsonw w;

    buf_init(&body, 16 << 20);
    buf_init(&table, (size_t)64 << 20);
    if (grid == NULL)
        return EXIT_REFUSED;
    jsonw_init(&w, &body);
    jsonw_object(&w);
    if (options_has(options, "as"))
        jsonw_name_str(&w, "category", str_c(options_get(options, "as")));
    jsonw_name(&w, "tools");
    jsonw_array(&w);
    size_t count = gather(options, queue, grid, &w);
    jsonw_end_array(&w);
    grid_write(grid, &table);
    if (!options_has(options, "json") && say_out(&table) != EXIT_DONE)
        return EXIT_REFUSED;
    if (count == 0)
        say_hint("nothing waits that fits; `portreeve tool review` shows what waits");
    if (count == 0 || options_has(options, "dry-run"))
        return EXIT_DONE;
    int exit_code = confirm(options, count);
    return exit_code == EXIT_DONE ? send(options, client, &w, "approve") : exit_code;
}

static int approve_many(const struct options *options)
{
    CLEANUP(client_closep) struct client *client = NULL;
    CLEANUP(answer_done) struct answer queue = {0};
    CLEANUP(buf_done) struct buf path = {0};
    struct err err;

    buf_init(&path, 4096);
    buf_add_c(&path, "/api/v1/review");
    client_query_add(&path, "server", str_c(options_arg(options, 0)));
    if (client_open(options, &client, &err) != ERR_OK ||
        client_get(client, client_path(&path), &queue, &err) != ERR_OK)
        return client_fail(client, &err);
    return approve_gathered(options, client, &queue);
}

static enum err_code check_severity(const struct options *options, struct err *err)
{
    struct str word = str_c(options_get(options, "severity"));

    for (size_t i = SEVERITY_LOW; word.len > 0 && i <= SEVERITY_HIGH; i++) {
        if (str_eq(word, str_c(severity_word((enum severity)i))))
            return ERR_OK;
    }
    return !options_has(options, "severity")
               ? ERR_OK
               : err_set(err, ERR_INVALID, "--severity takes low, medium or high");
}

int command_tool_approve(const struct options *options)
{
    bool is_all = options_has(options, "all");
    struct err err;

    if (is_all == (options_arg(options, 1) != NULL)) {
        (void)err_set(&err, ERR_INVALID,
                      "right is: portreeve tool approve SERVER TOOL, or portreeve tool approve "
                      "SERVER --all");
        return say_usage(&err);
    }
    if (check_severity(options, &err) != ERR_OK)
        return say_usage(&err);
    return is_all ? approve_many(options)
                  : decide_one(options, "approve", options_get(options, "as"),
                               options_get(options, "hash"));
}
