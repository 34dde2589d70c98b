#include "audit/row.h"

#include <stdlib.h>
#include <string.h>

#include "audit/field.h"
#include "base/crypto.h"
#include "base/words.h"

#define CACHE_SIZE 256 /* a power of two */
#define CACHED_MAX 96
#define LOWER_MAX  256

/* Identities repeat, and a keyed hash costs more than looking. */
struct cached {
    uint8_t len;
    char text[CACHED_MAX];
    int64_t blind;
};

/* What an identity block says, by data key and identity mark. */
struct known {
    uint64_t key_id;
    uint64_t who; /* 0: free */
    int64_t principal;
    int64_t name;
    int64_t email;
};

struct row_maker {
    const struct keyring *keyring;
    struct data_keys *data_keys;
    row_name_fn *name;
    void *name_ctx;
    uint8_t *plain; /* the identity block, opened */
    size_t plain_bytes;
    struct cached cache[CACHE_SIZE];
    struct known known[CACHE_SIZE];
};

struct row_maker *row_maker_new(const struct keyring *keyring, struct data_keys *data_keys,
                                row_name_fn *name, void *name_ctx)
{
    struct row_maker *maker = calloc(1, sizeof *maker);
    if (maker == NULL)
        return NULL;
    maker->keyring = keyring;
    maker->data_keys = data_keys;
    maker->name = name;
    maker->name_ctx = name_ctx;
    return maker;
}

void row_maker_free(struct row_maker *maker)
{
    if (maker == NULL)
        return;
    if (maker->plain != NULL)
        crypto_wipe(maker->plain, maker->plain_bytes);
    free(maker->plain);
    crypto_wipe(maker, sizeof *maker);
    free(maker);
}

/* ---- identities ---- */

int64_t row_blind(const struct keyring *keyring, struct str identity)
{
    char lower[LOWER_MAX];
    uint8_t mac[CRYPTO_SHA256_BYTES];
    int64_t blind;
    size_t len = identity.len > sizeof lower ? sizeof lower : identity.len;
    for (size_t i = 0; i < len; i++) {
        char c = identity.ptr[i];
        lower[i] = c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
    }
    const struct str pieces[] = {STR("portreeve blind identity\n"), str_of(lower, len),
                                 str_from(identity, len)};
    crypto_hmacv(keyring_get(keyring, KEY_BLIND), pieces, ARRAY_LEN(pieces), mac);
    memcpy(&blind, mac, sizeof blind);
    return blind | INT64_MIN;
}

static size_t cache_slot(struct str identity)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < identity.len; i++)
        hash = (hash ^ (uint8_t)identity.ptr[i]) * 16777619u;
    return hash & (CACHE_SIZE - 1);
}

static int64_t blind_of(struct row_maker *maker, struct str identity)
{
    if (identity.len == 0)
        return 0;
    if (identity.len > CACHED_MAX)
        return row_blind(maker->keyring, identity);
    struct cached *cached = &maker->cache[cache_slot(identity)];
    if (cached->len != identity.len || memcmp(cached->text, identity.ptr, identity.len) != 0) {
        memcpy(cached->text, identity.ptr, identity.len);
        cached->len = (uint8_t)identity.len;
        cached->blind = row_blind(maker->keyring, identity);
    }
    return cached->blind;
}

static bool reserve(struct row_maker *maker, size_t bytes)
{
    if (bytes <= maker->plain_bytes)
        return true;
    uint8_t *plain = realloc(maker->plain, bytes);
    if (plain == NULL)
        return false;
    maker->plain = plain;
    maker->plain_bytes = bytes;
    return true;
}

static bool open_identity(struct row_maker *maker, const struct leaf_view *view,
                          struct known *ret_known)
{
    const struct data_key *key;
    struct str list;
    struct field_item item;
    struct known known = {.key_id = view->key_id, .who = view->who};
    if (!reserve(maker, view->identity.len) ||
        data_keys_by_id(maker->data_keys, view->key_id, &key, NULL) != ERR_OK ||
        !leaf_peek_identity(view, key, maker->plain, &list))
        return false;
    while (field_next(&list, &item) && item.tag <= TAG_email) {
        if (item.tag == TAG_principal_id)
            known.principal = blind_of(maker, item.value);
        else if (item.tag == TAG_principal_name)
            known.name = blind_of(maker, item.value);
        else if (item.tag == TAG_email)
            known.email = blind_of(maker, item.value);
    }
    *ret_known = known;
    return true;
}

/* An erased or unreadable identity leaves the row without one: it is found by everything else. */
static void add_identity(struct row_maker *maker, const struct leaf_view *view, struct row *row)
{
    struct known *known = &maker->known[(view->who ^ view->key_id) >> 1 & (CACHE_SIZE - 1)];
    struct known opened;
    if (view->identity.len == 0)
        return;
    if (view->who == 0 || known->who != view->who || known->key_id != view->key_id) {
        if (!open_identity(maker, view, &opened))
            return;
        *known = opened;
    }
    row->principal = known->principal;
    row->name = known->name;
    row->email = known->email;
}

/* ---- rows ---- */

