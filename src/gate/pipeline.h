/*
 * pipeline.h - the path of a call as one table of steps (pipeline.c).
 */
#pragma once

#include "gate/call.h"

/* Runs the steps of the head: what can be said before the body is read. True: answered. */
bool pipeline_head(struct call *call);
/* Runs on from where the call stands until it waits or is over. */
void pipeline_run(struct call *call);
/* Goes on behind a STEP_WAIT. */
void pipeline_resume(struct call *call);
/* Back to compose: another attempt of a call that the server did not run. */
void pipeline_retry(struct call *call);

/* The steps, in the files named in the table. */
step_fn step_receive;
step_fn resource_metadata; /* metadata.c; no step of its own */
step_fn step_authenticate;
step_fn step_identify;
step_fn step_unlock;
step_fn step_parse;
step_fn step_admit;
step_fn step_serve;
step_fn step_resolve;
step_fn step_refine;
step_fn step_decide;
step_fn step_inspect;
step_fn step_compose;
step_fn step_record;
step_fn step_forward;
step_fn step_settle;
step_fn step_reply;
