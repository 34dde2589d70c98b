/*
 * reply.h - what all handlers of the API share: JSON out, errors out, queries and bodies in.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/jsonw.h"
#include "gate/control.h"

/* {"error": {"code": word, "message": sentence}} with the status that belongs to the code. Replaces
 * what the body held. */
void reply_err(struct api_reply *reply, const struct err *err);

/* The value of a query parameter, percent-decoded into arena. ERR_NOT_FOUND: not there;
 * ERR_INVALID: twice, or not decodable. */
enum err_code query_get(const struct api_request *request, const char *name, struct str *ret_value,
                        struct err *err) MUST_CHECK;
/* Refuses a query that has a parameter outside of names (NULL at the end): a misspelt filter must
 * not read as no filter. */
enum err_code query_check(const struct api_request *request, const char *const *names,
                          struct err *err) MUST_CHECK;
/* true, false, 1, 0; not there: false. */
enum err_code query_bool(const struct api_request *request, const char *name, bool *ret_value,
                         struct err *err) MUST_CHECK;

/* The body as a JSON object whose members are all among names. */
enum err_code body_object(const struct api_request *request, const char *const *names,
                          struct json_doc *ret_doc, struct err *err) MUST_CHECK;
/* A string member; *ret_value untouched when it is not there. ERR_INVALID: no string. */
enum err_code body_str(const struct api_request *request, const struct json_doc *doc,
                       const char *name, struct str *ret_value, struct err *err) MUST_CHECK;
/* scopes and expires of a token that is wished for; untouched when they are not there. */
enum err_code body_limits(const struct api_request *request, const struct json_doc *doc,
                          struct token_wish *wish, struct err *err) MUST_CHECK;

/* Writes the rows of one list out of all that is stored. */
typedef void reply_rows_fn(struct jsonw *w, const struct store_view *view, int64_t now_us);
/* {"NAME": [rows]} */
void reply_list(const struct api_request *request, struct api_reply *reply, const char *name,
                reply_rows_fn *rows);

/* {"revoked": how many} */
void reply_revoked(struct api_reply *reply, size_t count);
