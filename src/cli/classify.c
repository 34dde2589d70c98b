#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/jsonw.h"
#include "base/table.h"
#include "catalog/classify.h"
#include "catalog/classify_input.h"
#include "cli/commands.h"
#include "cli/grid.h"
#include "cli/say.h"

enum { MAX_FILE = 128 << 20, MAX_PROBLEMS_SHOWN = 20, TOOL_BYTES = 512 << 20 };

#define INPUT_BYTES ((size_t)2 << 30)

struct classification {
    const struct options *options;
    struct classifier *classifier;
    struct classify_input input;
    struct arena *input_arena;
    struct arena *arena;   /* of the tool at hand */
    struct table *by_name; /* to struct classify_server */
    struct grid *grid;     /* NULL: JSON */
    struct buf line;
};

static enum err_code read_stdin(struct arena *arena, struct str *ret_text, struct err *err)
{
    char *text = arena_alloc(arena, MAX_FILE);

    if (text == NULL)
        return err_set(err, ERR_LIMIT, "read standard input: memory is out");
    size_t len = fread(text, 1, MAX_FILE, stdin);

    if (ferror(stdin))
        return err_set(err, ERR_IO, "standard input can't be read");
    if (len == MAX_FILE)
        return err_set(err, ERR_LIMIT, "standard input is longer than %d bytes", MAX_FILE);
    *ret_text = str_of(text, len);
    return ERR_OK;
}

/* "github" for "lists/github.json". */
static struct str name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    struct str name = str_c(slash == NULL ? path : slash + 1);

    return str_eq(name, STR("-")) ? STR("stdin") : str_first(name, str_find(name, '.'));
}

static enum err_code read_input(struct classification *c, struct err *err)
{
    const char *path = options_arg(c->options, 0);
    const char *name = options_get(c->options, "name");
    struct str text = STR_NONE;
    enum err_code code = strcmp(path, "-") == 0
                             ? read_stdin(c->input_arena, &text, err)
                             : file_read(c->input_arena, path, MAX_FILE, &text, err);

    if (code != ERR_OK)
        return code;
    return classify_input_read(text, name == NULL ? name_of(path) : str_c(name), c->input_arena,
                               &c->input, err);
}

static bool is_trusted(const struct options *options, struct str server)
{
    struct str rest = str_c(options_get(options, "trusted"));

    while (rest.len > 0)
        if (str_eq(str_trim(str_cut(&rest, ',')), server))
            return true;
    return false;
}

/* Every tool of a server is seen before one of them is judged. */
static enum err_code gather(struct classification *c, struct err *err)
{
    for (size_t i = 0; i < c->input.tool_count; i++) {
        const struct classify_input_tool *tool = &c->input.tools[i];
        struct classify_server *server = table_get(c->by_name, tool->server);

        if (server == NULL) {
            server = classify_server_new(c->classifier, tool->server,
                                         is_trusted(c->options, tool->server));
            if (server == NULL || !table_put(c->by_name, tool->server, server, NULL)) {
                classify_server_free(server);
                return err_set(err, ERR_LIMIT, "memory is out");
            }
        }
        arena_reset(c->arena);
        enum err_code code = classify_server_add(server, tool->doc, tool->pos, c->arena, err);

        if (code != ERR_OK)
            return code;
    }
    return ERR_OK;
}

static void write_evidence_json(struct jsonw *w, const struct classify_verdict *verdict)
{
    jsonw_name(w, "evidence");
    jsonw_array(w);
    for (size_t i = 0; i < verdict->evidence_count; i++) {
        const struct classify_evidence *evidence = &verdict->evidence[i];

        jsonw_object(w);
        jsonw_name_str(w, "signal", str_c(evidence->signal));
        jsonw_name_str(w, "field", str_c(evidence->field));
        jsonw_name_str(w, "what", evidence->what);
        jsonw_name_i64(w, "count", evidence->count);
        jsonw_name_str(w, "meaning", str_c(evidence->meaning));
        jsonw_end_object(w);
    }
    jsonw_end_array(w);
}

static int print_json(struct classification *c, const struct classify_input_tool *tool,
                      const struct classify_verdict *verdict)
{
    struct jsonw w;

    buf_clear(&c->line);
    jsonw_init(&w, &c->line);
    jsonw_object(&w);
    jsonw_name_str(&w, "server", tool->server);
    jsonw_name_str(&w, "name", tool->name);
    jsonw_name_str(&w, "category", str_c(category_word(verdict->category)));
    jsonw_name_str(&w, "certainty", str_c(certainty_word(verdict->certainty)));
    jsonw_name_bool(&w, "finding", verdict->has_finding);
    write_evidence_json(&w, verdict);
    jsonw_end_object(&w);
    buf_add_byte(&c->line, '\n');
    return c->line.failed || fwrite(c->line.ptr, 1, c->line.len, stdout) != c->line.len
               ? EXIT_REFUSED
               : EXIT_DONE;
}

