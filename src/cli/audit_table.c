#include "cli/audit_table.h"

#include <inttypes.h>
#include <stdio.h>

#include "cli/text.h"

/* The last one only with arguments. */
#define HEADS "INDEX", "TIME", "KIND", "WHO", "WHAT", "CATEGORY", "DECISION", "OUTCOME", "MS", "WHY"

struct grid *audit_table_new(bool has_arguments)
{
    static const char *const closed[] = {HEADS, NULL};
    static const char *const opened[] = {HEADS, "ARGUMENTS", NULL};

    return grid_new(has_arguments ? opened : closed);
}

static void add_bytes(struct grid *grid, struct str text)
{
    struct buf bytes;

    buf_init(&bytes, (size_t)1 << 20);
    text_write_bytes(&bytes, text);
    grid_add(grid, buf_str(&bytes));
    buf_done(&bytes);
}

static void add_who(struct grid *grid, const struct answer *answer, json_pos entry)
{
    json_pos principal = json_get(&answer->doc, entry, STR("principal"));
    struct str id = answer_str(answer, principal, "id");

    add_bytes(grid, id.len > 0 ? id : answer_str(answer, principal, "identity"));
}

/* "server/tool"; of other kinds than calls, what was done. */
static void add_what(struct grid *grid, const struct answer *answer, json_pos entry)
{
    static const char *const others[] = {"requested_name", "object", "target", "detail"};
    struct str server = answer_str(answer, entry, "server");
    struct str tool = answer_str(answer, entry, "tool");
    struct str method = answer_str(answer, entry, "method");
    struct str more = STR_NONE;
    struct buf text;

    buf_init(&text, (size_t)1 << 20);
    if (tool.len > 0) {
        buf_printf(&text, STR_FMT "/" STR_FMT, STR_ARG(server), STR_ARG(tool));
    } else {
        for (size_t i = 0; i < ARRAY_LEN(others) && more.len == 0; i++)
            more = answer_str(answer, entry, others[i]);
        buf_printf(&text, STR_FMT "%s" STR_FMT "%s" STR_FMT, STR_ARG(method),
                   server.len > 0 ? " " : "", STR_ARG(server), more.len > 0 ? " " : "",
                   STR_ARG(str_first(more, 120)));
    }
    add_bytes(grid, buf_str(&text));
    buf_done(&text);
}

static void add_arguments(struct grid *grid, const struct answer *answer, json_pos entry)
{
    json_pos arguments = json_get(&answer->doc, entry, STR("arguments"));
    struct str text = answer_str(answer, arguments, "text");

    add_bytes(grid, text.len > 0 ? text : answer_str(answer, arguments, "state"));
}

void audit_table_add(struct grid *grid, const struct answer *answer, json_pos entry,
                     bool has_arguments)
{
    json_pos duration = json_get(&answer->doc, entry, STR("duration_ms"));
    struct str decided_by = answer_str(answer, entry, "decided_by");

    grid_add_i64(grid, answer_i64(answer, entry, "index"));
    grid_add(grid, client_time(answer, entry, "time"));
    grid_add(grid, answer_str(answer, entry, "kind"));
    add_who(grid, answer, entry);
    add_what(grid, answer, entry);
    grid_add(grid, answer_str(answer, entry, "category"));
    grid_add(grid, answer_str(answer, entry, "decision"));
    grid_add(grid, answer_str(answer, entry, "outcome"));
    grid_add(grid, duration == JSON_NONE ? STR_NONE : json_raw(&answer->doc, duration));
    struct str reason = answer_str(answer, entry, "reason");
    add_bytes(grid, reason.len > 0 ? reason : decided_by);
    if (has_arguments)
        add_arguments(grid, answer, entry);
}

/* One in full. */

static void write_value(const struct answer *answer, json_pos value, struct buf *out)
{
    struct str text = STR_NONE;
    struct buf bytes;

    if (!json_str(&answer->doc, value, answer->arena, &text)) {
        text_write(out, json_raw(&answer->doc, value));
        return;
    }
    buf_init(&bytes, (size_t)64 << 20);
    text_write_bytes(&bytes, text);
    text_write(out, buf_str(&bytes));
    buf_done(&bytes);
}

static void write_member(const struct answer *answer, struct str prefix, json_pos name,
                         json_pos value, struct buf *out)
{
    char label[64];
    struct str text = STR_NONE;

    if (!json_str(&answer->doc, name, answer->arena, &text))
        return;
    (void)snprintf(label, sizeof label, STR_FMT "%s" STR_FMT, STR_ARG(prefix),
                   prefix.len > 0 ? "." : "", STR_ARG(text));
    buf_printf(out, "%-22s ", label);
    write_value(answer, value, out);
    buf_add_byte(out, '\n');
}

static void write_object(const struct answer *answer, struct str prefix, json_pos object,
                         struct buf *out)
{
    const struct json_doc *doc = &answer->doc;

    for (json_pos name = json_first(doc, object); name != JSON_NONE;) {
        json_pos value = json_next(doc, object, name);

        write_member(answer, prefix, name, value, out);
        name = json_next(doc, object, value);
    }
}

/* Objects inside come out as "principal.id"; they nest no deeper. */
void audit_table_write_full(const struct answer *answer, json_pos entry, struct buf *out)
{
    const struct json_doc *doc = &answer->doc;

    for (json_pos name = json_first(doc, entry); name != JSON_NONE;) {
        json_pos value = json_next(doc, entry, name);
        struct str text = STR_NONE;

        if (!json_is(doc, value, JSON_OBJECT))
            write_member(answer, STR_NONE, name, value, out);
        else if (json_str(doc, name, answer->arena, &text))
            write_object(answer, text, value, out);
        name = json_next(doc, entry, value);
    }
}
