#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "base/jsonw.h"
#include "catalog/governance.h"
#include "cli/commands.h"
#include "cli/home.h"
#include "cli/say.h"
#include "keys/keyring.h"

enum { MAX_FILE = 4 << 20, ARENA_BYTES = 32 << 20, MAX_PROBLEMS = 64 };

struct report {
    struct err problems[MAX_PROBLEMS];
    size_t count;
};

static void add(struct report *report, const struct err *problem)
{
    if (report->count < MAX_PROBLEMS)
        report->problems[report->count++] = *problem;
}

static void check_keys(const struct settings *settings, struct report *report)
{
    CLEANUP(keyring_freep) struct keyring *keyring = NULL;
    char path[PATH_MAX];
    struct err err;

    if (home_path(settings, "", path, &err) != ERR_OK) {
        add(report, &err);
    } else if (!keyring_exists(path)) {
        (void)err_set(&err, ERR_NOT_FOUND, "%.200s holds no keys yet; `portreeve init` makes them",
                      path);
        add(report, &err);
    } else if (keyring_load(path, &keyring, &err) != ERR_OK) {
        add(report, &err);
    }
}

static void check_programs(const struct settings *settings, struct report *report)
{
    struct err err;

    for (size_t i = 0; i < settings->program_count; i++) {
        const struct program *program = &settings->programs[i];

        for (size_t j = 0; j < program->env_count; j++) {
            if (program->env[j].secret.len == 0 ||
                settings_has_secret(settings, program->env[j].secret))
                continue;
            (void)err_set(&err, ERR_NOT_FOUND,
                          "program '" STR_FMT "': there is no secret '" STR_FMT "' in secrets_dir",
                          STR_ARG(program->name), STR_ARG(program->env[j].secret));
            add(report, &err);
        }
    }
}

static void check_readable(struct str path, struct report *report)
{
    struct err err;

    if (path.len == 0 || access(path.ptr, R_OK) == 0)
        return;
    (void)err_set(&err, ERR_NOT_FOUND, STR_FMT " cannot be read", STR_ARG(path));
    add(report, &err);
}

static void check_listeners(const struct settings *settings, struct report *report)
{
    for (size_t i = 0; i < settings->listener_count; i++) {
        check_readable(settings->listeners[i].certificate, report);
        check_readable(settings->listeners[i].key, report);
        check_readable(settings->listeners[i].client_ca, report);
    }
}

static bool has_program(void *ctx, struct str name)
{
    return settings_find_program(ctx, name) != NULL;
}

static bool has_secret(void *ctx, struct str name)
{
    return settings_has_secret(ctx, name);
}

static void check_governance(struct settings *settings, const char *path, struct report *report)
{
    CLEANUP(arena_freep) struct arena *arena = arena_new(ARENA_BYTES);
    const struct governance_host host = {
        .has_program = has_program, .has_secret = has_secret, .ctx = settings};
    struct governance governance;
    struct str text = STR_NONE;
    struct err err;

    if (arena == NULL)
        return;
    enum err_code code = file_read(arena, path, MAX_FILE, &text, &err);
    if (code == ERR_OK && governance_read(text, &host, arena, &governance, &err) != ERR_OK)
        code = err_wrap(&err, path);
    if (code != ERR_OK)
        add(report, &err);
}

static int print_json(const struct report *report)
{
    CLEANUP(buf_done) struct buf out = {0};
    struct jsonw w;

    buf_init(&out, 1 << 20);
    jsonw_init(&w, &out);
    jsonw_object(&w);
    jsonw_name_bool(&w, "ok", report->count == 0);
    jsonw_name(&w, "problems");
    jsonw_array(&w);
    for (size_t i = 0; i < report->count; i++)
        jsonw_str(&w, str_c(report->problems[i].text));
    jsonw_end_array(&w);
    jsonw_end_object(&w);
    return say_line(buf_str(&out));
}

static int print(const struct options *options, const struct report *report)
{
    if (options_has(options, "json"))
        (void)print_json(report);
    for (size_t i = 0; i < report->count && !options_has(options, "json"); i++)
        (void)say_fail(&report->problems[i]);
    if (report->count > 0)
        return EXIT_REFUSED;
    return options_has(options, "json") ? EXIT_DONE : say_line(STR("everything is fine"));
}

int command_check(const struct options *options)
{
    CLEANUP(settings_freep) struct settings *settings = NULL;
    static struct report report;
    struct err err;

    if (settings_read(say_settings_path(options), &settings, &err) != ERR_OK) {
        add(&report, &err);
        return print(options, &report);
    }
    check_keys(settings, &report);
    check_listeners(settings, &report);
    check_programs(settings, &report);
    if (options_arg(options, 0) != NULL)
        check_governance(settings, options_arg(options, 0), &report);
    return print(options, &report);
}
