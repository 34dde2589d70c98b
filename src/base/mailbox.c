#include "base/mailbox.h"

#include <pthread.h>
#include <stdlib.h>

struct mailbox {
    pthread_mutex_t lock;
    struct mail *first;
    struct mail **last; /* where the next one is linked */
    size_t count;
    size_t max;
    bool is_closed;
    mailbox_wake_fn *wake;
    void *wake_ctx;
};

struct mailbox *mailbox_new(size_t max_mails, mailbox_wake_fn *wake, void *wake_ctx)
{
    struct mailbox *box = calloc(1, sizeof *box);

    if (box == NULL)
        return NULL;
    if (pthread_mutex_init(&box->lock, NULL) != 0) {
        free(box);
        return NULL;
    }
    box->last = &box->first;
    box->max = max_mails;
    box->wake = wake;
    box->wake_ctx = wake_ctx;
    return box;
}

void mailbox_free(struct mailbox *box)
{
    if (box == NULL)
        return;
    (void)pthread_mutex_destroy(&box->lock);
    free(box);
}

bool mailbox_put(struct mailbox *box, struct mail *mail)
{
    bool was_empty = false;

    (void)pthread_mutex_lock(&box->lock);
    bool takes = !box->is_closed && box->count < box->max;
    if (takes) {
        was_empty = box->count == 0;
        mail->next = NULL;
        *box->last = mail;
        box->last = &mail->next;
        box->count++;
    }
    /* Under the lock: once the box is seen empty or closed, its owner may free what wake uses. */
    if (was_empty && box->wake != NULL)
        box->wake(box->wake_ctx);
    (void)pthread_mutex_unlock(&box->lock);
    return takes;
}

void mailbox_close(struct mailbox *box)
{
    (void)pthread_mutex_lock(&box->lock);
    box->is_closed = true;
    (void)pthread_mutex_unlock(&box->lock);
}

struct mail *mailbox_take_all(struct mailbox *box)
{
    (void)pthread_mutex_lock(&box->lock);
    struct mail *first = box->first;
    box->first = NULL;
    box->last = &box->first;
    box->count = 0;
    (void)pthread_mutex_unlock(&box->lock);
    return first;
}

size_t mailbox_deliver(struct mailbox *box)
{
    size_t count = 0;

    for (struct mail *mail = mailbox_take_all(box); mail != NULL; count++) {
        struct mail *next = mail->next;

        mail->on_deliver(mail);
        mail = next;
    }
    return count;
}
