#include "gate/settings_read.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"

enum { ARENA_BYTES = 16 << 20, MAX_FILE = 1 << 20, MAX_LISTENERS = 16 };

typedef enum err_code read_fn(struct reader *r, const struct yaml_node *node, struct err *err);

struct key {
    const char *name;
    read_fn *read;
};

/* The settings and the arena they live in. */
struct owned {
    struct settings settings;
    struct arena *arena;
};

struct number {
    const char *key;
    size_t offset;
    const char *unit;
    int64_t preset;
    int64_t low;
    int64_t high;
};

static const struct number numbers[] = {
#define X(field, key, unit, preset, low, high, prose)                                              \
    {key, offsetof(struct settings, field), unit, preset, low, high},
#include "gate/settings.def"
#undef X
};

static enum err_code set_number(struct settings *settings, const struct number *number,
                                const struct yaml_node *node, struct err *err)
{
    int64_t value = 0;

    if (!yaml_i64(node, &value) || value < number->low || value > number->high)
        return yaml_err(node, err, "'%s' must be a number of %s from %" PRId64 " to %" PRId64,
                        number->key, number->unit, number->low, number->high);
    *(int64_t *)(void *)((char *)settings + number->offset) = value;
    return ERR_OK;
}

static const struct number *find_number(const char *section, struct str name)
{
    char key[128];

    (void)snprintf(key, sizeof key, "%s" STR_FMT, section, STR_ARG(name));
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        if (strcmp(numbers[i].key, key) == 0)
            return &numbers[i];
    }
    return NULL;
}

/* One entry of `listen`. */

static enum err_code read_address(const struct yaml_node *node, struct listener *listener,
                                  struct err *err)
{
    struct str text = STR_NONE;
    struct err why;
    enum err_code code = settings_read_text(node, "an address like 127.0.0.1:8080", &text, err);

    if (code != ERR_OK)
        return code;
    if (addr_parse(text, &listener->address, &why) != ERR_OK)
        return yaml_err(node, err, "%s", why.text);
    return ERR_OK;
}

static enum err_code read_tls(struct reader *r, const struct yaml_node *node,
                              struct listener *listener, struct err *err)
{
    enum err_code code = settings_want(node, YAML_MAPPING, "{certificate, key, client_ca}", err);

    for (const struct yaml_node *each = code == ERR_OK ? node->first : NULL;
         each != NULL && code == ERR_OK; each = each->next) {
        if (str_eq(each->name->text, STR("certificate")))
            code = settings_read_path(r, each, &listener->certificate, err);
        else if (str_eq(each->name->text, STR("key")))
            code = settings_read_path(r, each, &listener->key, err);
        else if (str_eq(each->name->text, STR("client_ca")))
            code = settings_read_path(r, each, &listener->client_ca, err);
        else
            code = yaml_err(each->name, err,
                            "unknown key '" STR_FMT "'; tls takes certificate, key, client_ca",
                            STR_ARG(each->name->text));
    }
    if (code == ERR_OK && (listener->certificate.len == 0 || listener->key.len == 0))
        code = yaml_err(node, err, "tls needs certificate and key");
    return code;
}

static enum err_code read_serves(const struct yaml_node *node, enum listener_serves *ret_serves,
                                 struct err *err)
{
    struct str word = node->kind == YAML_SCALAR ? node->text : STR_NONE;

    if (!str_eq(word, STR("mcp")) && !str_eq(word, STR("admin")))
        return yaml_err(node, err, "'serves' is mcp or admin; a listener without it serves both");
    *ret_serves = str_eq(word, STR("mcp")) ? SERVES_MCP : SERVES_ADMIN;
    return ERR_OK;
}

static enum err_code read_listener_key(struct reader *r, const struct yaml_node *node,
                                       struct listener *listener, struct err *err)
{
    struct str name = node->name->text;

    if (str_eq(name, STR("address")))
        return read_address(node, listener, err);
    if (str_eq(name, STR("tls")))
        return read_tls(r, node, listener, err);
    if (str_eq(name, STR("as")))
        return settings_read_text(node, "robot:NAME", &listener->as, err);
    if (str_eq(name, STR("serves")))
        return read_serves(node, &listener->serves, err);
    if (str_eq(name, STR("insecure")))
        return settings_read_bool(node, &listener->is_insecure, err);
    if (str_eq(name, STR("proxy_protocol")))
        return settings_read_bool(node, &listener->has_proxy_protocol, err);
    return yaml_err(node->name, err,
                    "unknown key '" STR_FMT
                    "'; a listener takes address, serves, tls, as, insecure, proxy_protocol",
                    STR_ARG(name));
}

