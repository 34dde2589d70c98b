#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/audit_filter.h"
#include "cli/audit_table.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/say.h"

enum { PAGE = 1000, MAX_RESULTS = 100000, TAIL_FIRST = 10, POLL_US = 500000 };

/* Printing: as a line of JSON each, or as a table a page. */

struct printer {
    struct client *client;
    bool is_json;
    bool has_arguments; /* decrypt them */
    bool has_head;      /* tables: the heads stand there already */
    uint64_t left;      /* entries that may still be printed */
};

static enum err_code print_one(struct printer *printer, const struct answer *page, json_pos entry,
                               struct grid *grid, struct err *err)
{
    if (printer->is_json && say_line(json_raw(&page->doc, entry)) != EXIT_DONE)
        return err_set(err, ERR_IO, "standard output cannot be written");
    if (!printer->is_json)
        audit_table_add(grid, page, entry, printer->has_arguments);
    return ERR_OK;
}

static enum err_code print_grid(struct printer *printer, struct grid *grid, struct err *err)
{
    struct buf out;

    buf_init(&out, (size_t)256 << 20);
    grid_write(grid, &out);
    if (printer->has_head)
        buf_drop(&out, str_find(buf_str(&out), '\n') + 1);
    printer->has_head = true;
    enum exit_code written = (enum exit_code)say_out(&out);
    buf_done(&out);
    return written == EXIT_DONE ? ERR_OK
                                : err_set(err, ERR_IO, "standard output cannot be written");
}

static enum err_code print_page(struct printer *printer, const struct answer *page, struct err *err)
{
    CLEANUP(grid_freep) struct grid *grid = audit_table_new(printer->has_arguments);
    json_pos list = json_get(&page->doc, 0, STR("entries"));
    size_t count = 0;

    if (grid == NULL)
        return err_set(err, ERR_LIMIT, "memory is out");
    for (json_pos pos = json_first(&page->doc, list); pos != JSON_NONE && printer->left > 0;
         pos = json_next(&page->doc, list, pos), printer->left--, count++) {
        enum err_code code = print_one(printer, page, pos, grid, err);

        if (code != ERR_OK)
            return code;
    }
    if (printer->is_json || count == 0)
        return ERR_OK;
    return print_grid(printer, grid, err);
}

/* Search. */

static enum err_code get_page(struct printer *printer, const struct buf *filters, int64_t before,
                              struct answer *page, struct err *err)
{
    CLEANUP(buf_done) struct buf path = {0};
    uint64_t limit = printer->left < PAGE ? printer->left : PAGE;
    char number[24];

    buf_init(&path, 16 << 10);
    buf_add(&path, buf_str(filters));
    (void)snprintf(number, sizeof number, "%" PRIu64, limit);
    client_query_add(&path, "limit", str_c(number));
    (void)snprintf(number, sizeof number, "%" PRId64, before);
    if (before > 0)
        client_query_add(&path, "before", str_c(number));
    /* The gateway records that somebody reads arguments, a page at a time. */
    return client_call(printer->client, printer->has_arguments ? "POST" : "GET", client_path(&path),
                       NULL, page, err);
}

static enum err_code search(struct printer *printer, const struct buf *filters, bool *ret_more,
                            struct err *err)
{
    int64_t before = 0;

    for (;;) {
        CLEANUP(answer_done) struct answer page = {0};
        enum err_code code = get_page(printer, filters, before, &page, err);

        if (code == ERR_OK)
            code = print_page(printer, &page, err);
        if (code != ERR_OK)
            return code;
        if (before == 0 && answer_i64(&page, 0, "lag") > 0)
            say_hint("%" PRId64 " entries are recorded, but not in the index yet",
                     answer_i64(&page, 0, "lag"));
        *ret_more = answer_bool(&page, 0, "more");
        before = answer_i64(&page, 0, "next");
        if (!*ret_more || before == 0 || printer->left == 0)
            return ERR_OK;
    }
}

int command_audit_search(const struct options *options)
{
    CLEANUP(client_closep) struct client *client = NULL;
    CLEANUP(buf_done) struct buf filters = {0};
    struct printer printer = {.is_json = options_has(options, "json"),
                              .has_arguments = options_has(options, "show-arguments")};
    bool more = false;
    struct err err;

    buf_init(&filters, 16 << 10);
    if (options_number(options, "limit", 100, 1, MAX_RESULTS, &printer.left, &err) != ERR_OK ||
        audit_filter_write(options, &filters, &err) != ERR_OK)
        return say_usage(&err);
    if (client_open(options, &client, &err) != ERR_OK)
        return client_fail(client, &err);
    printer.client = client;
    if (search(&printer, &filters, &more, &err) != ERR_OK)
        return client_fail(client, &err);
    if (!printer.is_json && !printer.has_head)
        say_hint("nothing found");
    if (!printer.is_json && more)
        say_hint("there is more; --limit N shows up to N");
    return EXIT_DONE;
}

/* Show. */

