#include "gate/people.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/table.h"
#include "gate/control.h"
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

/* NULL: memory is out. */
static struct sight *find_sight(struct people *people, struct str id)
{
    struct sight *sight = NULL;

    if (people->seen != NULL && table_count(people->seen) >= MAX_SEEN)
        forget(people);
    if (people->seen == NULL && (people->seen = table_new()) == NULL)
        return NULL;
    sight = table_get(people->seen, id);
    if (sight != NULL)
        return sight;
    sight = calloc(1, sizeof *sight);
    if (sight != NULL && !table_put(people->seen, id, sight, NULL)) {
        free(sight);
        return NULL;
    }
    return sight;
}

void people_saw(struct call *call)
{
    struct sight *sight = find_sight(call->worker->people, call->caller.id);
    struct sighting *sighting = NULL;

    if (sight == NULL || (sight->at_us != 0 && call->started_us - sight->at_us < AGAIN_US))
        return;
    sighting = copy_sighting(call);
    if (sighting == NULL)
        return;
    /* What found no place in the queue is tried again with the next call. */
    if (jobs_add(call->worker->gate->control_jobs, &sighting->job))
        sight->at_us = call->started_us;
    else
        free_sighting(sighting);
}

void people_tell_groups(const struct caller *person)
{
    if (person->lacks_groups)
        log_event(LOG_WARN, "groups_left_out", LOG_STR("principal", person->id),
                  LOG_C("why", "too many for a token: none counts"));
}
