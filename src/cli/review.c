#include "cli/review.h"
#include "cli/ask.h"
#include "cli/commands.h"
#include "cli/text.h"

void review_add_row(struct grid *grid, const struct answer *answer, json_pos row)
{
    struct str why = answer_str(answer, row, "quarantine");
    struct str proposed = answer_str(answer, row, "approve_as");
    json_pos verdict = json_get(&answer->doc, row, STR("verdict"));

    grid_add(grid, answer_str(answer, row, "server"));
    grid_add(grid, answer_str(answer, row, "name"));
    grid_add(grid, answer_str(answer, row, "state"));
    grid_add(grid, why.len > 0 ? why : STR("no_category"));
    grid_add(grid, proposed.len > 0 ? proposed : STR("?"));
    grid_add(grid, answer_str(answer, verdict, "certainty"));
    grid_add(grid, answer_str(answer, row, "severity"));
    grid_add(grid, str_first(answer_str(answer, row, "hash"), REVIEW_HASH_DIGITS));
}

const char *const review_heads[] = {"SERVER",    "TOOL",   "STATE", "WHY", "APPROVE AS",
                                    "CERTAINTY", "CHANGE", "HASH",  NULL};

/* One line for each member that is there. */
static void write_members(const struct answer *answer, const char *const *names, struct buf *out)
{
    for (; *names != NULL; names++) {
        struct str value = answer_str(answer, 0, *names);

        if (value.len == 0)
            continue;
        buf_printf(out, "%-18s ", *names);
        text_write(out, value);
        buf_add_byte(out, '\n');
    }
}

static void write_value(const char *label, struct str value, struct buf *out)
{
    buf_printf(out, "    %s ", label);
    text_write(out, value.len > 0 ? value : STR("nothing"));
    buf_add_byte(out, '\n');
}

static void write_changes(const struct answer *answer, struct buf *out)
{
    json_pos list = json_get(&answer->doc, 0, STR("changes"));

    for (json_pos pos = json_first(&answer->doc, list); pos != JSON_NONE;
         pos = json_next(&answer->doc, list, pos)) {
        struct str path = answer_str(answer, pos, "path");

        buf_printf(out, "  %-6.*s " STR_FMT, STR_ARG(answer_str(answer, pos, "severity")),
                   STR_ARG(answer_str(answer, pos, "meaning")));
        if (path.len > 0) {
            buf_add_c(out, ": ");
            text_write(out, path);
        }
        buf_add_byte(out, '\n');
        write_value("before", answer_str(answer, pos, "before"), out);
        write_value("after ", answer_str(answer, pos, "after"), out);
    }
    if (answer_bool(answer, 0, "more"))
        buf_add_c(out, "  high   more differs than can be shown; compare the definitions\n");
}

static void write_evidence(const struct answer *answer, struct buf *out)
{
    json_pos verdict = json_get(&answer->doc, 0, STR("verdict"));
    json_pos list = json_get(&answer->doc, verdict, STR("evidence"));

    if (verdict == JSON_NONE)
        return;
    buf_printf(out, "%-18s " STR_FMT ", " STR_FMT "\n", "verdict",
               STR_ARG(answer_str(answer, verdict, "category")),
               STR_ARG(answer_str(answer, verdict, "certainty")));
    for (json_pos pos = json_first(&answer->doc, list); pos != JSON_NONE;
         pos = json_next(&answer->doc, list, pos)) {
        buf_add_c(out, "  ");
        text_write(out, answer_str(answer, pos, "meaning"));
        buf_printf(out, " (" STR_FMT ": ", STR_ARG(answer_str(answer, pos, "field")));
        text_write(out, answer_str(answer, pos, "what"));
        buf_add_c(out, ")\n");
    }
}

static void write_members_of(const struct answer *answer, json_pos grant, const char *name,
                             struct buf *out)
{
    json_pos list = json_get(&answer->doc, grant, str_c(name));

    for (json_pos pos = json_first(&answer->doc, list); pos != JSON_NONE;
         pos = json_next(&answer->doc, list, pos)) {
        struct str word = STR_NONE;

        if (!json_str(&answer->doc, pos, answer->arena, &word))
            continue;
        buf_printf(out, " %.*s:", (int)(strlen(name) - 1), name);
        text_write(out, word);
    }
}

/* What an approval would open, and for whom. */
static void write_opens(const struct answer *answer, struct buf *out)
{
    static const char *const kinds[] = {"roles", "users", "groups", "robots"};
    json_pos list = json_get(&answer->doc, 0, STR("opens"));

    buf_add_c(out, json_first(&answer->doc, list) == JSON_NONE ? "opens              nothing\n"
                                                               : "opens\n");
    for (json_pos pos = json_first(&answer->doc, list); pos != JSON_NONE;
         pos = json_next(&answer->doc, list, pos)) {
        buf_add_c(out, "  grant ");
        text_write(out, answer_str(answer, pos, "grant"));
        buf_printf(out, " (by " STR_FMT "):", STR_ARG(answer_str(answer, pos, "by")));
        for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
            write_members_of(answer, pos, kinds[i], out);
        buf_add_byte(out, '\n');
    }
}