int command_audit_show(const struct options *options)
{
    CLEANUP(client_closep) struct client *client = NULL;
    CLEANUP(answer_done) struct answer answer = {0};
    CLEANUP(buf_done) struct buf path = {0};
    CLEANUP(buf_done) struct buf out = {0};
    bool has_arguments = options_has(options, "show-arguments");
    struct err err;

    buf_init(&path, 4096);
    buf_add_c(&path, "/api/v1/audit/entries");
    client_path_add(&path, str_c(options_arg(options, 0)));
    if (has_arguments)
        buf_add_c(&path, "/arguments");
    if (client_open(options, &client, &err) != ERR_OK ||
        client_call(client, has_arguments ? "POST" : "GET", client_path(&path), NULL, &answer,
                    &err) != ERR_OK)
        return client_fail(client, &err);
    json_pos list = json_get(&answer.doc, 0, STR("entries"));
    buf_init(&out, (size_t)256 << 20);
    for (json_pos pos = json_first(&answer.doc, list); pos != JSON_NONE;
         pos = json_next(&answer.doc, list, pos)) {
        if (options_has(options, "json"))
            buf_add(&out, json_raw(&answer.doc, pos));
        else
            audit_table_write_full(&answer, pos, &out);
        buf_add_byte(&out, '\n');
    }
    return say_out(&out);
}

/* Tail. */

static enum err_code follow(struct printer *printer, uint64_t first, struct err *err)
{
    int64_t next = -1;

    while (printer->left > 0) {
        CLEANUP(answer_done) struct answer page = {0};
        char path[96];

        if (next < 0)
            (void)snprintf(path, sizeof path, "/api/v1/audit/tail?limit=%" PRIu64, first);
        else
            (void)snprintf(path, sizeof path, "/api/v1/audit/tail?limit=%d&from=%" PRId64, PAGE,
                           next);
        enum err_code code = client_get(printer->client, path, &page, err);
        if (code == ERR_OK)
            code = print_page(printer, &page, err);
        if (code != ERR_OK)
            return code;
        if (answer_i64(&page, 0, "next") == next && printer->left > 0)
            (void)usleep(POLL_US);
        next = answer_i64(&page, 0, "next");
    }
    return ERR_OK;
}

int command_audit_tail(const struct options *options)
{
    CLEANUP(client_closep) struct client *client = NULL;
    struct printer printer = {.is_json = options_has(options, "json")};
    uint64_t first = TAIL_FIRST;
    struct err err;

    if (options_number(options, "count", UINT64_MAX, 1, INT64_MAX, &printer.left, &err) != ERR_OK)
        return say_usage(&err);
    if (printer.left < first)
        first = printer.left;
    if (client_open(options, &client, &err) != ERR_OK)
        return client_fail(client, &err);
    printer.client = client;
    return follow(&printer, first, &err) == ERR_OK ? EXIT_DONE : client_fail(client, &err);
}

/* Status, reindex. */

static int print_status(const struct options *options, const struct answer *answer)
{
    CLEANUP(buf_done) struct buf out = {0};

    if (options_has(options, "json"))
        return say_line(answer->text);
    buf_init(&out, (size_t)1 << 20);
    audit_table_write_full(answer, 0, &out);
    return say_out(&out);
}

int command_audit_status(const struct options *options)
{
    CLEANUP(client_closep) struct client *client = NULL;
    CLEANUP(answer_done) struct answer answer = {0};
    struct err err;

    if (client_open(options, &client, &err) != ERR_OK ||
        client_get(client, "/api/v1/audit/status", &answer, &err) != ERR_OK)
        return client_fail(client, &err);
    return print_status(options, &answer);
}

/* Until everything that stood in the journal at the start can be searched again. */
static enum err_code wait_for_index(struct client *client, int64_t entries, struct answer *ret_last,
                                    struct err *err)
{
    int64_t told = -1;

    for (;;) {
        CLEANUP(answer_done) struct answer answer = {0};
        enum err_code code = client_get(client, "/api/v1/audit/status", &answer, err);

        if (code != ERR_OK)
            return code;
        int64_t indexed = answer_i64(&answer, 0, "indexed");
        if (indexed >= entries) {
            *ret_last = answer;
            answer = (struct answer){0};
            return ERR_OK;
        }
        if (indexed != told)
            say_hint("%" PRId64 " of %" PRId64 " entries indexed", indexed, entries);
        told = indexed;
        (void)usleep(POLL_US);
    }
}

int command_audit_reindex(const struct options *options)
{
    CLEANUP(client_closep) struct client *client = NULL;
    CLEANUP(answer_done) struct answer started = {0};
    CLEANUP(answer_done) struct answer last = {0};
    struct err err;

    if (client_open(options, &client, &err) != ERR_OK ||
        client_call(client, "POST", "/api/v1/audit/reindex", NULL, &started, &err) != ERR_OK)
        return client_fail(client, &err);
    if (options_has(options, "no-wait"))
        return print_status(options, &started);
    if (wait_for_index(client, answer_i64(&started, 0, "entries"), &last, &err) != ERR_OK)
        return client_fail(client, &err);
    return print_status(options, &last);
}
