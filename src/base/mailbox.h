/*
 * mailbox.h - a bounded queue of messages into one thread: the only way threads talk.
 *
 * A message is embedded in the sender's object (struct mail first or inside) and belongs to the box
 * from mailbox_put() until mailbox_take_all() hands it out. Senders never block. The receiver is
 * woken through its own wake function (uv_async_send for a loop, a condition variable for a plain
 * thread).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

struct mail {
    struct mail *next;
    void (*on_deliver)(struct mail *mail); /* runs in the receiving thread */
};

struct mailbox;
typedef void mailbox_wake_fn(void *ctx);

/* wake is called after a put into an empty box, from the sender's thread. NULL: memory is out. */
struct mailbox *mailbox_new(size_t max_mails, mailbox_wake_fn *wake, void *wake_ctx);
void mailbox_free(struct mailbox *box); /* undelivered mail stays its sender's; NULL is fine */
/* False: full or closed, the mail stays the caller's. */
bool mailbox_put(struct mailbox *box, struct mail *mail) MUST_CHECK;
/* No put succeeds afterwards. */
void mailbox_close(struct mailbox *box);
/* Everything put so far, oldest first, linked by next; NULL: empty. */
struct mail *mailbox_take_all(struct mailbox *box);
/* take_all and call on_deliver of each. Returns how many. */
size_t mailbox_deliver(struct mailbox *box);
