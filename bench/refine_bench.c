/*
 * refine_bench.c - microseconds of CPU time to judge a statement of 1 KiB, per dialect: one that
 * reads, and one that writes (which in PostgreSQL takes the whole tree of its parser).
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/attr.h"
#include "policy/refine.h"

enum { ROUNDS = 20000, BYTES = 1024 };

static const char reading[] =
    "SELECT o.id, o.customer_id, c.name AS customer_name, c.email, sum(l.quantity * l.unit_price) "
    "AS total, count(DISTINCT l.product_id) AS products, max(o.created_at) AS last_order FROM "
    "sales.orders o JOIN sales.customers c ON c.id = o.customer_id LEFT JOIN sales.order_lines l "
    "ON l.order_id = o.id WHERE o.created_at >= '2026-01-01' AND o.created_at < '2026-07-01' AND "
    "c.country IN ('DE', 'FR', 'NL', 'BE') AND coalesce(o.state, 'new') <> 'cancelled' AND "
    "(c.segment = 'enterprise' OR c.revenue > 100000) AND NOT EXISTS (SELECT 1 FROM sales.refunds "
    "r WHERE r.order_id = o.id AND r.amount > 0.5 * o.amount) GROUP BY o.id, o.customer_id, "
    "c.name, c.email HAVING sum(l.quantity * l.unit_price) > 1000 ORDER BY total DESC, o.id ASC";

static const char writing[] =
    "INSERT INTO sales.orders (id, customer_id, state, note) SELECT o.id, o.customer_id, "
    "coalesce(o.state, 'new'), 'imported' FROM staging.orders o JOIN staging.customers c ON c.id = "
    "o.customer_id WHERE o.created_at >= '2026-01-01' AND c.country IN ('DE', 'FR', 'NL', 'BE')";

static double cpu_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

/* The statement, and a condition that is repeated until it has 1 KiB. */
static struct str grow(const char *head, char out[BYTES + 1])
{
    static const char part[] = " AND c.region_code <> 'unknown'";
    size_t len = strlen(head);
    const char *where = strstr(head, " GROUP BY");
    size_t cut = where == NULL ? len : (size_t)(where - head);

    memcpy(out, head, cut);
    size_t at = cut;
    while (at + sizeof part - 1 + (len - cut) <= BYTES) {
        memcpy(out + at, part, sizeof part - 1);
        at += sizeof part - 1;
    }
    memcpy(out + at, head + cut, len - cut);
    return str_of(out, at + len - cut);
}

static void measure(enum sql_dialect dialect, const char *what, struct str text)
{
    const struct refiner refiner = {.kind = REFINER_SQL, .dialect = dialect};
    struct refine_verdict verdict = refine_text(&refiner, text);
    double best = 1e9;

    for (int run = 0; run < 5; run++) {
        double start = cpu_us();
        for (int i = 0; i < ROUNDS / 5; i++)
            verdict = refine_text(&refiner, text);
        double each = (cpu_us() - start) / (ROUNDS / 5.0);
        best = each < best ? each : best;
    }
    printf("%-11s %-8s %4zu bytes  %-11s %6.2f us\n", sql_dialect_word(dialect), what, text.len,
           category_word(verdict.category), best);
}

int main(void)
{
    char reads[BYTES + 1], writes[BYTES + 1];
    struct str reading_text = grow(reading, reads);
    struct str writing_text = grow(writing, writes);

    for (unsigned dialect = 0; dialect < SQL_DIALECTS; dialect++) {
        measure((enum sql_dialect)dialect, "reading", reading_text);
        measure((enum sql_dialect)dialect, "writing", writing_text);
    }
    return 0;
}
