#include <string.h>

#include "base/attr.h"
#include "cli/help.h"
#include "identity/scopes.h"

#define SCIM_ONE  "`?attributes= excludedAttributes=`"
#define SCIM_LIST "`?filter= startIndex= count= attributes= excludedAttributes=`"

/* What an endpoint takes and gives, besides its row of scopes.def. */
static const struct {
    const char *takes;
    const char *gives;
} shapes[ENDPOINTS] = {
    [ENDPOINT_STATUS] = {"", "`{version, policy_version, ready, why, servers, tools, hidden}`"},
    [ENDPOINT_GOVERNANCE_EXPORT] = {"", "the governance file, YAML"},
    [ENDPOINT_GOVERNANCE_DIFF] = {"a governance file, YAML",
                                  "`{changes: [{change, object, name, details, line}], "
                                  "policy_version, governance_version, hidden}`"},
    [ENDPOINT_GOVERNANCE_APPLY] =
        {"a governance file, YAML; `?governance_version=N` refuses when someone else was faster",
         "the same, after the change"},
    [ENDPOINT_SERVER_LIST] = {"", "`{policy_version, servers: [{id, name, url or program, "
                                  "credential, state, protocol, discovered, "
                                  "failed, error, stale, tools, unclassified, quarantined, "
                                  "command}]}`; state is new, "
                                  "busy, ready, failed or disabled"},
    [ENDPOINT_SERVER_ADD] =
        {"a server as in a governance file, in JSON: `{name, url or program, credential, tools, "
         "disabled}`",
         "201 `{server, policy_version}`"},
    [ENDPOINT_SERVER_REMOVE] = {"`?with_grants=true` removes its grants, too",
                                "`{server, policy_version}`"},
    [ENDPOINT_SERVER_REFRESH] = {"", "202 `{server}`; the list of servers shows the end"},
    [ENDPOINT_TOOL_LIST] =
        {"`?server=NAME`",
         "`{tools: [{server, name, exposed_name, category, state, rule, set_by, set_at, title, "
         "hash, first_seen, "
         "hash_in_force, quarantine, quarantined_at, renamed_from, last_seen, changed}], hidden}`; "
         "state is unclassified, proposed, released, quarantined, retired or refused"},
    [ENDPOINT_TOOL_SHOW] = {"", "the same of one tool, with `definition`"},
    [ENDPOINT_TOOL_HINTS] = {"",
                             "`{server, tools: [{name, classified, category, proposed, reason}]}`"},
    [ENDPOINT_TOOL_SET] =
        {"`{tools: {NAME-OR-PATTERN: CATEGORY}}`; `null` instead of a category takes the word back",
         "`{server, matched, tools, unclassified, policy_version}`"},
    [ENDPOINT_TOOL_HISTORY] =
        {"",
         "the same of one tool, with `events: [{time, author, action, hash, category, reason}]` "
         "and `versions: [{hash, until, definition}]`, newest first"},
    [ENDPOINT_TOOL_DIFF] =
        {"`?from= to=`, the first digits of a hash each",
         "`{server, name, from, to, severity, changes: [{severity, change, meaning, path, before, "
         "after}]}`; severity is none, low, medium or high"},
    [ENDPOINT_REVIEW_LIST] =
        {"`?server=NAME`",
         "`{tools}` as in the list of tools, each with `approve_as`, `severity` and `changes` as "
         "above, `verdict: {category, certainty, evidence}`, `opens: [{grant, by, roles, users, "
         "groups, robots}]`, `never_for` and `with_approval_for`"},
    [ENDPOINT_REVIEW_SHOW] = {"", "the same of one tool, with `definition` and "
                                  "`definition_in_force` where they differ"},
    [ENDPOINT_REVIEW_DECIDE] =
        {"`{action: \"approve\" or \"quarantine\", tools: [{name, hash}], category, reason}`; "
         "hash (or its first digits), category and reason may be missing",
         "`{server, tools: how many, changes: text, policy_version}`; 409 when a definition is "
         "another one by now"},
    [ENDPOINT_USER_LIST] =
        {"", "`{users: [{id, provider, subject, email, name, role, disabled, "
             "provisioning, groups, created, last_seen}]}`; groups are those that the "
             "provider provisioned"},
    [ENDPOINT_USER_SHOW] = {"", "the same of one"},
    [ENDPOINT_USER_RELEASE] = {"", "the user"},
    [ENDPOINT_GROUP_LIST] = {"", "`{groups: [{id, name, provider, people, created, changed}]}`"},
    [ENDPOINT_GROUP_SHOW] = {"", "the same of one, with `users`"},
    [ENDPOINT_SCIM_TOKEN] = {"`{expires}`", "201 `{provider, id, token, scopes, expires}`"},
    [ENDPOINT_SCIM_CONFIG] = {"", "RFC 7643 §5"},
    [ENDPOINT_SCIM_TYPES] = {"", "RFC 7643 §6"},
    [ENDPOINT_SCIM_SCHEMAS] = {"", "RFC 7643 §7"},
    [ENDPOINT_SCIM_USER_LIST] = {SCIM_LIST, "RFC 7644 §3.4.2"},
    [ENDPOINT_SCIM_USER_CREATE] = {"a user", "201 the user"},
    [ENDPOINT_SCIM_USER_SHOW] = {SCIM_ONE, "the user"},
    [ENDPOINT_SCIM_USER_REPLACE] = {"a user", "the user"},
    [ENDPOINT_SCIM_USER_PATCH] = {"RFC 7644 §3.5.2", "the user"},
    [ENDPOINT_SCIM_USER_REMOVE] = {"", "204"},
    [ENDPOINT_SCIM_GROUP_LIST] = {SCIM_LIST, "RFC 7644 §3.4.2"},
    [ENDPOINT_SCIM_GROUP_CREATE] = {"a group", "201 the group"},
    [ENDPOINT_SCIM_GROUP_SHOW] = {SCIM_ONE, "the group"},
    [ENDPOINT_SCIM_GROUP_REPLACE] = {"a group", "the group"},
    [ENDPOINT_SCIM_GROUP_PATCH] = {"RFC 7644 §3.5.2", "the group"},
    [ENDPOINT_SCIM_GROUP_REMOVE] = {"", "204"},
    [ENDPOINT_USER_SET] = {"`{role, disabled}`, either", "the user"},
    [ENDPOINT_USER_SIGN_OUT] = {"", "`{signed_out: ID}`"},
    [ENDPOINT_USER_KEYS] = {"", "`{keys}` as below"},
    [ENDPOINT_USER_KEYS_REVOKE] = {"", "`{revoked: how many}`"},
    [ENDPOINT_ME] = {"", "`{kind, id, name, email, person, provider, chain, role, scopes, groups, "
                         "token: {id, client, session, issued, expires}, sessions, keys}`; the "
                         "last two for people alone"},
    [ENDPOINT_KEY_LIST] = {"", "`{keys: [{id, kind, user_id, user, name, agent, state, ends_soon, "
                               "scopes, created, expires, last_used, revoked}]}`"},
    [ENDPOINT_KEY_CREATE] = {"`{name, agent, scopes: \"list,call:read-only\", expires: \"30d\"}`, "
                             "all but the name may be missing",
                             "201 `{name, agent, id, token, scopes, expires}`; the token is shown "
                             "this once"},
    [ENDPOINT_KEY_REVOKE] = {"", "`{revoked: 1}`"},
    [ENDPOINT_SESSION_LIST] =
        {"", "`{sessions: [{id, provider, subject, email, client, resource, "
             "state, scopes, created, expires, last_used, ended}]}`; state is begun, "
             "active, expired or ended"},
    [ENDPOINT_CLIENT_LIST] =
        {"", "`{clients: [{id, name, kind, proves_by, blocked, exchange, agent, redeems, robot, "
             "jwks_url, author, sessions, created, blocked_at, last_used}]}`; kind is settings, "
             "stored, registered, document or unknown, proves_by is secret, keys or nothing"},
    [ENDPOINT_CLIENT_SHOW] = {"", "the same of one"},
    [ENDPOINT_CLIENT_ADD] =
        {"`{id, secret: true, jwks_url, jwks: \"…\", exchange, agent, redeem: PROVIDER, robot}`: "
         "one of secret, jwks_url and jwks",
         "201 `{id, secret}`; the secret is shown this once"},
    [ENDPOINT_CLIENT_REMOVE] = {"", "`{removed: ID}`"},
    [ENDPOINT_CLIENT_BLOCK] = {"", "`{blocked: ID, sessions_ended}`"},
    [ENDPOINT_CLIENT_UNBLOCK] = {"", "`{unblocked: ID}`"},
    [ENDPOINT_OWNER_SIGN_IN] = {"", "`{code, email, seconds}`"},
    [ENDPOINT_INSTALLATION_KEYS] = {"",
                                    "`{keys: [{name, id, generation, purpose, since, until}]}`"},
    [ENDPOINT_SIGNING_ROTATE] = {"", "the same"},
    [ENDPOINT_SESSION_END] = {"", "`{ended: ID}`"},
    [ENDPOINT_ROBOT_LIST] = {"", "`{robots: [{id, name, owner, owner_left, disabled, "
                                 "active_tokens, tokens_ending_soon}]}`"},
    [ENDPOINT_ROBOT_SHOW] = {"", "the same of one, with `networks`, `identity` and `tokens`"},
    [ENDPOINT_ROBOT_CREATE] = {"`{name, owner}`", "201 `{name, owner, policy_version}`"},
    [ENDPOINT_TOKEN_LIST] = {"", "`{tokens: [{id, kind, robot, user or owner, state, ends_soon, "
                                 "scopes, created, expires, last_used, revoked}]}`"},
    [ENDPOINT_TOKEN_CREATE] =
        {"`{scopes: \"list,call:read-only\", expires: \"30d\", rotate: true, overlap: \"24h\", "
         "id}`, "
         "all may be missing; with rotate it takes the place of the token with that id, or of all "
         "tokens of the robot",
         "201 `{robot, id, token, scopes, expires}`; the token is shown this once"},
    [ENDPOINT_ROBOT_REVOKE] = {"", "`{revoked: how many}`"},
    [ENDPOINT_TOKEN_REVOKE] = {"", "`{revoked: 1}`"},
    [ENDPOINT_AUDIT_SEARCH] =
        {"`?since= until= server= tool= principal= principal_kind= category= decision= outcome= "
         "method= kind= "
         "call_id= order= before= limit=`",
         "`{entries, more, next, lag}`; order is newest or oldest; `next` is `before` of the "
         "following page"},
    [ENDPOINT_AUDIT_SHOW] = {"an index, or the id of a call", "`{entries}`"},
    [ENDPOINT_AUDIT_SEARCH_DECRYPT] = {"the query of a search",
                                       "the same with `arguments.text`, after an entry of kind "
                                       "read is durable"},
    [ENDPOINT_AUDIT_DECRYPT] =
        {"an index, or the id of a call",
         "`{entries}` with `arguments.text`, after an entry of kind read is durable"},
    [ENDPOINT_AUDIT_TAIL] = {"`?from=INDEX limit=`",
                             "`{entries, next}`; `next` is `from` of the following call"},
    [ENDPOINT_AUDIT_STATUS] = {"", "`{entries, indexed, index_lag, open_intents, segments, "
                                   "journal_bytes, prepared_bytes, free_bytes, "
                                   "reserve_bytes, queued_bytes, batches, dropped, failures, "
                                   "last_commit, signed_entries, last_checkpoint, accepts, "
                                   "index_ok, proof_ok, why}`"},
    [ENDPOINT_AUDIT_REINDEX] = {"", "202, the same"},
    [ENDPOINT_AUDIT_CHECKPOINT] = {"", "`{checkpoint, key, time_key}`: a note of "
                                       "c2sp.org/tlog-checkpoint, and verifier keys of its two "
                                       "signatures"},
    [ENDPOINT_AUDIT_PROOF] = {"an index, or the id of a call",
                              "`{proofs: [{index, kind, proof}]}`: texts of c2sp.org/tlog-proof"},
    [ENDPOINT_METRICS] = {"", "text format of Prometheus"},
};

