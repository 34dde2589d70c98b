#include <stdio.h>

#include "base/jsonw.h"
#include "base/words.h"
#include "cli/ask.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/grid.h"
#include "cli/say.h"
#include "cli/text.h"
#include "cli/wait.h"

static void add_server(struct grid *grid, const struct answer *answer, json_pos server)
{
    struct str url = answer_str(answer, server, "url");
    json_pos credential = json_get(&answer->doc, server, STR("credential"));

    grid_add(grid, answer_str(answer, server, "name"));
    grid_add(grid, answer_str(answer, server, "state"));
    grid_add(grid, answer_str(answer, server, "protocol"));
    grid_add_i64(grid, answer_i64(answer, server, "tools"));
    grid_add_i64(grid, answer_i64(answer, server, "unclassified") +
                           answer_i64(answer, server, "quarantined"));
    grid_add(grid, answer_str(answer, credential, "mode"));
    grid_add(grid, url.len > 0 ? url : answer_str(answer, server, "program"));
}

static int print_servers(const struct options *options, const struct answer *answer)
{
    static const char *const heads[] = {"NAME",   "STATE",      "PROTOCOL", "TOOLS",
                                        "HIDDEN", "CREDENTIAL", "ADDRESS",  NULL};
    CLEANUP(grid_freep) struct grid *grid = grid_new(heads);
    json_pos list = json_get(&answer->doc, 0, STR("servers"));
    struct buf out;

    if (grid == NULL)
        return EXIT_REFUSED;
    for (json_pos pos = json_first(&answer->doc, list); pos != JSON_NONE;
         pos = json_next(&answer->doc, list, pos))
        add_server(grid, answer, pos);
    buf_init(&out, (size_t)64 << 20);
    grid_write(grid, &out);
    wait_report(options, answer, &out);
    int exit_code = say_out(&out);
    buf_done(&out);
    return exit_code;
}

int command_server_list(const struct options *options)
{
    CLEANUP(client_closep) struct client *client = NULL;
    CLEANUP(answer_done) struct answer answer = {0};
    struct err err;

    if (client_open(options, &client, &err) != ERR_OK ||
        client_get(client, "/api/v1/servers", &answer, &err) != ERR_OK)
        return client_fail(client, &err);
    return options_has(options, "json") ? say_line(answer.text) : print_servers(options, &answer);
}

/* "X-Api-Key=crm-key,X-Team=crm.team": each header with the name of its secret. */
static enum err_code write_headers(struct jsonw *w, const char *text, struct err *err)
{
    CLEANUP(buf_done) struct buf object = {0};
    struct str rest = str_c(text);

    buf_init(&object, 64 << 10);
    while (rest.len > 0) {
        struct str secret = str_cut(&rest, ',');
        struct str header = str_cut(&secret, '=');

        if (header.len == 0 || secret.len == 0)
            return err_set(err, ERR_INVALID, "--headers takes NAME=SECRET, separated by commas");
        client_member_add(&object, header, secret);
    }
    client_member_end(&object);
    jsonw_name(w, "headers");
    jsonw_raw(w, buf_str(&object));
    return ERR_OK;
}

static enum err_code write_credential(struct jsonw *w, const struct options *options,
                                      struct err *err)
{
    const char *secret = options_get(options, "secret");
    const char *headers = options_get(options, "headers");
    enum err_code code = ERR_OK;

    if (secret != NULL && headers != NULL)
        return err_set(err, ERR_INVALID, "either --secret or --headers");
    jsonw_name(w, "credential");
    jsonw_object(w);
    jsonw_name_str(w, "mode", secret != NULL || headers != NULL ? STR("shared") : STR("none"));
    if (secret != NULL) {
        jsonw_name_str(w, "type", STR("bearer"));
        jsonw_name_str(w, "secret", str_c(secret));
    } else if (headers != NULL) {
        jsonw_name_str(w, "type", STR("headers"));
        code = write_headers(w, headers, err);
    }
    jsonw_end_object(w);
    return code;
}

static enum err_code write_server(const struct options *options, struct buf *body, struct err *err)
{
    const char *url = options_get(options, "url");
    const char *program = options_get(options, "program");
    bool has_credential = options_has(options, "secret") || options_has(options, "headers");
    struct jsonw w;

    if ((url == NULL) == (program == NULL))
        return err_set(err, ERR_INVALID, "a server needs either --url URL or --program NAME");
    if (has_credential == options_has(options, "no-credential"))
        return err_set(
            err, ERR_INVALID,
            "say how the gateway signs in there: --secret NAME, --headers NAME=SECRET, or "
            "--no-credential");
    jsonw_init(&w, body);
    jsonw_object(&w);
    jsonw_name_str(&w, "name", str_c(options_arg(options, 0)));
    jsonw_name_str(&w, url != NULL ? "url" : "program", str_c(url != NULL ? url : program));
    enum err_code code = write_credential(&w, options, err);
    jsonw_end_object(&w);
    return code;
}

static int report(const struct options *options, struct client *client, const struct answer *done,
                  const char *what)
{
    CLEANUP(answer_done) struct answer servers = {0};
    struct err err;
    struct buf out;

    if (options_has(options, "json"))
        return say_line(done->text);
    buf_init(&out, (size_t)1 << 20);
    buf_printf(&out, "%s server ", what);
    text_write(&out, answer_str(done, 0, "server"));
    buf_add_byte(&out, '\n');
    if (!options_has(options, "no-wait")) {
        if (wait_for_servers(client, &servers, &err) != ERR_OK) {
            buf_done(&out);
            return client_fail(client, &err);
        }
        wait_report(options, &servers, &out);
    }
    int exit_code = say_out(&out);
    buf_done(&out);
    return exit_code;
}

int command_server_add(const struct options *options)
{
    CLEANUP(client_closep) struct client *client = NULL;
    CLEANUP(answer_done) struct answer answer = {0};
    CLEANUP(buf_done) struct buf text = {0};
    struct err err;

    buf_init(&text, 64 << 10);
    if (write_server(options, &text, &err) != ERR_OK)
        return say_usage(&err);
    const struct client_body body = {.content_type = "application/json", .text = buf_str(&text)};
    if (client_open(options, &client, &err) != ERR_OK ||
        client_call(client, "POST", "/api/v1/servers", &body, &answer, &err) != ERR_OK)
        return client_fail(client, &err);
    return report(options, client, &answer, "added");
}

int command_server_remove(const struct options *options)
{
    CLEANUP(buf_done) struct buf path = {0};
    char line[512];

    buf_init(&path, 4096);
    buf_add_c(&path, "/api/v1/servers");
    client_path_add(&path, str_c(options_arg(options, 0)));
    if (options_has(options, "with-grants"))
        client_query_add(&path, "with_grants", STR("true"));
    (void)snprintf(line, sizeof line, "removed server %s", options_arg(options, 0));
    const struct ask_change change = {.method = "DELETE", .path = client_path(&path), .done = line};

    return ask_change(options, &change);
}

int command_server_refresh(const struct options *options)
{
    CLEANUP(client_closep) struct client *client = NULL;
    CLEANUP(answer_done) struct answer answer = {0};
    CLEANUP(buf_done) struct buf path = {0};
    struct err err;

    buf_init(&path, 4096);
    buf_add_c(&path, "/api/v1/servers");
    client_path_add(&path, str_c(options_arg(options, 0)));
    buf_add_c(&path, "/refresh");
    if (client_open(options, &client, &err) != ERR_OK ||
        client_call(client, "POST", client_path(&path), NULL, &answer, &err) != ERR_OK)
        return client_fail(client, &err);
    return report(options, client, &answer, "refreshed");
}
