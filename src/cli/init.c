#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "base/jsonw.h"
#include "catalog/governance.h"
#include "cli/commands.h"
#include "cli/home.h"
#include "cli/say.h"
#include "keys/keyring.h"

/* What was made, for both ways of saying it. */
struct made {
    char settings_path[PATH_MAX];
    char data_dir[PATH_MAX];
    char token_path[PATH_MAX];
    bool has_settings; /* the file was written; else it was there */
    bool has_keys;
};

static enum err_code find_settings(const struct options *options, struct made *made,
                                   struct err *err)
{
    const char *dir = options_get(options, "dir");
    const char *path = options_get(options, "settings");
    int len = path != NULL ? snprintf(made->settings_path, PATH_MAX, "%s", path)
                           : snprintf(made->settings_path, PATH_MAX, "%s/portreeve.yaml",
                                      dir == NULL ? "." : dir);

    if (len < 0 || len >= PATH_MAX)
        return err_set(err, ERR_LIMIT, "the path of the folder is too long");
    if (dir != NULL)
        return file_make_dir(dir, err);
    return ERR_OK;
}

static enum err_code write_settings(struct made *made, struct err *err)
{
    enum err_code code = home_write_settings(made->settings_path, err);

    made->has_settings = code == ERR_OK;
    return code == ERR_CONFLICT ? ERR_OK : code;
}

/* Data without its keys: new ones would not open it. */
static bool has_data(const struct settings *settings)
{
    static const char *const names[] = {"store.db", "keys.db", "audit"};
    char path[PATH_MAX];

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (home_path(settings, names[i], path, NULL) == ERR_OK && access(path, F_OK) == 0)
            return true;
    }
    return false;
}

/* The folder may hold keys already: they are never touched. */
static enum err_code make_keys(const struct settings *settings, bool is_token_only,
                               struct made *made, struct err *err)
{
    enum err_code code = home_path(settings, "", made->data_dir, err);

    if (code != ERR_OK || is_token_only)
        return code;
    if (keyring_exists(made->data_dir))
        return err_set(
            err, ERR_CONFLICT,
            "%.150s holds keys already: nothing was changed. For a new administration token, "
            "stop the gateway and add --new-token",
            made->data_dir);
    if (has_data(settings))
        return err_set(
            err, ERR_CONFLICT,
            "%.150s holds the data of an earlier installation, but not its keys: put the keys "
            "back, or choose another folder; nothing was changed",
            made->data_dir);
    code = file_make_dir(made->data_dir, err);
    if (code == ERR_OK)
        code = file_make_dir(settings->secrets_dir.ptr, err);
    if (code == ERR_OK)
        code = keyring_create(made->data_dir, err);
    made->has_keys = code == ERR_OK;
    return code;
}

static enum err_code make(const struct options *options, struct made *made, struct err *err)
{
    CLEANUP(settings_freep) struct settings *settings = NULL;
    const char *owner = options_get(options, "owner");

    owner = owner == NULL ? "owner@example.com" : owner;
    if (!governance_is_email(str_c(owner)))
        return err_set(err, ERR_INVALID, "--owner must be an e-mail address");
    enum err_code code = find_settings(options, made, err);
    if (code == ERR_OK)
        code = write_settings(made, err);
    if (code == ERR_OK)
        code = settings_read(made->settings_path, &settings, err);
    if (code == ERR_OK)
        code = make_keys(settings, options_has(options, "new-token"), made, err);
    if (code == ERR_OK)
        code = home_path(settings, "admin.token", made->token_path, err);
    return code == ERR_OK ? home_make_token(settings, str_c(owner), err) : code;
}

static int print_json(const struct made *made)
{
    CLEANUP(buf_done) struct buf out = {0};
    struct jsonw w;

    buf_init(&out, 64 << 10);
    jsonw_init(&w, &out);
    jsonw_object(&w);
    jsonw_name_str(&w, "settings", str_c(made->settings_path));
    jsonw_name_bool(&w, "settings_written", made->has_settings);
    jsonw_name_str(&w, "data_dir", str_c(made->data_dir));
    jsonw_name_bool(&w, "keys_made", made->has_keys);
    jsonw_name_str(&w, "token_file", str_c(made->token_path));
    jsonw_end_object(&w);
    return say_line(buf_str(&out));
}

static int print_text(const struct made *made)
{
    (void)printf("settings    %s (%s)\n", made->settings_path,
                 made->has_settings ? "written" : "was there, kept");
    if (made->has_keys)
        (void)printf(
            "keys        %skeys (without them the data cannot be read: keep a copy elsewhere)\n",
            made->data_dir);
    (void)printf("token       %s (administration; the commands find it by themselves)\n"
                 "\n"
                 "next:\n"
                 "  portreeve serve --settings %s\n"
                 "  portreeve apply FILE --settings %s\n",
                 made->token_path, made->settings_path, made->settings_path);
    return fflush(stdout) == 0 ? EXIT_DONE : EXIT_REFUSED;
}

int command_init(const struct options *options)
{
    static struct made made;
    struct err err;

    if (make(options, &made, &err) != ERR_OK)
        return say_fail(&err);
    return options_has(options, "json") ? print_json(&made) : print_text(&made);
}