static void write_scopes(const struct endpoint_facts *facts, struct buf *out)
{
    if (facts->all_of != 0)
        scope_set_write(out, facts->all_of, ", ");
    if (facts->all_of != 0 && facts->any_of != 0)
        buf_add_c(out, "; ");
    if (facts->any_of != 0) {
        buf_add_c(out, "one of ");
        scope_set_write(out, facts->any_of, ", ");
    }
}

static void write_or_nothing(const char *text, struct buf *out)
{
    buf_add_c(out, text == NULL || text[0] == '\0' ? "–" : text);
}

static void write_row(enum endpoint endpoint, struct buf *out)
{
    const struct endpoint_facts *facts = endpoint_get_facts(endpoint);

    buf_printf(out, "| `%s %s` | %s | ", facts->method, facts->path, facts->prose);
    write_scopes(facts, out);
    buf_add_c(out, " | ");
    write_or_nothing(shapes[endpoint].takes, out);
    buf_add_c(out, " | ");
    write_or_nothing(shapes[endpoint].gives, out);
    buf_add_c(out, " |\n");
}

static const struct {
    const char *name;
    const char *prose;
} members[] = {
    {"index", "place in the log, from 0 on"},
    {"kind", "intent (a call), denied, admin, session, read, definition, credential, key, gap …"},
    {"time", "RFC 3339, UTC, microseconds"},
    {"call_id", "UUID, the same in all entries of a call"},
    {"attempt", "1 for the first intent of a call"},
    {"method", "MCP method, or what an administrator did"},
    {"principal", "`{kind, id, name, email, owner, issuer, subject, chain, token_id, scopes}`; "
                  "`identity` says erased "
                  "or damaged when that part cannot be read"},
    {"client", "`{id, name, version, user_agent}` as the client says it is"},
    {"ip, peer, listener",
     "address of the caller behind trusted proxies, of the connection, of the gateway"},
    {"request_id, session_id", "of the JSON-RPC request and of the session"},
    {"server, server_id", "the server's name as it was then, and its id"},
    {"tool, exposed_name", "name of the tool upstream, and as clients see it"},
    {"requested_name, object",
     "the name asked for when it is no known tool; resource URI or prompt"},
    {"target, detail", "what an administrative change was made to; free words"},
    {"definition_hash", "hash of the tool's pinned definition, hexadecimal"},
    {"category, decision, reason, factor, decided_by, policy_version",
     "as it was decided then: category, allow or deny, why, which factor, which grant or ceiling, "
     "on which "
     "version"},
    {"arguments", "`{count, bytes}`; decrypted, `text` too; `state` says erased or damaged"},
    {"outcome, duration_ms", "of a call; open: none yet; unknown: the gateway ended in between"},
    {"http_status, result_bytes, result_digest, protocol, upstream_protocol",
     "of the answer, and the protocol versions spoken"},
    {"findings, approval_id, trace_id, count", "where they apply"},
    {"cut",
     "`[{field, bytes, sha256}]`: fields longer than the log keeps, with the hash of the whole"},
    {"leaf_hash", "RFC 9162 hash of the entry, hexadecimal"},
};

