/*
 * audit_bench.c - what the audit log costs and carries: sealing alone, calls (intent, receipt,
 * outcome) at several numbers under way, and building the index again. CPU is that of all threads,
 * until the index has caught up.
 *
 * audit_bench [--json] [--calls N] [--dir DIR]
 */
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "audit/audit.h"
#include "audit/search.h"
#include "base/clock.h"
#include "base/uuid.h"
#include "keys/data_keys.h"
#include "keys/keyring.h"

#define ARGUMENT_BYTES     1024
#define TMPFS_MAGIC_NUMBER 0x01021994

struct bench {
    struct audit *audit;
    struct data_keys *data_keys;
    const struct data_key *key;
    struct audit_port *port;
    pthread_mutex_t lock;
    pthread_cond_t woken;
    bool is_woken;
    size_t left;
    size_t under_way;
    char arguments[ARGUMENT_BYTES];
};

struct call {
    struct audit_wait wait; /* first */
    struct bench *bench;
    struct uuid call_id;
};

struct result {
    size_t under_way;
    double calls_per_s;
    double entries_per_s;
    double cpu_us_per_call;
    double entries_per_batch;
    double catch_up_ms;
};

static void die(const char *what, const struct err *err)
{
    fprintf(stderr, "audit_bench: %s: %s\n", what, err->text);
    exit(1);
}