static void write_definition(const struct answer *answer, const char *name, struct buf *out)
{
    json_pos pos = json_get(&answer->doc, 0, str_c(name));

    if (pos == JSON_NONE)
        return;
    buf_printf(out, "%s\n  ", name);
    text_write(out, json_raw(&answer->doc, pos));
    buf_add_byte(out, '\n');
}

static void write_review(const struct answer *answer, struct buf *out)
{
    static const char *const members[] = {"server",
                                          "name",
                                          "state",
                                          "quarantine",
                                          "renamed_from",
                                          "category",
                                          "set_by",
                                          "approve_as",
                                          "reason",
                                          "definition_text",
                                          "hash",
                                          "hash_in_force",
                                          "never_for",
                                          "with_approval_for",
                                          NULL};

    write_members(answer, members, out);
    write_changes(answer, out);
    write_evidence(answer, out);
    write_opens(answer, out);
    write_definition(answer, "definition_in_force", out);
    write_definition(answer, "definition", out);
}

void review_tool_path(struct buf *path, const struct options *options, const char *what)
{
    buf_init(path, 8192);
    buf_add_c(path, "/api/v1/servers");
    client_path_add(path, str_c(options_arg(options, 0)));
    buf_add_c(path, "/tools");
    client_path_add(path, str_c(options_arg(options, 1)));
    buf_add_c(path, what);
}

int command_tool_review(const struct options *options)
{
    static const struct ask_table table = {
        .list = "tools", .heads = review_heads, .add_row = review_add_row};
    CLEANUP(buf_done) struct buf path = {0};

    if (options_arg(options, 1) != NULL) {
        review_tool_path(&path, options, "/review");
        return ask_show(options, client_path(&path), write_review);
    }
    buf_init(&path, 4096);
    buf_add_c(&path, "/api/v1/review");
    if (options_arg(options, 0) != NULL)
        client_query_add(&path, "server", str_c(options_arg(options, 0)));
    return ask_list(options, client_path(&path), &table);
}

static void write_events(const struct answer *answer, struct buf *out)
{
    static const char *const heads[] = {"TIME", "WHO", "WHAT", "CATEGORY", "REASON", "HASH", NULL};
    CLEANUP(grid_freep) struct grid *grid = grid_new(heads);
    json_pos list = json_get(&answer->doc, 0, STR("events"));

    if (grid == NULL)
        return;
    for (json_pos pos = json_first(&answer->doc, list); pos != JSON_NONE;
         pos = json_next(&answer->doc, list, pos)) {
        grid_add(grid, client_time(answer, pos, "time"));
        grid_add(grid, answer_str(answer, pos, "author"));
        grid_add(grid, answer_str(answer, pos, "action"));
        grid_add(grid, answer_str(answer, pos, "category"));
        grid_add(grid, answer_str(answer, pos, "reason"));
        grid_add(grid, str_first(answer_str(answer, pos, "hash"), REVIEW_HASH_DIGITS));
    }
    grid_write(grid, out);
}

static void write_history(const struct answer *answer, struct buf *out)
{
    static const char *const members[] = {"server", "name",          "state", "quarantine",
                                          "hash",   "hash_in_force", NULL};
    json_pos list = json_get(&answer->doc, 0, STR("versions"));

    write_members(answer, members, out);
    buf_printf(out, "%-18s " STR_FMT "\n", "first_seen",
               STR_ARG(client_time(answer, 0, "first_seen")));
    write_events(answer, out);
    for (json_pos pos = json_first(&answer->doc, list); pos != JSON_NONE;
         pos = json_next(&answer->doc, list, pos))
        buf_printf(out, "until " STR_FMT " its definition was " STR_FMT "\n",
                   STR_ARG(client_time(answer, pos, "until")),
                   STR_ARG(str_first(answer_str(answer, pos, "hash"), REVIEW_HASH_DIGITS)));
}

int command_tool_history(const struct options *options)
{
    CLEANUP(buf_done) struct buf path = {0};

    review_tool_path(&path, options, "/history");
    return ask_show(options, client_path(&path), write_history);
}

static void write_diff(const struct answer *answer, struct buf *out)
{
    static const char *const members[] = {"server", "name", "from", "to", "severity", NULL};

    write_members(answer, members, out);
    write_changes(answer, out);
}

int command_tool_diff(const struct options *options)
{
    static const char *const sides[] = {"from", "to"};
    CLEANUP(buf_done) struct buf path = {0};

    review_tool_path(&path, options, "/diff");
    for (size_t i = 0; i < ARRAY_LEN(sides); i++) {
        if (options_has(options, sides[i]))
            client_query_add(&path, sides[i], str_c(options_get(options, sides[i])));
    }
    return ask_show(options, client_path(&path), write_diff);
}
