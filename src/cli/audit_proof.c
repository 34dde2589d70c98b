#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "cli/say.h"

/* A text as it is, with the newline that it ends in. */
static int say_text(struct str text)
{
    CLEANUP(buf_done) struct buf out = {0};

    buf_init(&out, (size_t)1 << 20);
    buf_add(&out, text);
    return say_out(&out);
}

int command_audit_checkpoint(const struct options *options)
{
    CLEANUP(client_closep) struct client *client = NULL;
    CLEANUP(answer_done) struct answer answer = {0};
    CLEANUP(buf_done) struct buf keys = {0};
    struct err err;

    if (client_open(options, &client, &err) != ERR_OK ||
        client_get(client, "/api/v1/audit/checkpoint", &answer, &err) != ERR_OK)
        return client_fail(client, &err);
    if (options_has(options, "json"))
        return say_line(answer.text);
    if (!options_has(options, "key"))
        return say_text(answer_str(&answer, 0, "checkpoint"));
    buf_init(&keys, 4096);
    buf_add(&keys, answer_str(&answer, 0, "key"));
    buf_add_byte(&keys, '\n');
    buf_add(&keys, answer_str(&answer, 0, "time_key"));
    buf_add_byte(&keys, '\n');
    return say_out(&keys);
}

/* A file of its own for each: INDEX.tlog-proof. */
static int write_files(const struct answer *answer, const char *dir)
{
    json_pos list = json_get(&answer->doc, 0, STR("proofs"));
    struct err err;

    if (file_make_dir(dir, &err) != ERR_OK)
        return client_fail(NULL, &err);
    for (json_pos each = json_first(&answer->doc, list); each != JSON_NONE;
         each = json_next(&answer->doc, list, each)) {
        char path[PATH_MAX];

        (void)snprintf(path, sizeof path, "%s/%" PRId64 ".tlog-proof", dir,
                       answer_i64(answer, each, "index"));
        if (file_write(path, answer_str(answer, each, "proof"), 0644, &err) != ERR_OK)
            return client_fail(NULL, &err);
        say_hint("%s", path);
    }
    return EXIT_DONE;
}

int command_audit_prove(const struct options *options)
{
    CLEANUP(client_closep) struct client *client = NULL;
    CLEANUP(answer_done) struct answer answer = {0};
    CLEANUP(buf_done) struct buf path = {0};
    const char *dir = options_get(options, "out");
    struct err err;

    buf_init(&path, 4096);
    buf_add_c(&path, "/api/v1/audit/entries");
    client_path_add(&path, str_c(options_arg(options, 0)));
    buf_add_c(&path, "/proof");
    if (client_open(options, &client, &err) != ERR_OK ||
        client_get(client, client_path(&path), &answer, &err) != ERR_OK)
        return client_fail(client, &err);
    if (options_has(options, "json"))
        return say_line(answer.text);
    if (dir != NULL)
        return write_files(&answer, dir);
    json_pos list = json_get(&answer.doc, 0, STR("proofs"));
    json_pos first = json_first(&answer.doc, list);
    if (json_next(&answer.doc, list, first) == JSON_NONE)
        return say_text(answer_str(&answer, first, "proof"));
    say_hint("the call has several entries: name one by its index, or give --out DIR");
    return EXIT_REFUSED;
}
