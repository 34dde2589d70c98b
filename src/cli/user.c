#include <inttypes.h>
#include <stdio.h>

#include "cli/ask.h"
#include "cli/commands.h"
#include "cli/text.h"

/* Who is shut out, and by whom. */
static const char *state_of(const struct answer *answer, json_pos row)
{
    struct str word = answer_str(answer, row, "provisioning");

    if (answer_bool(answer, row, "disabled"))
        return "yes";
    return str_eq(word, STR("inactive")) || str_eq(word, STR("deleted")) ? "by the provider" : "no";
}

static void add_user(struct grid *grid, const struct answer *answer, json_pos row)
{
    grid_add_i64(grid, answer_i64(answer, row, "id"));
    grid_add(grid, answer_str(answer, row, "email"));
    grid_add(grid, answer_str(answer, row, "name"));
    grid_add(grid, answer_str(answer, row, "role"));
    grid_add_c(grid, state_of(answer, row));
    grid_add(grid, answer_str(answer, row, "provider"));
    grid_add(grid, client_time(answer, row, "last_seen"));
}

int command_user_list(const struct options *options)
{
    static const char *const heads[] = {"ID",       "E-MAIL",   "NAME",      "ROLE",
                                        "DISABLED", "PROVIDER", "LAST SEEN", NULL};
    const struct ask_table table = {.list = "users", .heads = heads, .add_row = add_user};

    return ask_list(options, "/api/v1/users", &table);
}

static void write_user(const struct answer *answer, struct buf *out)
{
    static const char *const names[] = {"email",    "name",    "role",
                                        "provider", "subject", "provisioning"};
    json_pos groups = json_get(&answer->doc, 0, STR("groups"));

    buf_printf(out, "%-13s %" PRId64 "\n", "id", answer_i64(answer, 0, "id"));
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        buf_printf(out, "%-13s ", names[i]);
        text_write(out, answer_str(answer, 0, names[i]));
        buf_add_byte(out, '\n');
    }
    buf_printf(out, "%-13s %s\n", "disabled", state_of(answer, 0));
    for (json_pos pos = json_first(&answer->doc, groups); pos != JSON_NONE;
         pos = json_next(&answer->doc, groups, pos)) {
        struct str group = STR_NONE;

        buf_printf(out, "%-13s ", "group");
        text_write(out, json_str(&answer->doc, pos, answer->arena, &group) ? group : STR_NONE);
        buf_add_byte(out, '\n');
    }
}

int command_user_show(const struct options *options)
{
    CLEANUP(buf_done) struct buf path = {0};

    buf_init(&path, 4096);
    buf_add_c(&path, "/api/v1/users");
    client_path_add(&path, str_c(options_arg(options, 0)));
    return ask_show(options, client_path(&path), write_user);
}

/* action: behind the user's path; may be NULL. done: what is said of the user afterwards. */
static int ask_for_user(const struct options *options, const char *method, const char *action,
                        struct str body, const char *done)
{
    CLEANUP(buf_done) struct buf path = {0};
    char line[512];

    buf_init(&path, 4096);
    buf_add_c(&path, "/api/v1/users");
    client_path_add(&path, str_c(options_arg(options, 0)));
    if (action != NULL)
        client_path_add(&path, str_c(action));
    (void)snprintf(line, sizeof line, "%s: %s", options_arg(options, 0), done);
    const struct ask_change change = {
        .method = method, .path = client_path(&path), .body = body, .done = line};

    return ask_change(options, &change);
}

int command_user_sign_out(const struct options *options)
{
    return ask_for_user(options, "POST", "sign-out", STR_NONE,
                        "signed out; what was issued until now is refused");
}

int command_user_disable(const struct options *options)
{
    return ask_for_user(options, "PATCH", NULL, STR("{\"disabled\":true}"),
                        "disabled; nothing of this user, nor of the user's robots, works any more");
}

int command_user_enable(const struct options *options)
{
    return ask_for_user(options, "PATCH", NULL, STR("{\"disabled\":false}"), "enabled");
}

int command_user_release(const struct options *options)
{
    return ask_for_user(options, "POST", "release", STR_NONE,
                        "what the provider said by provisioning counts no more");
}

int command_user_role(const struct options *options)
{
    CLEANUP(buf_done) struct buf body = {0};

    buf_init(&body, 4096);
    client_member_add(&body, STR("role"), str_c(options_arg(options, 1)));
    client_member_end(&body);
    return ask_for_user(options, "PATCH", NULL, buf_str(&body), options_arg(options, 1));
}
