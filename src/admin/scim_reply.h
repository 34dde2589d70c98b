/*
 * scim_reply.h - what the handlers of SCIM share (RFC 7644): who asks, what is wished for, errors
 * and lists.
 */
#pragma once

#include "admin/reply.h"
#include "identity/scim.h"

struct scim_ask {
    const struct api_request *request;
    struct api_reply *reply;
    struct control *control;
    struct arena *arena;
    struct str provider; /* whose token it is: nothing of another one is seen or touched */
    struct scim_shape shape;
    struct scim_fault fault;
};

/* False: it has been answered. */
bool scim_begin(struct scim_ask *ask, const struct api_request *request,
                struct api_reply *reply) MUST_CHECK;
/* Answers with the fault. */
void scim_fail(struct scim_ask *ask);
/* The id of the resource in the path. False: it has been answered. */
bool scim_path_id(struct scim_ask *ask, enum scim_kind kind, int64_t *ret_id) MUST_CHECK;
/* False: it has been answered. */
bool scim_body(struct scim_ask *ask, struct json_doc *ret_doc) MUST_CHECK;

/* A page of a list (§3.4.2.4). */
struct scim_page {
    struct scim_filter filter;
    int64_t first; /* from 1 */
    int64_t most;
};

/* False: it has been answered. */
bool scim_page_read(struct scim_ask *ask, enum scim_kind kind,
                    struct scim_page *ret_page) MUST_CHECK;
/* The beginning of the answer, up to the first resource, and its end. */
void scim_page_begin(struct jsonw *w, const struct scim_page *page, int64_t total, int64_t count);
void scim_page_end(struct jsonw *w);
/* status 201 and Location. */
void scim_created(struct scim_ask *ask, enum scim_kind kind, int64_t id);
