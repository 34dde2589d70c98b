#include <inttypes.h>
#include <stdatomic.h>

#include "gate/worker_priv.h"

static void line(struct buf *out, const char *name, const char *prose, const char *type,
                 uint64_t value)
{
    buf_printf(out, "# HELP portreeve_%s %s\n# TYPE portreeve_%s %s\nportreeve_%s %" PRIu64 "\n",
               name, prose, name, type, name, value);
}

/* The sum of a counter over all workers. */
#define SUM(gate, field)                                                                           \
    (__extension__({                                                                               \
        uint64_t sum_ = 0;                                                                         \
        for (size_t i_ = 0; i_ < (gate)->worker_count; i_++)                                       \
            sum_ += atomic_load_explicit(&(gate)->workers[i_]->field, memory_order_relaxed);       \
        sum_;                                                                                      \
    }))

static void write_calls(struct gate *gate, struct buf *out)
{
#define X(name, prose) line(out, #name "_total", prose, "counter", SUM(gate, counters.name));
    WORKER_COUNTERS(X)
#undef X
}

static void write_http(struct gate *gate, struct buf *out)
{
#define X(field, unit, preset, low, high, prose)                                                   \
    line(out, "limit_" #field "_total", "how often this bound was met: " prose, "counter",         \
         SUM(gate, http_counters.field));
#include "net/limits.def"
#undef X
    line(out, "http_requests_total", "HTTP requests", "counter", SUM(gate, http_counters.requests));
    line(out, "http_malformed_total", "requests refused because of how they were written",
         "counter", SUM(gate, http_counters.malformed));
    line(out, "http_connections_opened_total", "connections taken", "counter",
         SUM(gate, http_counters.connections_opened));
    line(out, "http_connections_closed_total", "connections closed", "counter",
         SUM(gate, http_counters.connections_closed));
    line(out, "tls_failures_total", "TLS handshakes that failed", "counter",
         SUM(gate, http_counters.tls_failures));
    line(out, "proxy_failures_total", "connections without a valid PROXY header where one is due",
         "counter", SUM(gate, http_counters.proxy_failures));
}

static void write_audit(struct gate *gate, struct buf *out)
{
    struct audit_status status;

    audit_get_status(gate->audit, &status);
    line(out, "audit_entries_total", "durable entries of the audit log", "counter", status.entries);
    line(out, "audit_indexed_total", "entries that searches see", "counter", status.indexed);
    line(out, "audit_open_intents", "calls recorded without an outcome so far", "gauge",
         status.open_intents);
    line(out, "audit_free_bytes", "free space of the disk of the audit log", "gauge",
         status.free_bytes);
    line(out, "audit_failures_total", "write and sync errors of the audit log", "counter",
         status.failures);
    line(out, "audit_dropped_total", "refusals that could not be queued", "counter",
         status.dropped);
    line(out, "audit_accepts", "1: calls can be recorded", "gauge", status.accepts ? 1 : 0);
}

void gate_write_metrics(struct gate *gate, struct buf *out)
{
    struct snapshot *snapshot = gate_snapshot(gate);

    line(out, "policy_version", "version of what is governed", "gauge", snapshot_version(snapshot));
    line(out, "servers", "upstream servers", "gauge", snapshot_server_count(snapshot));
    line(out, "tools", "tools of all servers", "gauge", snapshot_tool_count(snapshot));
    snapshot_unref(snapshot);
    write_calls(gate, out);
    write_http(gate, out);
    write_audit(gate, out);
}
