/*
 * form.h - application/x-www-form-urlencoded bodies and query strings (WHATWG URL §5.1), strictly:
 * a field stands once, every percent sign leads two hexadecimal digits, no NUL.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

enum { FORM_MAX_FIELDS = 64 };

struct form_field {
    struct str name;
    struct str value;
};

struct form {
    struct form_field fields[FORM_MAX_FIELDS];
    size_t count;
};

/* Values live in arena. ERR_INVALID says which rule was broken; ERR_LIMIT: too many fields. */
enum err_code form_parse(struct str text, struct arena *arena, struct form *ret_form,
                         struct err *err) MUST_CHECK;
/* Is this value of Content-Type that of a form? */
bool form_is_type(struct str content_type);
/* ptr NULL: not there. */
struct str form_get(const struct form *form, struct str name);
/* One value: '+' is a space, "%41" an A. False: not encoded right, or arena full. */
bool form_decode(struct str text, struct arena *arena, struct str *ret_value) MUST_CHECK;
/* Appends the text with all but the unreserved bytes of RFC 3986 §2.3 percent-encoded: fits a form
 * as well as a query. */
void form_encode(struct str text, struct buf *out);