static enum err_code check_listener(const struct yaml_node *node, struct listener *listener,
                                    struct err *err)
{
    bool is_loopback = addr_is_loopback(&listener->address);

    if (!listener->address.is_set || listener->address.port == 0)
        return yaml_err(node, err, "a listener needs an address with a port");
    if (!is_loopback && listener->certificate.len == 0 && !listener->is_insecure)
        return yaml_err(
            node, err,
            "plain HTTP on other than loopback shows tokens to the network; give tls, or say "
            "insecure: true");
    if (listener->as.len == 0)
        return ERR_OK;
    if (!is_loopback)
        return yaml_err(node, err, "'as' lets everyone in who reaches the address: loopback only");
    if (!str_starts(listener->as, STR("robot:")) || listener->as.len == strlen("robot:"))
        return yaml_err(node, err, "'as' must be robot:NAME");
    if (listener->serves == SERVES_ADMIN)
        return yaml_err(node, err, "'as' makes callers a robot, which administers nothing");
    return ERR_OK;
}

static enum err_code read_listener(struct reader *r, const struct yaml_node *node,
                                   struct listener *listener, struct err *err)
{
    enum err_code code = ERR_OK;

    if (node->kind == YAML_SCALAR) {
        code = read_address(node, listener, err);
        return code == ERR_OK ? check_listener(node, listener, err) : code;
    }
    code =
        settings_want(node, YAML_MAPPING,
                      "an address, or {address, serves, tls, as, insecure, proxy_protocol}", err);
    for (const struct yaml_node *each = code == ERR_OK ? node->first : NULL;
         each != NULL && code == ERR_OK; each = each->next)
        code = read_listener_key(r, each, listener, err);
    return code == ERR_OK ? check_listener(node, listener, err) : code;
}

/* One listener for administration takes it away from those that said nothing. */
static enum err_code share_out(const struct yaml_node *node, struct listener *listeners,
                               size_t count, struct err *err)
{
    size_t counts[SERVES_ADMIN + 1] = {0};

    for (size_t i = 0; i < count; i++)
        counts[listeners[i].serves]++;
    if (counts[SERVES_ADMIN] == count)
        return yaml_err(node, err, "no listener is left for MCP: all of them say serves: admin");
    if (counts[SERVES_MCP] == count)
        return yaml_err(node, err,
                        "no listener is left for administration: all of them say serves: mcp");
    for (size_t i = 0; i < count; i++) {
        if (counts[SERVES_ADMIN] > 0 && listeners[i].serves == SERVES_ALL)
            listeners[i].serves = SERVES_MCP;
    }
    return ERR_OK;
}

static enum err_code read_listen(struct reader *r, const struct yaml_node *node, struct err *err)
{
    enum err_code code = settings_want(node, YAML_SEQUENCE, "a list of addresses", err);
    struct listener *listeners = arena_calloc(r->arena, MAX_LISTENERS, sizeof *listeners);
    size_t count = 0;

    if (code != ERR_OK)
        return code;
    if (listeners == NULL)
        return settings_out_of_memory(err);
    if (node->count == 0 || node->count > MAX_LISTENERS)
        return yaml_err(node, err, "'listen' takes 1 to %d addresses", MAX_LISTENERS);
    for (const struct yaml_node *each = node->first; each != NULL; each = each->next) {
        code = read_listener(r, each, &listeners[count++], err);
        if (code != ERR_OK)
            return code;
    }
    r->settings->listeners = listeners;
    r->settings->listener_count = count;
    return share_out(node, listeners, count, err);
}

static enum err_code read_public_url(struct reader *r, const struct yaml_node *node,
                                     struct err *err)
{
    struct err why;
    enum err_code code = settings_read_text(node, "a URL", &r->settings->public_url_text, err);

    if (code != ERR_OK)
        return code;
    if (url_parse(r->settings->public_url_text, &r->settings->public_url, &why) != ERR_OK)
        return yaml_err(node, err, "%s", why.text);
    if (!str_eq(r->settings->public_url.target, STR("/")))
        return yaml_err(node, err, "public_url takes no path");
    return ERR_OK;
}

static enum err_code read_data_dir(struct reader *r, const struct yaml_node *node, struct err *err)
{
    return settings_read_path(r, node, &r->settings->data_dir, err);
}

static enum err_code read_secrets_dir(struct reader *r, const struct yaml_node *node,
                                      struct err *err)
{
    return settings_read_path(r, node, &r->settings->secrets_dir, err);
}