static void add_row(struct classification *c, const struct classify_input_tool *tool,
                    const struct classify_verdict *verdict)
{
    buf_clear(&c->line);
    for (size_t i = 0; i < verdict->evidence_count; i++) {
        const struct classify_evidence *evidence = &verdict->evidence[i];

        buf_printf(&c->line, "%s%s", i > 0 ? ", " : "", evidence->signal);
        if (evidence->what.len > 0)
            buf_printf(&c->line, " (" STR_FMT ")", STR_ARG(evidence->what));
    }
    grid_add(c->grid, tool->server);
    grid_add(c->grid, tool->name);
    grid_add_c(c->grid, category_word(verdict->category));
    grid_add_c(c->grid, certainty_word(verdict->certainty));
    grid_add(c->grid, buf_str(&c->line));
}

static int classify_all(struct classification *c)
{
    for (size_t i = 0; i < c->input.tool_count; i++) {
        const struct classify_input_tool *tool = &c->input.tools[i];
        struct classify_verdict verdict;
        struct err err;

        arena_reset(c->arena);
        if (classify_tool(table_get(c->by_name, tool->server), tool->doc, tool->pos, c->arena,
                          &verdict, &err) != ERR_OK)
            return say_fail(&err);
        if (c->grid != NULL)
            add_row(c, tool, &verdict);
        else if (print_json(c, tool, &verdict) != EXIT_DONE)
            return EXIT_REFUSED;
    }
    return EXIT_DONE;
}

static int print_grid(const struct grid *grid)
{
    struct buf out;

    buf_init(&out, (size_t)1 << 30);
    grid_write(grid, &out);
    int exit_code = say_out(&out);
    buf_done(&out);
    return exit_code;
}

/* Bad lines, behind the verdicts on the others. */
static int report(const struct classification *c)
{
    const char *path = options_arg(c->options, 0);
    const struct classify_input *input = &c->input;

    for (size_t i = 0; i < input->problem_count && i < MAX_PROBLEMS_SHOWN; i++)
        say_hint("%.200s, line %zu: %s", path, input->problems[i].line,
                 input->problems[i].err.text);
    if (input->problem_count > MAX_PROBLEMS_SHOWN)
        say_hint("and %zu bad lines more", input->problem_count - MAX_PROBLEMS_SHOWN);
    if (input->tool_count == 0)
        say_hint("%.200s holds no tools", path);
    return input->problem_count > 0 || input->tool_count == 0 ? EXIT_REFUSED : EXIT_DONE;
}

static int run(struct classification *c)
{
    struct err err;

    if (read_input(c, &err) != ERR_OK || gather(c, &err) != ERR_OK)
        return say_fail(&err);
    int exit_code = classify_all(c);

    if (exit_code == EXIT_DONE && c->grid != NULL && c->input.tool_count > 0)
        exit_code = print_grid(c->grid);
    return exit_code == EXIT_DONE && fflush(stdout) == 0 ? report(c) : EXIT_REFUSED;
}

static void done(struct classification *c)
{
    struct str name;
    void *server;
    size_t pos = 0;

    while (c->by_name != NULL && table_next(c->by_name, &pos, &name, &server))
        classify_server_free(server);
    table_free(c->by_name);
    grid_free(c->grid);
    buf_done(&c->line);
    arena_free(c->arena);
    arena_free(c->input_arena);
    classifier_free(c->classifier);
}

int command_classify(const struct options *options)
{
    static const char *const heads[] = {"SERVER",    "TOOL",     "CATEGORY",
                                        "CERTAINTY", "EVIDENCE", NULL};
    struct classification c = {.options = options};
    struct err err;
    int exit_code = EXIT_REFUSED;

    buf_init(&c.line, 16 << 20);
    c.input_arena = arena_new(INPUT_BYTES);
    c.arena = arena_new(TOOL_BYTES);
    c.by_name = table_new();
    if (!options_has(options, "json"))
        c.grid = grid_new(heads);
    bool has_grid = c.grid != NULL || options_has(options, "json");

    if (classifier_new(&c.classifier, &err) != ERR_OK)
        exit_code = say_fail(&err);
    else if (c.input_arena == NULL || c.arena == NULL || c.by_name == NULL || !has_grid)
        say_hint("memory is out");
    else
        exit_code = run(&c);
    done(&c);
    return exit_code;
}
