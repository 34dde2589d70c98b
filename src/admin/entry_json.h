/*
 * entry_json.h - an audit record as the API and `audit search --json` show it: one object, ASCII
 * only, whatever bytes the entry holds.
 */
#pragma once

#include "audit/search.h"
#include "base/jsonw.h"

/* Members that do not apply are left out; scripts rely on the names (docs/api.md). */
void entry_write_json(struct jsonw *w, const struct audit_record *record);
