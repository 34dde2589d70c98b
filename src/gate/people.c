#include "gate/people.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/table.h"
#include "gate/control.h"
#include "gate/people.h"
#include "gate/worker_priv.h"

enum { MAX_SEEN = 16384, ARENA_BYTES = 1 << 20 };

/* How often a person's last sight is written down. */
static const int64_t AGAIN_US = INT64_C(3600) * 1000000;

struct people {
    struct table *seen; /* id of the caller to struct sight */
};

struct sight {
    int64_t at_us;
};

struct people *people_new(void)
{
    struct people *people = calloc(1, sizeof *people);

    if (people == NULL)
        return NULL;
    people->seen = table_new();
    if (people->seen == NULL) {
        free(people);
        return NULL;
    }
    return people;
}

static void forget(struct people *people)
{
    size_t pos = 0;
    struct str id;
    void *sight = NULL;

    while (table_next(people->seen, &pos, &id, &sight))
        free(sight);
    table_free(people->seen);
    people->seen = NULL;
}

void people_free(struct people *people)
{
    if (people == NULL)
        return;
    if (people->seen != NULL)
        forget(people);
    free(people);
}

struct sighting {
    struct job job;
    struct gate *gate;
    struct arena *arena;
    struct api_request request; /* who, and from where */
};

static void free_sighting(struct sighting *sighting)
{
    arena_free(sighting->arena);
    free(sighting);
}

static void run_sighting(struct job *job)
{
    struct sighting *sighting = (struct sighting *)(void *)job;
    struct err err;

    if (control_see_user(gate_control(sighting->gate), &sighting->request, &err) != ERR_OK)
        log_event(LOG_WARN, "user_not_stored", LOG_ERR(&err));
    free_sighting(sighting);
}

static struct sighting *copy_sighting(const struct call *call)
{
    struct sighting *sighting = calloc(1, sizeof *sighting);

    if (sighting == NULL)
        return NULL;
    sighting->job = (struct job){.run = run_sighting};
    sighting->gate = call->worker->gate;
    sighting->arena = arena_new(ARENA_BYTES);
    sighting->request =
        (struct api_request){.gate = sighting->gate, .peer = call->peer, .address = call->address};
    if (sighting->arena != NULL)
        sighting->request.user_agent = arena_dup(sighting->arena, call->user_agent);
    if (sighting->arena == NULL || sighting->request.user_agent.ptr == NULL ||
        !caller_dup(sighting->arena, &call->caller, &sighting->request.caller)) {
        free_sighting(sighting);
        return NULL;
    }
    return sighting;
}

/* Was the person seen so lately that nothing need be written? */
static bool is_fresh(struct people *people, struct str id, int64_t now_us)
{
    struct sight *sight = NULL;

    if (people->seen != NULL && table_count(people->seen) >= MAX_SEEN)
        forget(people);
    if (people->seen == NULL && (people->seen = table_new()) == NULL)
        return true;
    sight = table_get(people->seen, id);
    if (sight != NULL && now_us - sight->at_us < AGAIN_US)
        return true;
    if (sight == NULL) {
        sight = calloc(1, sizeof *sight);
        if (sight == NULL || !table_put(people->seen, id, sight, NULL)) {
            free(sight);
            return true;
        }
    }
    sight->at_us = now_us;
    return false;
}

void people_saw(struct call *call)
{
    struct sighting *sighting = NULL;

    if (is_fresh(call->worker->people, call->caller.id, call->started_us))
        return;
    sighting = copy_sighting(call);
    if (sighting != NULL && !jobs_add(call->worker->gate->control_jobs, &sighting->job))
        free_sighting(sighting);
}
