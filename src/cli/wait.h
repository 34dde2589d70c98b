/*
 * wait.h - after a change: until the gateway knows the tools of its servers, and what nobody
 * classified.
 */
#pragma once

#include "cli/client.h"

/* Waits until every server was discovered or has failed, 20 seconds at most; says on stderr what it
 * waits for. Returns what the servers were like last, as GET /api/v1/servers says. */
enum err_code wait_for_servers(struct client *client, struct answer *ret_servers,
                               struct err *err) MUST_CHECK;
/* Says for each server how many tools are hidden and which command helps, and which failed. */
void wait_report(const struct options *options, const struct answer *servers, struct buf *out);