static enum err_code read_upstream_ca(struct reader *r, const struct yaml_node *node,
                                      struct err *err)
{
    return settings_read_path(r, node, &r->settings->upstream_ca, err);
}

static enum err_code read_store(struct reader *r, const struct yaml_node *node, struct err *err)
{
    (void)r;
    if (node->kind == YAML_SCALAR && str_eq(node->text, STR("sqlite")))
        return ERR_OK;
    return yaml_err(node, err, "store: only sqlite is available in this version");
}

static enum err_code read_networks(struct reader *r, const struct yaml_node *node, struct err *err)
{
    enum err_code code =
        settings_want(node, YAML_SEQUENCE, "a list of networks like 10.0.0.0/8", err);
    struct addr_net *nets = arena_calloc(r->arena, node->count + 1, sizeof *nets);
    struct err why;

    if (code != ERR_OK)
        return code;
    if (nets == NULL)
        return settings_out_of_memory(err);
    for (const struct yaml_node *each = node->first; each != NULL; each = each->next) {
        if (each->kind != YAML_SCALAR)
            return yaml_err(each, err, "expected a network like 10.0.0.0/8");
        if (addr_parse_net(each->text, &nets[r->settings->trusted_proxy_count++], &why) != ERR_OK)
            return yaml_err(each, err, "%s", why.text);
    }
    r->settings->trusted_proxies = nets;
    return ERR_OK;
}

static enum err_code read_hosts(struct reader *r, const struct yaml_node *node, struct err *err)
{
    return settings_read_texts(r, node, "a host name with its port, if any", &r->settings->hosts,
                               &r->settings->host_count, err);
}

static enum err_code read_origins(struct reader *r, const struct yaml_node *node, struct err *err)
{
    return settings_read_texts(r, node, "an origin like https://app.example.com",
                               &r->settings->origins, &r->settings->origin_count, err);
}

/* One value of a program's env: a text, or {secret: NAME}. */
static enum err_code read_env_value(const struct yaml_node *node, struct setting_env *env,
                                    struct err *err)
{
    if (node->kind == YAML_SCALAR) {
        env->value = node->text;
        return ERR_OK;
    }
    const struct yaml_node *secret = yaml_find(node, STR("secret"));
    if (secret == NULL || node->count != 1)
        return yaml_err(node, err, "expected a text or {secret: NAME}");
    return settings_read_text(secret, "the name of a secret", &env->secret, err);
}

static enum err_code read_env(struct reader *r, const struct yaml_node *node,
                              struct program *program, struct err *err)
{
    enum err_code code = settings_want(node, YAML_MAPPING, "a mapping of variables", err);
    struct setting_env *env = arena_calloc(r->arena, node->count + 1, sizeof *env);

    if (code != ERR_OK)
        return code;
    if (env == NULL)
        return settings_out_of_memory(err);
    for (const struct yaml_node *each = node->first; each != NULL; each = each->next) {
        env[program->env_count].name = each->name->text;
        code = read_env_value(each, &env[program->env_count++], err);
        if (code != ERR_OK)
            return code;
    }
    program->env = env;
    return ERR_OK;
}

static enum err_code read_program_key(struct reader *r, const struct yaml_node *node,
                                      struct program *program, struct err *err)
{
    struct str name = node->name->text;

    if (str_eq(name, STR("run")))
        return settings_read_texts(r, node, "a program or an argument", &program->argv,
                                   &program->argc, err);
    if (str_eq(name, STR("env")))
        return read_env(r, node, program, err);
    if (str_eq(name, STR("directory")))
        return settings_read_path(r, node, &program->directory, err);
    return yaml_err(node->name, err,
                    "unknown key '" STR_FMT "'; a program takes run, env, directory",
                    STR_ARG(name));
}

static enum err_code read_programs(struct reader *r, const struct yaml_node *node, struct err *err)
{
    enum err_code code = settings_want(node, YAML_MAPPING, "a mapping of programs", err);
    struct program *programs = arena_calloc(r->arena, node->count + 1, sizeof *programs);