static void write_entry(struct buf *out)
{
    buf_add_c(out, "\n## An entry of the audit log\n\nOne JSON object, ASCII only; `audit search "
                   "--json` prints one a "
                   "line. Members that do not apply are left out. In texts from outside, each byte "
                   "from 0x80 on is "
                   "written as the escape `\\u00XX` of that byte, so that the bytes can be had "
                   "back whatever they "
                   "were.\n\n| member | |\n| --- | --- |\n");
    for (size_t i = 0; i < ARRAY_LEN(members); i++)
        buf_printf(out, "| `%s` | %s |\n", members[i].name, members[i].prose);
}

void help_write_api_page(struct buf *out)
{
    buf_add_c(out, "# API\n\nWritten by `portreeve help api`; a test compares.\n\nEvery request "
                   "carries `Authorization: Bearer "
                   "TOKEN`; the token's scopes decide. `{}` stands for one percent-encoded "
                   "segment. Answers are JSON unless "
                   "something else is said. An error is `{\"error\": {\"code\", \"message\"}}` "
                   "with the HTTP status that "
                   "belongs to the code. An unknown query parameter or member of a body is "
                   "refused. `/healthz` and `/readyz` "
                   "need no token. What an entry of the audit log looks like: "
                   "[audit.md](audit.md).\n\n| endpoint | | scopes "
                   "| takes | gives |\n| --- | --- | --- | --- | --- |\n");
    for (unsigned i = 0; i < ENDPOINTS; i++)
        write_row((enum endpoint)i, out);
    write_entry(out);
}