static double cpu_us(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static struct audit_entry an_intent(const struct bench *bench, const struct uuid *call_id)
{
    return (struct audit_entry){
        .kind = AUDIT_INTENT,
        .call_id = *call_id,
        .attempt = 1,
        .method = STR("tools/call"),
        .server_id = 3,
        .server = STR("snowflake"),
        .tool = STR("execute_query"),
        .exposed_name = STR("snowflake__execute_query"),
        .definition_hash = STR("0123456789abcdef0123456789abcdef"),
        .category = STR("read-only"),
        .policy_version = 17,
        .decision = STR("allow"),
        .reason = STR("granted"),
        .decided_by = STR("analysts read Snowflake"),
        .argument_count = 3,
        .argument_bytes = ARGUMENT_BYTES,
        .trace_id = STR("4bf92f3577b34da6a3ce929d0e0e4736"),
        .protocol = STR("2026-07-28"),
        .upstream_protocol = STR("2026-07-28"),
        .principal_kind = STR("robot"),
        .token_id = STR("prr_k3x9"),
        .scopes = STR("list call:read-only"),
        .listener = STR("127.0.0.1:8080"),
        .principal_id = STR("robot:nightly-report"),
        .principal_name = STR("nightly-report"),
        .owner = STR("ann@example.com"),
        .client_name = STR("claude-code"),
        .client_version = STR("2.0.31"),
        .user_agent = STR("claude-code/2.0.31 (cli)"),
        .peer = STR("127.0.0.1:51234"),
        .address = STR("192.0.2.17"),
        .request_id = STR("42"),
        .arguments = str_of(bench->arguments, ARGUMENT_BYTES),
    };
}

static void on_durable(struct audit_wait *wait, enum err_code code, struct receipt *receipt)
{
    struct call *call = (struct call *)wait;
    struct bench *bench = call->bench;
    const struct err err = {.text = "an intent failed"};
    const struct audit_entry outcome = {
        .kind = AUDIT_OUTCOME,
        .call_id = call->call_id,
        .attempt = 1,
        .outcome = STR("ok"),
        .duration_us = 900,
        .result_bytes = 512,
        .http_status = 200,
    };
    if (code != ERR_OK ||
        !receipt_spend(&receipt, &call->call_id, 3, STR("tools/call"), STR("execute_query"),
                       str_of(bench->arguments, ARGUMENT_BYTES)) ||
        audit_port_add(bench->port, &outcome, bench->key, NULL, NULL) != ERR_OK)
        die("call", &err);
    bench->under_way--;
    free(call);
}

static void wake(void *ctx)
{
    struct bench *bench = ctx;
    pthread_mutex_lock(&bench->lock);
    bench->is_woken = true;
    pthread_cond_signal(&bench->woken);
    pthread_mutex_unlock(&bench->lock);
}

static void add_call(struct bench *bench)
{
    struct err err;
    struct call *call = calloc(1, sizeof *call);
    call->wait.on_durable = on_durable;
    call->bench = bench;
    call->call_id = uuid_v7(clock_wall_us());
    struct audit_entry intent = an_intent(bench, &call->call_id);
    if (audit_port_add(bench->port, &intent, bench->key, &call->wait, &err) != ERR_OK)
        die("add an intent", &err);
    bench->left--;
    bench->under_way++;
}

/* As a worker does: everything of one turn, one flush, sleep until woken. */
static void run_calls(struct bench *bench, size_t calls, size_t at_once)
{
    bench->left = calls;
    while (bench->left > 0 || bench->under_way > 0) {
        while (bench->left > 0 && bench->under_way < at_once)
            add_call(bench);
        audit_port_flush(bench->port);
        pthread_mutex_lock(&bench->lock);
        while (!bench->is_woken && bench->under_way > 0)
            pthread_cond_wait(&bench->woken, &bench->lock);
        bench->is_woken = false;
        pthread_mutex_unlock(&bench->lock);
        audit_port_poll(bench->port);
    }
    audit_port_flush(bench->port);
}

static void catch_up(const struct bench *bench, uint64_t entries)
{
    struct audit_status status;
    do {
        usleep(1000);
        audit_get_status(bench->audit, &status);
    } while (status.entries < entries || status.indexed < entries);
}

static struct result measure(struct bench *bench, size_t calls, size_t at_once)
{
    struct audit_status before;
    struct audit_status after;
    audit_get_status(bench->audit, &before);
    double cpu = cpu_us();
    uint64_t start = clock_mono_us();
    run_calls(bench, calls, at_once);
    uint64_t end = clock_mono_us();
    catch_up(bench, before.entries + 2 * calls);
    uint64_t caught_up = clock_mono_us();
    cpu = cpu_us() - cpu;
    audit_get_status(bench->audit, &after);
    double seconds = (double)(end - start) / 1e6;
    return (struct result){
        .under_way = at_once,
        .calls_per_s = (double)calls / seconds,
        .entries_per_s = 2 * (double)calls / seconds,
        .cpu_us_per_call = cpu / (double)calls,
        .entries_per_batch =
            (double)(after.entries - before.entries) / (double)(after.batches - before.batches),
        .catch_up_ms = (double)(caught_up - end) / 1e3,
    };
}

/* Journal alone: entries that nobody waits for, as fast as the queue takes them. */
static double measure_journal(struct bench *bench, size_t entries)
{
    struct err err;
    struct audit_status status;
    audit_get_status(bench->audit, &status);
    uint64_t want = status.entries + entries;
    uint64_t start = clock_mono_us();
    for (size_t i = 0; i < entries; i++) {
        const struct uuid call_id = uuid_v7(clock_wall_us());
        struct audit_entry entry = an_intent(bench, &call_id);
        entry.kind = AUDIT_DENIED;
        while (audit_port_add(bench->port, &entry, bench->key, NULL, &err) == ERR_BUSY)
            usleep(200);
        if (i % 64 == 63)
            audit_port_flush(bench->port);
    }
    audit_port_flush(bench->port);
    do {
        usleep(200);
        audit_get_status(bench->audit, &status);
    } while (status.entries < want);
    return (double)entries / ((double)(clock_mono_us() - start) / 1e6);
}

static double measure_reindex(struct bench *bench)
{
    struct audit_status status;
    audit_get_status(bench->audit, &status);
    catch_up(bench, status.entries);
    uint64_t start = clock_mono_us();
    audit_reindex(bench->audit);
    do {
        usleep(1000);
        audit_get_status(bench->audit, &status);
    } while (status.indexed == status.entries);
    catch_up(bench, status.entries);
    return (double)status.entries / ((double)(clock_mono_us() - start) / 1e6);
}

static void open_log(struct bench *bench, const char *dir, struct keyring **keyring)
{
    struct err err;
    char path[PATH_MAX + 16];
    char audit_dir[PATH_MAX + 16];
    struct data_key_name name = {.subject = STR("robot:nightly-report")};
    name.period = data_keys_period(clock_wall_us());
    snprintf(path, sizeof path, "%s/keys.db", dir);
    snprintf(audit_dir, sizeof audit_dir, "%s/audit", dir);
    if (keyring_create(dir, &err) != ERR_OK || keyring_load(dir, keyring, &err) != ERR_OK ||
        data_keys_open(path, *keyring, &bench->data_keys, &err) != ERR_OK ||
        data_keys_make(bench->data_keys, &name, &bench->key, &err) != ERR_OK)
        die("keys", &err);
    const struct audit_config config = {
        .dir = audit_dir, .keyring = *keyring, .data_keys = bench->data_keys};
    if (audit_open(&config, &bench->audit, &err) != ERR_OK)
        die("open the log", &err);
    pthread_mutex_init(&bench->lock, NULL);
    pthread_cond_init(&bench->woken, NULL);
    bench->port = audit_port_new(bench->audit, wake, bench);
    memset(bench->arguments, 'a', sizeof bench->arguments);
}

static void print_table(const struct result *results, size_t count, double journal, double reindex)
{
    printf("%10s %12s %12s %14s %14s %12s\n", "under way", "calls/s", "entries/s", "CPU us/call",
           "entries/batch", "index ms");
    for (size_t i = 0; i < count; i++)
        printf("%10zu %12.0f %12.0f %14.2f %14.1f %12.1f\n", results[i].under_way,
               results[i].calls_per_s, results[i].entries_per_s, results[i].cpu_us_per_call,
               results[i].entries_per_batch, results[i].catch_up_ms);
    printf("journal: %.0f entries/s; reindex: %.0f entries/s\n", journal, reindex);
}

static void print_json(const struct result *results, size_t count, double journal, double reindex)
{
    printf("{\"journal_entries_per_s\":%.0f,\"reindex_entries_per_s\":%.0f,\"calls\":[", journal,
           reindex);
    for (size_t i = 0; i < count; i++)
        printf("%s{\"under_way\":%zu,\"calls_per_s\":%.0f,\"entries_per_s\":%.0f,"
               "\"cpu_us_per_call\":%.2f,\"entries_per_batch\":%.1f,\"index_lag_ms\":%.1f}",
               i == 0 ? "" : ",", results[i].under_way, results[i].calls_per_s,
               results[i].entries_per_s, results[i].cpu_us_per_call, results[i].entries_per_batch,
               results[i].catch_up_ms);
    printf("]}\n");
}

static void refuse_tmpfs(const char *dir)
{
    struct statfs fs;
    const struct err err = {.text = "it is in memory; give a folder on a real disk with --dir"};
    if (statfs(dir, &fs) == 0 && fs.f_type == TMPFS_MAGIC_NUMBER)
        die(dir, &err);
}

int main(int argc, char **argv)
{
    static const size_t at_once[] = {1, 16, 64, 512};
    struct result results[ARRAY_LEN(at_once)];
    struct bench bench = {0};
    struct keyring *keyring = NULL;
    bool is_json = false;
    size_t calls = 50000;
    const char *parent = ".";
    char dir[PATH_MAX];

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0)
            is_json = true;
        else if (strcmp(argv[i], "--calls") == 0 && i + 1 < argc)
            calls = strtoul(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--dir") == 0 && i + 1 < argc)
            parent = argv[++i];
    }
    refuse_tmpfs(parent);
    if (snprintf(dir, sizeof dir, "%s/audit-bench-XXXXXX", parent) >= (int)sizeof dir)
        return 1;
    if (mkdtemp(dir) == NULL) {
        perror(dir);
        return 1;
    }
    open_log(&bench, dir, &keyring);
    run_calls(&bench, 1000, 64);
    for (size_t i = 0; i < ARRAY_LEN(at_once); i++)
        results[i] = measure(&bench, at_once[i] < 16 ? calls / 10 : calls, at_once[i]);
    double journal = measure_journal(&bench, calls);
    double reindex = measure_reindex(&bench);
    (is_json ? print_json : print_table)(results, ARRAY_LEN(at_once), journal, reindex);
    audit_port_free(bench.port);
    audit_close(bench.audit);
    data_keys_close(bench.data_keys);
    keyring_free(keyring);
    fflush(stdout);
    execlp("rm", "rm", "-r", dir, (char *)NULL);
    return 1;
}
