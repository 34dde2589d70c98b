/*
 * api.h - how requests for /api/v1 get from a worker to the handlers of room admin and back.
 *
 * A worker authenticates the request, finds its endpoint, checks the scopes (identity/scopes.def,
 * the one check), copies it and hands it to a job thread: handlers block as they like. Handlers of
 * API_CONTROL run one after another on the thread that owns the store; those of API_SEARCH on the
 * thread for searches, which must not touch the store.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "identity/caller.h"
#include "identity/scopes.h"

struct gate;

struct api_request {
    struct gate *gate;
    struct str path;
    enum endpoint endpoint;
    struct str params[ENDPOINT_MAX_PARAMS]; /* what stands for each {} of its path, decoded */
    struct str query;                       /* behind the question mark, as sent; may be empty */
    struct str body;
    struct caller caller;
    struct addr peer;
    struct addr address; /* derived behind trusted proxies; else the peer */
    struct str user_agent;
    struct str listener;
    struct arena *arena; /* of the request; holds all of the above */
};

struct api_reply {
    int status;               /* 200 at the start */
    const char *content_type; /* application/json at the start */
    struct str location;      /* of what was made, in the arena of the request; or empty */
    struct buf body;
};

typedef void api_handler_fn(const struct api_request *request, struct api_reply *reply);

enum api_thread { API_CONTROL, API_SEARCH };

struct api_handler {
    enum api_thread thread;
    api_handler_fn *handle; /* NULL: no endpoint of the API */
};

/* One row per endpoint, by its enum; room admin fills it. */
struct api {
    struct api_handler handlers[ENDPOINTS];
};