    if (code != ERR_OK)
        return code;
    if (programs == NULL)
        return settings_out_of_memory(err);
    for (const struct yaml_node *each = node->first; each != NULL; each = each->next) {
        struct program *program = &programs[r->settings->program_count++];

        program->name = each->name->text;
        code = settings_want(each, YAML_MAPPING, "{run: [program, arguments…], env: {…}}", err);
        for (const struct yaml_node *key = code == ERR_OK ? each->first : NULL;
             key != NULL && code == ERR_OK; key = key->next)
            code = read_program_key(r, key, program, err);
        if (code == ERR_OK && program->argc == 0)
            code = yaml_err(each, err, "program '" STR_FMT "' needs run: [program, arguments…]",
                            STR_ARG(program->name));
        if (code != ERR_OK)
            return code;
    }
    r->settings->programs = programs;
    return ERR_OK;
}

static const struct number limits[] = {
#define X(field, unit, preset, low, high, prose)                                                   \
    {#field, offsetof(struct settings, limits) + offsetof(struct http_limits, field),              \
     unit,   preset,                                                                               \
     low,    high},
#include "net/limits.def"
#undef X
};

static enum err_code read_limits(struct reader *r, const struct yaml_node *node, struct err *err)
{
    enum err_code code = settings_want(node, YAML_MAPPING, "a mapping of limits", err);

    for (const struct yaml_node *each = code == ERR_OK ? node->first : NULL; each != NULL;
         each = each->next) {
        size_t i = 0;

        while (i < ARRAY_LEN(limits) && !str_eq(str_c(limits[i].key), each->name->text))
            i++;
        if (i == ARRAY_LEN(limits))
            return yaml_err(each->name, err,
                            "unknown limit '" STR_FMT "'; docs/settings.md lists them",
                            STR_ARG(each->name->text));
        code = set_number(r->settings, &limits[i], each, err);
        if (code != ERR_OK)
            return code;
    }
    return code;
}

static enum err_code read_audit(struct reader *r, const struct yaml_node *node, struct err *err)
{
    enum err_code code = settings_want(node, YAML_MAPPING, "a mapping", err);

    for (const struct yaml_node *each = code == ERR_OK ? node->first : NULL;
         each != NULL && code == ERR_OK; each = each->next) {
        const struct number *number = find_number("audit.", each->name->text);

        if (number != NULL)
            code = set_number(r->settings, number, each, err);
        else if (!str_eq(each->name->text, STR("on_failure")))
            code = yaml_err(each->name, err, "unknown key 'audit." STR_FMT "'",
                            STR_ARG(each->name->text));
        else if (each->kind != YAML_SCALAR || !str_eq(each->text, STR("refuse")))
            code =
                yaml_err(each, err, "audit.on_failure: only refuse is available in this version");
    }
    return code;
}

static enum err_code read_not_yet(struct reader *r, const struct yaml_node *node, struct err *err)
{
    (void)r;
    return yaml_err(node->name, err, "'" STR_FMT "' is not available in this version",
                    STR_ARG(node->name->text));
}

static const struct key keys[] = {
    {"listen", read_listen},
    {"public_url", read_public_url},
    {"data_dir", read_data_dir},
    {"secrets_dir", read_secrets_dir},
    {"upstream_ca", read_upstream_ca},
    {"store", read_store},
    {"trusted_proxies", read_networks},
    {"hosts", read_hosts},
    {"origins", read_origins},
    {"programs", read_programs},
    {"limits", read_limits},
    {"audit", read_audit},
    {"identity", settings_read_identity},
    {"classifier", read_not_yet},
};

static enum err_code read_key(struct reader *r, const struct yaml_node *node, struct err *err)
{
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        if (str_eq(str_c(keys[i].name), node->name->text))
            return keys[i].read(r, node, err);
    }
    const struct number *number = find_number("", node->name->text);
    if (number != NULL)
        return set_number(r->settings, number, node, err);
    return yaml_err(node->name, err, "unknown key '" STR_FMT "'; docs/settings.md lists all",
                    STR_ARG(node->name->text));
}

static void preset(struct settings *settings)
{
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        *(int64_t *)(void *)((char *)settings + numbers[i].offset) = numbers[i].preset;
    for (size_t i = 0; i < ARRAY_LEN(limits); i++)
        *(int64_t *)(void *)((char *)settings + limits[i].offset) = limits[i].preset;
}

/* What the file leaves out. */
static enum err_code complete(struct reader *r, struct err *err)
{
    struct settings *settings = r->settings;

