/*
 * origin.h - which Host and Origin a request may name (DNS rebinding: MCP "Security Best
 * Practices", RFC 9110 §7.2, RFC 6454).
 *
 * The names are compiled once from public_url, the listeners and the settings; a request is checked
 * on every path and every listener.
 */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"

struct settings;
struct origin_rules;

/* NULL: memory is out. */
struct origin_rules *origin_rules_new(const struct settings *settings);
void origin_rules_free(struct origin_rules *rules); /* NULL is fine */

/* host: the value of Host, port included. */
bool origin_may_host(const struct origin_rules *rules, struct str host);
/* origin: the value of Origin; a request without one is not asked about. */
bool origin_may_origin(const struct origin_rules *rules, struct str origin);
