#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/jsonw.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/say.h"
#include "cli/text.h"
#include "cli/wait.h"

enum { MAX_FILE = 4 << 20, ARENA_BYTES = 16 << 20 };

static enum err_code read_stdin(struct arena *arena, struct str *ret_text, struct err *err)
{
    char *text = arena_alloc(arena, MAX_FILE);

    if (text == NULL)
        return err_set(err, ERR_LIMIT, "memory is out");
    size_t len = fread(text, 1, MAX_FILE, stdin);
    if (len == MAX_FILE)
        return err_set(err, ERR_LIMIT, "the file is larger than 4 MiB");
    if (ferror(stdin))
        return err_set(err, ERR_IO, "standard input cannot be read");
    *ret_text = str_of(text, len);
    return ERR_OK;
}

static enum err_code read_file(const char *path, struct arena *arena, struct str *ret_text,
                               struct err *err)
{
    if (strcmp(path, "-") == 0)
        return read_stdin(arena, ret_text, err);
    return file_read(arena, path, MAX_FILE, ret_text, err);
}

static size_t write_changes(const struct answer *diff, struct buf *out)
{
    json_pos list = json_get(&diff->doc, 0, STR("changes"));
    size_t count = 0;

    for (json_pos pos = json_first(&diff->doc, list); pos != JSON_NONE;
         pos = json_next(&diff->doc, list, pos)) {
        text_write(out, answer_str(diff, pos, "line"));
        buf_add_byte(out, '\n');
        count++;
    }
    return count;
}

/* What a run of the command found and did, for both ways of printing it. */
struct result {
    struct answer diff;
    struct answer applied; /* empty: nothing was applied */
    struct answer servers; /* empty: not waited for */
    size_t changes;
};

static void result_done(struct result *result)
{
    answer_done(&result->diff);
    answer_done(&result->applied);
    answer_done(&result->servers);
}

static enum err_code compare(struct client *client, const struct client_body *file,
                             struct result *result, struct err *err)
{
    struct buf lines;

    enum err_code code =
        client_call(client, "POST", "/api/v1/governance/diff", file, &result->diff, err);
    if (code != ERR_OK)
        return code;
    buf_init(&lines, (size_t)64 << 20);
    result->changes = write_changes(&result->diff, &lines);
    buf_done(&lines);
    return ERR_OK;
}

static enum err_code apply(struct client *client, const struct client_body *file,
                           struct result *result, struct err *err)
{
    char path[96];

    (void)snprintf(path, sizeof path, "/api/v1/governance?governance_version=%" PRId64,
                   answer_i64(&result->diff, 0, "governance_version"));
    return client_call(client, "PUT", path, file, &result->applied, err);
}

/* The arrays of two answers in one object. */
static int print_json(const struct result *result)
{
    const struct answer *last = result->applied.arena != NULL ? &result->applied : &result->diff;
    json_pos servers = JSON_NONE;
    struct buf out;
    struct jsonw w;

    buf_init(&out, (size_t)64 << 20);
    jsonw_init(&w, &out);
    jsonw_object(&w);
    jsonw_name(&w, "changes");
    jsonw_raw(&w, json_raw(&result->diff.doc, json_get(&result->diff.doc, 0, STR("changes"))));
    jsonw_name_bool(&w, "applied", result->applied.arena != NULL);
    jsonw_name_i64(&w, "policy_version", answer_i64(last, 0, "policy_version"));
    if (result->servers.arena != NULL)
        servers = json_get(&result->servers.doc, 0, STR("servers"));
    if (servers != JSON_NONE) {
        jsonw_name(&w, "servers");
        jsonw_raw(&w, json_raw(&result->servers.doc, servers));
    }
    jsonw_end_object(&w);
    buf_add_byte(&out, '\n');
    int exit_code = say_out(&out);
    buf_done(&out);
    return exit_code;
}

/* Before anything is applied. */
static int print_changes(const struct result *result)
{
    struct buf out;

    buf_init(&out, (size_t)64 << 20);
    if (write_changes(&result->diff, &out) == 0)
        buf_add_c(&out, "nothing to change\n");
    int exit_code = say_out(&out);
    buf_done(&out);
    return exit_code;
}

static int print_end(const struct options *options, const struct result *result)
{
    bool is_dry_run = options_has(options, "dry-run");
    const char *plural = result->changes == 1 ? "" : "s";
    struct buf out;

    buf_init(&out, (size_t)64 << 20);
    if (result->applied.arena != NULL)
        buf_printf(&out, "applied: %zu change%s, policy version %" PRId64 "\n", result->changes,
                   plural, answer_i64(&result->applied, 0, "policy_version"));
    else if (is_dry_run && result->changes > 0)
        buf_printf(&out, "%zu change%s, not applied (--dry-run)\n", result->changes, plural);
    if (result->servers.arena != NULL)
        wait_report(options, &result->servers, &out);
    int exit_code = say_out(&out);
    buf_done(&out);
    return exit_code;
}

static enum err_code run(struct client *client, const struct options *options, struct str text,
                         struct result *result, struct err *err)
{
    const struct client_body file = {.content_type = "application/yaml", .text = text};
    bool is_dry_run = options_has(options, "dry-run");

    enum err_code code = compare(client, &file, result, err);
    if (code == ERR_OK && !options_has(options, "json") && print_changes(result) != EXIT_DONE)
        code = err_set(err, ERR_IO, "the difference cannot be printed; nothing was applied");
    if (code == ERR_OK && result->changes > 0 && !is_dry_run)
        code = apply(client, &file, result, err);
    if (code == ERR_OK && !is_dry_run && !options_has(options, "no-wait"))
        code = wait_for_servers(client, &result->servers, err);
    return code;
}

int command_apply(const struct options *options)
{
    CLEANUP(client_closep) struct client *client = NULL;
    CLEANUP(arena_freep) struct arena *arena = arena_new(ARENA_BYTES);
    CLEANUP(result_done) struct result result = {0};
    struct str text = STR_NONE;
    struct err err;

    if (arena == NULL)
        return EXIT_REFUSED;
    if (read_file(options_arg(options, 0), arena, &text, &err) != ERR_OK ||
        client_open(options, &client, &err) != ERR_OK ||
        run(client, options, text, &result, &err) != ERR_OK)
        return client_fail(client, &err);
    if (options_has(options, "json"))
        return print_json(&result);
    return print_end(options, &result);
}
