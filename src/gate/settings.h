/*
 * settings.h - how this process runs: portreeve.yaml, read once and immutable.
 *
 * Every number of the file is a row of settings.def (or of net/limits.def), which gives its name,
 * default, bounds and prose; parser, error texts and the documentation come from these tables. An
 * unknown key, a wrong type or a value out of bounds refuses the file with line and what was
 * expected.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"
#include "base/str.h"
#include "base/url.h"
#include "identity/provider.h"
#include "net/http.h"

/* What is answered at an address. */
enum listener_serves {
    SERVES_ALL,
    SERVES_MCP,   /* MCP, and what its clients need to sign in */
    SERVES_ADMIN, /* the API and /metrics, which are answered nowhere else then */
};

/* One address that is listened on. */
struct listener {
    struct addr address;
    enum listener_serves serves;
    struct str certificate; /* path of a PEM file; empty: plain HTTP */
    struct str key;
    struct str client_ca; /* empty: no client certificates */
    struct str as;    /* "robot:NAME": every request is that robot's (loopback only); or empty */
    bool is_insecure; /* plain HTTP on other than loopback was asked for in so many words */
    bool has_proxy_protocol;
};

struct setting_env {
    struct str name;
    struct str value;  /* literal, or */
    struct str secret; /* a name in secrets_dir */
};

/* A program that may be run as a stdio server: named here and nowhere else. */
struct program {
    struct str name;
    const struct str *argv; /* first: the program */
    size_t argc;
    const struct setting_env *env;
    size_t env_count;
    struct str directory; /* where it runs; empty: data_dir */
};

struct settings {
    struct str path; /* of the file */
    const struct listener *listeners;
    size_t listener_count;
    struct str public_url_text;
    struct url public_url;
    struct str data_dir; /* absolute */
    struct str secrets_dir;
    struct str upstream_ca; /* PEM file of authorities of upstream servers besides the system's; or
                               empty */
    const struct addr_net *trusted_proxies;
    size_t trusted_proxy_count;
    const struct str
        *hosts; /* names allowed in Host besides that of public_url and the listeners */
    size_t host_count;
    const struct str *origins; /* allowed in Origin besides that of public_url */
    size_t origin_count;
    const struct program *programs;
    size_t program_count;
    struct identity_rules identity;
    struct http_limits limits;
#define X(field, key, unit, preset, low, high, prose) int64_t field;
#include "gate/settings.def"
#undef X
};

/* Reads and checks the file. *ret_settings is the caller's: settings_free() it. ERR_NOT_FOUND: no
 * such file; ERR_INVALID: names file, line and what was expected. */
enum err_code settings_read(const char *path, struct settings **ret_settings,
                            struct err *err) MUST_CHECK;
void settings_free(struct settings *settings); /* NULL is fine */
void settings_freep(struct settings **settings);

/* NULL: no such program. */
const struct program *settings_find_program(const struct settings *settings, struct str name);
/* path takes the file of this secret in secrets_dir. ERR_INVALID: no legal name. */
enum err_code settings_secret_path(const struct settings *settings, struct str name, char *path,
                                   size_t size, struct err *err) MUST_CHECK;
/* Does a file for this secret exist in secrets_dir? Names are [a-z0-9._-], no leading dot. */
bool settings_has_secret(const struct settings *settings, struct str name);