    if (settings->listener_count == 0)
        return err_set(err, ERR_INVALID, "'listen' is missing: [127.0.0.1:8080], for example");
    if (settings->public_url_text.len == 0)
        return err_set(
            err, ERR_INVALID,
            "'public_url' is missing: the URL that clients use, http://127.0.0.1:8080 for example");
    if (settings->data_dir.len == 0)
        settings->data_dir = arena_printf(r->arena, STR_FMT "/data", STR_ARG(r->directory));
    if (settings->secrets_dir.len == 0)
        settings->secrets_dir = arena_printf(r->arena, STR_FMT "/secrets", STR_ARG(r->directory));
    return settings->data_dir.ptr == NULL || settings->secrets_dir.ptr == NULL
               ? settings_out_of_memory(err)
               : ERR_OK;
}

static enum err_code find_directory(struct reader *r, const char *path, struct err *err)
{
    char full[PATH_MAX];

    if (realpath(path, full) == NULL)
        return err_errno(err, errno, path);
    struct str text = str_c(full);
    size_t end = text.len;
    while (end > 1 && text.ptr[end - 1] != '/')
        end--;
    r->directory = arena_dup(r->arena, str_first(text, end > 1 ? end - 1 : 1));
    r->settings->path = arena_dup(r->arena, text);
    return r->directory.ptr == NULL || r->settings->path.ptr == NULL ? settings_out_of_memory(err)
                                                                     : ERR_OK;
}

static enum err_code read_all(struct reader *r, const char *path, struct err *err)
{
    struct str text = STR_NONE;
    const struct yaml_node *root = NULL;

    if (file_read(r->arena, path, MAX_FILE, &text, err) != ERR_OK)
        return err_wrap(err, "settings");
    enum err_code code = find_directory(r, path, err);
    if (code != ERR_OK)
        return code;
    if (yaml_parse(text, r->arena, &root, err) != ERR_OK)
        return err_wrap(err, path);
    code = settings_want(root, YAML_MAPPING, "a mapping of settings", err);
    for (const struct yaml_node *each = code == ERR_OK ? root->first : NULL;
         each != NULL && code == ERR_OK; each = each->next)
        code = read_key(r, each, err);
    if (code == ERR_OK)
        code = complete(r, err);
    return code == ERR_OK ? ERR_OK : err_wrap(err, path);
}

enum err_code settings_read(const char *path, struct settings **ret_settings, struct err *err)
{
    struct owned *owned = calloc(1, sizeof *owned);
    struct err local;

    err = err == NULL ? &local : err;
    if (owned == NULL || (owned->arena = arena_new(ARENA_BYTES)) == NULL) {
        free(owned);
        return settings_out_of_memory(err);
    }
    struct reader r = {.settings = &owned->settings, .arena = owned->arena};
    preset(r.settings);
    enum err_code code = read_all(&r, path, err);
    if (code != ERR_OK) {
        settings_free(&owned->settings);
        return code;
    }
    *ret_settings = &owned->settings;
    return ERR_OK;
}

void settings_free(struct settings *settings)
{
    struct owned *owned = (struct owned *)(void *)settings;

    if (settings == NULL)
        return;
    arena_free(owned->arena);
    free(owned);
}

void settings_freep(struct settings **settings)
{
    settings_free(*settings);
    *settings = NULL;
}

const struct program *settings_find_program(const struct settings *settings, struct str name)
{
    for (size_t i = 0; i < settings->program_count; i++) {
        if (str_eq(settings->programs[i].name, name))
            return &settings->programs[i];
    }
    return NULL;
}

static bool is_secret_name(struct str name)
{
    static const char legal[] = "abcdefghijklmnopqrstuvwxyz0123456789._-";

    if (name.len == 0 || name.len > 128 || name.ptr[0] == '.')
        return false;
    for (size_t i = 0; i < name.len; i++) {
        if (memchr(legal, name.ptr[i], sizeof legal - 1) == NULL)
            return false;
    }
    return true;
}

enum err_code settings_secret_path(const struct settings *settings, struct str name, char *path,
                                   size_t size, struct err *err)
{
    if (!is_secret_name(name))
        return err_set(err, ERR_INVALID,
                       "'" STR_FMT "' is no name of a secret: a-z, 0-9, '.', '_', '-'",
                       STR_ARG(name));
    int len =
        snprintf(path, size, STR_FMT "/" STR_FMT, STR_ARG(settings->secrets_dir), STR_ARG(name));
    if (len < 0 || (size_t)len >= size)
        return err_set(err, ERR_LIMIT, "the path of secret '" STR_FMT "' is too long",
                       STR_ARG(name));
    return ERR_OK;
}

bool settings_has_secret(const struct settings *settings, struct str name)
{
    char path[PATH_MAX];

    return settings_secret_path(settings, name, path, sizeof path, NULL) == ERR_OK &&
           access(path, R_OK) == 0;
}
