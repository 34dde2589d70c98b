#include "cli/home.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/file.h"
#include "identity/scopes.h"
#include "identity/tokens.h"
#include "keys/keyring.h"
#include "store/lock.h"
#include "store/store.h"

static const char first_settings[] =
    "# Settings of this gateway: how the process runs. `portreeve check` tests this file; every "
    "key is\n"
    "# explained in docs/settings.md and by `portreeve help settings`.\n"
    "\n"
    "# Where it listens. TLS: {address: 0.0.0.0:8443, tls: {certificate: cert.pem, key: key.pem}}\n"
    "listen: [127.0.0.1:8080]\n"
    "\n"
    "# What clients use.\n"
    "public_url: http://127.0.0.1:8080\n"
    "\n"
    "# Paths start at the folder of this file. data: database, keys, audit log. secrets: one file "
    "per\n"
    "# secret; the only place that secrets are read from.\n"
    "data_dir: ./data\n"
    "secrets_dir: ./secrets\n"
    "\n"
    "# The only commands that may run as MCP servers; a governance file names them, for example:\n"
    "# programs:\n"
    "#   docs: {run: [npx, -y, \"@modelcontextprotocol/server-filesystem\", /srv/docs]}\n"
    "\n"
    "# Networks of proxies whose Forwarded and X-Forwarded-For headers count.\n"
    "# trusted_proxies: [10.0.0.0/8]\n";

enum err_code home_write_settings(const char *path, struct err *err)
{
    if (access(path, F_OK) == 0)
        return err_set(err, ERR_CONFLICT, "%s is there already", path);
    return file_write(path, str_c(first_settings), 0600, err);
}

enum err_code home_path(const struct settings *settings, const char *name, char path[PATH_MAX],
                        struct err *err)
{
    int len = snprintf(path, PATH_MAX, STR_FMT "/%s", STR_ARG(settings->data_dir), name);

    if (len < 0 || len >= PATH_MAX)
        return err_set(err, ERR_LIMIT, "the path of data_dir is too long");
    return ERR_OK;
}

static enum err_code store_token(const char *path, const struct keyring *keyring, struct str owner,
                                 const char text[TOKEN_TEXT_LEN + 1], struct err *err)
{
    CLEANUP(store_closep) struct store *store = NULL;
    char id[TOKEN_ID_LEN + 1];
    struct token token = {
        .kind = TOKEN_ADMIN, .owner = owner, .scopes = scopes_default(TOKEN_ADMIN)};
    const struct store_change change = {.author = STR("init"), .now_us = clock_wall_us()};
    uint64_t version = 0;

    token_mint_id(id);
    token.id = str_of(id, TOKEN_ID_LEN);
    token_hash(keyring_get(keyring, KEY_PEPPER), str_of(text, TOKEN_TEXT_LEN), token.hash);
    enum err_code code = store_open(path, &store, err);
    return code == ERR_OK ? store_add_token(store, &token, &change, &version, err) : code;
}

/* The line ends with a newline, for people who look at the file. */
static enum err_code write_token(const char *path, const char text[TOKEN_TEXT_LEN + 1],
                                 struct err *err)
{
    char line[TOKEN_TEXT_LEN + 2];
    int len = snprintf(line, sizeof line, "%s\n", text);
    enum err_code code = file_write(path, str_of(line, (size_t)len), 0600, err);

    crypto_wipe(line, sizeof line);
    return code;
}

static enum err_code make_token(const struct settings *settings, const struct keyring *keyring,
                                struct str owner, struct err *err)
{
    char store[PATH_MAX];
    char file[PATH_MAX];
    char text[TOKEN_TEXT_LEN + 1];

    enum err_code code = home_path(settings, "store.db", store, err);
    if (code == ERR_OK)
        code = home_path(settings, "admin.token", file, err);
    if (code != ERR_OK)
        return code;
    token_mint(TOKEN_ADMIN, text);
    code = store_token(store, keyring, owner, text, err);
    if (code == ERR_OK)
        code = write_token(file, text, err);
    crypto_wipe(text, sizeof text);
    return code;
}

enum err_code home_make_token(const struct settings *settings, struct str owner, struct err *err)
{
    CLEANUP(data_lock_releasep) struct data_lock *lock = NULL;
    CLEANUP(keyring_freep) struct keyring *keyring = NULL;
    char data_dir[PATH_MAX];
    enum err_code code = home_path(settings, "", data_dir, err);

    if (code == ERR_OK)
        code = data_lock_take(data_dir, &lock, err);
    if (code == ERR_OK)
        code = keyring_load(data_dir, &keyring, err);
    return code == ERR_OK ? make_token(settings, keyring, owner, err) : code;
}
