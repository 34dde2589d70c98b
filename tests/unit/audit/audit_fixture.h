/*
 * audit_fixture.h - an audit log in a fresh folder, and entries to put into it.
 */
#pragma once

#include <string.h>

#include "../keys/keys_dir.h"
#include "../unit.h"
#include "audit/audit.h"
#include "base/clock.h"
#include "base/uuid.h"

struct log_fixture {
    struct test_dir dir;
    char audit_dir[128];
    char keys_path[128];
    struct keyring *keyring;
    struct data_keys *data_keys;
    struct audit_config config;
    struct audit *audit;
    struct audit_port *port;
};

static inline void log_open(struct log_fixture *f)
{
    struct err err;
    assert_ok(audit_open(&f->config, &f->audit, &err), err);
    f->port = audit_port_new(f->audit, NULL, NULL);
    assert_non_null(f->port);
}

static inline void log_close(struct log_fixture *f)
{
    audit_port_free(f->port);
    f->port = NULL;
    audit_close(f->audit);
    f->audit = NULL;
}

static inline struct log_fixture *log_make(void)
{
    struct err err;
    struct log_fixture *f = calloc(1, sizeof *f);
    f->dir = test_dir_make();
    snprintf(f->audit_dir, sizeof f->audit_dir, "%s/audit", f->dir.path);
    snprintf(f->keys_path, sizeof f->keys_path, "%s/keys.db", f->dir.path);
    assert_ok(keyring_create(f->dir.path, &err), err);
    assert_ok(keyring_load(f->dir.path, &f->keyring, &err), err);
    assert_ok(data_keys_open(f->keys_path, f->keyring, &f->data_keys, &err), err);
    f->config = (struct audit_config){
        .dir = f->audit_dir,
        .keyring = f->keyring,
        .data_keys = f->data_keys,
        .segment_bytes = 1 << 20,
        .reserve_bytes = 1 << 20,
        .no_index = true,
    };
    return f;
}

static inline int log_setup(void **state)
{
    struct log_fixture *f = log_make();
    log_open(f);
    *state = f;
    return 0;
}

static inline int log_setup_index(void **state)
{
    struct log_fixture *f = log_make();
    f->config.no_index = false;
    log_open(f);
    *state = f;
    return 0;
}

static inline int log_teardown(void **state)
{
    struct log_fixture *f = *state;
    log_close(f);
    data_keys_close(f->data_keys);
    keyring_free(f->keyring);
    test_dir_remove(&f->dir);
    free(f);
    return 0;
}

static inline struct audit_entry an_intent(void)
{
    return (struct audit_entry){
        .kind = AUDIT_INTENT,
        .call_id = uuid_v7(clock_wall_us()),
        .attempt = 1,
        .method = STR("tools/call"),
        .server_id = 7,
        .server = STR("files"),
        .tool = STR("read_file"),
        .exposed_name = STR("files__read_file"),
        .category = STR("read-only"),
        .decision = STR("allow"),
        .reason = STR("granted"),
        .principal_kind = STR("robot"),
        .principal_id = STR("robot:nightly"),
        .owner = STR("ann@example.com"),
        .user_agent = STR("agent/1.0"),
        .address = STR("192.0.2.7"),
        .argument_count = 1,
        .argument_bytes = 15,
        .arguments = STR("{\"path\":\"/etc\"}"),
    };
}

static inline struct audit_entry an_outcome(const struct audit_entry *intent)
{
    return (struct audit_entry){
        .kind = AUDIT_OUTCOME,
        .call_id = intent->call_id,
        .attempt = intent->attempt,
        .outcome = STR("ok"),
        .duration_us = 1234,
        .result_bytes = 99,
    };
}

static inline struct audit_entry a_denial(void)
{
    struct audit_entry entry = an_intent();
    entry.kind = AUDIT_DENIED;
    entry.decision = STR("deny");
    entry.reason = STR("no_grant");
    return entry;
}

/* What a wait heard. */
struct heard {
    struct audit_wait wait; /* first */
    bool is_done;
    enum err_code code;
    struct receipt *receipt;
};

static inline void on_heard(struct audit_wait *wait, enum err_code code, struct receipt *receipt)
{
    struct heard *heard = (struct heard *)wait;
    heard->is_done = true;
    heard->code = code;
    heard->receipt = receipt;
}

static inline void wait_for(struct audit_port *port, const struct heard *heard)
{
    for (int i = 0; i < 10000 && !heard->is_done; i++) {
        audit_port_poll(port);
        usleep(500);
    }
    assert_true(heard->is_done);
}

static inline enum err_code record(struct log_fixture *f, const struct audit_entry *entry,
                                   struct heard *heard)
{
    struct err err;
    *heard = (struct heard){.wait.on_durable = on_heard};
    enum err_code code = audit_port_add(f->port, entry, NULL, &heard->wait, &err);
    if (code != ERR_OK)
        return code;
    audit_port_flush(f->port);
    wait_for(f->port, heard);
    return heard->code;
}

static inline struct audit_status log_status(struct log_fixture *f)
{
    struct audit_status status;
    audit_get_status(f->audit, &status);
    return status;
}