static uint64_t word_facts(const struct audit_entry *entry)
{
    enum category category;
    enum decision decision;
    enum principal_kind principal;
    enum audit_outcome outcome;
    uint64_t facts = 0;
    if (category_parse(entry->category, &category))
        facts |= row_fact_bits(ROW_CATEGORY, (uint64_t)category + 1);
    if (decision_parse(entry->decision, &decision))
        facts |= row_fact_bits(ROW_DECISION, (uint64_t)decision + 1);
    if (principal_parse(entry->principal_kind, &principal))
        facts |= row_fact_bits(ROW_PRINCIPAL, (uint64_t)principal + 1);
    if (audit_outcome_parse(entry->outcome, &outcome))
        facts |= row_fact_bits(ROW_OUTCOME, (uint64_t)outcome + 1);
    return facts;
}

void row_make(struct row_maker *maker, const struct leaf_view *view, struct row *ret_row)
{
    struct audit_entry entry = {0};
    struct row row = {.time_us = view->time_us, .call_id = view->call_id};
    (void)!field_read(view->clear, &entry, NULL, NULL);
    row.facts = word_facts(&entry) | row_fact_bits(ROW_KIND, (uint64_t)view->kind);
    row.server = maker->name(maker->name_ctx, entry.server);
    row.tool = maker->name(maker->name_ctx, entry.tool);
    row.exposed = maker->name(maker->name_ctx, entry.exposed_name);
    row.method = maker->name(maker->name_ctx, entry.method);
    add_identity(maker, view, &row);
    *ret_row = row;
}

void row_settle(struct row *row, const struct leaf_view *outcome)
{
    struct audit_entry entry = {0};
    (void)!field_read(outcome->clear, &entry, NULL, NULL);
    row->facts &= ~row_fact_bits(ROW_OUTCOME, 0xff);
    row->facts |= word_facts(&entry) & row_fact_bits(ROW_OUTCOME, 0xff);
}

/* ---- filters ---- */

static void want_fact(struct row_filter *want, enum row_fact fact, uint64_t value)
{
    want->facts_mask |= row_fact_bits(fact, 0xff);
    want->facts |= row_fact_bits(fact, value);
}

static void want_words(const struct audit_filter *filter, struct row_filter *want)
{
    enum category category;
    enum decision decision;
    enum principal_kind principal;
    enum audit_outcome outcome;
    if (category_parse(filter->category, &category))
        want_fact(want, ROW_CATEGORY, (uint64_t)category + 1);
    else if (filter->category.len > 0)
        want->is_hopeless = true;
    if (decision_parse(filter->decision, &decision))
        want_fact(want, ROW_DECISION, (uint64_t)decision + 1);
    else if (filter->decision.len > 0)
        want->is_hopeless = true;
    if (principal_parse(filter->principal_kind, &principal))
        want_fact(want, ROW_PRINCIPAL, (uint64_t)principal + 1);
    else if (filter->principal_kind.len > 0)
        want->is_hopeless = true;
    if (audit_outcome_parse(filter->outcome, &outcome))
        want_fact(want, ROW_OUTCOME, (uint64_t)outcome + 1);
    else if (str_eq(filter->outcome, STR("open")))
        want->is_open_only = true;
    else if (filter->outcome.len > 0)
        want->is_hopeless = true;
}

static uint32_t want_name(struct row_filter *want, struct str name, row_find_name_fn *find,
                          void *find_ctx)
{
    if (name.len == 0)
        return 0;
    uint32_t number = find(find_ctx, name);
    if (number == 0)
        want->is_hopeless = true;
    return number;
}

void row_filter_make(const struct audit_filter *filter, const struct keyring *keyring,
                     row_find_name_fn *find, void *find_ctx, struct row_filter *ret_filter)
{
    struct row_filter want = {
        .since_us = filter->since_us == 0 ? INT64_MIN : filter->since_us,
        .until_us = filter->until_us == 0 ? INT64_MAX : filter->until_us,
        .kinds = filter->kinds,
        .call_id = filter->call_id,
    };
    want_words(filter, &want);
    want.server = want_name(&want, filter->server, find, find_ctx);
    want.tool = want_name(&want, filter->tool, find, find_ctx);
    want.method = want_name(&want, filter->method, find, find_ctx);
    if (filter->principal.len > 0)
        want.who = row_blind(keyring, filter->principal);
    *ret_filter = want;
}

static bool matches_names(const struct row *row, const struct row_filter *filter)
{
    return (filter->server == 0 || filter->server == row->server) &&
           (filter->method == 0 || filter->method == row->method) &&
           (filter->tool == 0 || filter->tool == row->tool || filter->tool == row->exposed);
}

static bool matches_who(const struct row *row, const struct row_filter *filter)
{
    return filter->who == 0 || filter->who == row->principal || filter->who == row->name ||
           filter->who == row->email;
}

static bool matches_facts(const struct row *row, const struct row_filter *filter)
{
    return (row->facts & filter->facts_mask) == filter->facts &&
           (filter->kinds == 0 || (filter->kinds >> row_fact_of(row->facts, ROW_KIND) & 1) == 1) &&
           (!filter->is_open_only || row->settled.segment == 0);
}

bool row_matches(const struct row *row, const struct row_filter *filter)
{
    if (filter->is_hopeless || row->time_us < filter->since_us || row->time_us >= filter->until_us)
        return false;
    if (filter->call_id != NULL && memcmp(filter->call_id, &row->call_id, sizeof row->call_id) != 0)
        return false;
    return matches_facts(row, filter) && matches_names(row, filter) && matches_who(row, filter);
}
