#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "cli/commands.h"
#include "cli/help.h"
#include "cli/options.h"
#include "cli/say.h"

/* Options of single commands; those of all commands: options.c. */

static const struct option apply_options[] = {
    {"dry-run", NULL, "Show the difference, change nothing"},
    {"no-wait", NULL, "Do not wait until the tools of new servers are known"},
    {0},
};

static const struct option audit_checkpoint_options[] = {
    {"key", NULL, "Print the keys that checkpoints are verified with"},
    {0},
};

static const struct option audit_prove_options[] = {
    {"out", "DIR", "Write each proof to DIR/INDEX.tlog-proof"},
    {0},
};

static const struct option audit_reindex_options[] = {
    {"no-wait", NULL, "Return at once; audit status shows how far it is"},
    {0},
};

static const struct option audit_search_options[] = {
    {"since", "TIME", "Not older than this: RFC 3339, 2026-11-23, \"2026-11-23 14:00\" or 2h"},
    {"until", "TIME", "Older than this"},
    {"server", "NAME", "Name of the server as it was then"},
    {"tool", "NAME", "Upstream or exposed name of the tool"},
    {"principal", "WHO", "Id, name or e-mail address of who called"},
    {"principal-kind", "KIND", "human, delegated or robot"},
    {"category", "CATEGORY", "read-only, write, destructive or admin"},
    {"decision", "DECISION", "allow or deny"},
    {"outcome", "OUTCOME",
     "ok, tool_error, protocol_error, http_error, invalid_response, timeout, cancelled, "
     "unreachable, not_sent, "
     "unknown, or open: none yet"},
    {"kind", "KINDS", "Kinds of entries, separated by commas: intent, denied, admin, read …"},
    {"method", "METHOD", "MCP method, or what an administrator did"},
    {"call", "ID", "The entries of one call"},
    {"limit", "N", "At most so many, up to 100000; 100 when not given"},
    {"oldest-first", NULL, "From the oldest on; else from the newest"},
    {"show-arguments", NULL, "Decrypt the arguments; every decryption is recorded first"},
    {0},
};

static const struct option audit_show_options[] = {
    {"show-arguments", NULL, "Decrypt the arguments, which is recorded first"},
    {0},
};

static const struct option audit_tail_options[] = {
    {"count", "N", "End after so many entries; else Ctrl-C ends it"},
    {0},
};

static const struct option bench_disk_options[] = {
    {"dir", "DIR", "The folder to measure; data_dir of the settings when not given"},
    {"seconds", "N", "How long, 1 to 60; 3 when not given"},
    {0},
};

static const struct option classify_options[] = {
    {"name", "SERVER", "The server of tools that name none; when not given, the name of the file"},
    {"trusted", "SERVERS",
     "Servers, separated by commas, whose hints (readOnlyHint, destructiveHint) may lower a "
     "verdict; else hints only raise"},
    {0},
};

static const struct option init_options[] = {
    {"dir", "DIR", "The folder of the installation; this one when not given"},
    {"owner", "EMAIL", "Who the administration token belongs to; owner@example.com when not given"},
    {"new-token", NULL, "Only make a new administration token, over the keys that are there"},
    {0},
};

static const struct option client_add_options[] = {
    {"secret", NULL, "Make a secret for it and print it; only a keyed hash is kept"},
    {"jwks-url", "URL", "Where it publishes its keys"},
    {"jwks", "FILE", "Its public keys, as a JSON Web Key Set"},
    {"exchange", NULL, "It may exchange tokens of people for its own, as their agent"},
    {"redeem", "PROVIDER", "It may redeem assertions (ID-JAGs) of this provider"},
    {"agent", NULL, "Calls with its tokens are those of an agent"},
    {"robot", "NAME", "It is this robot (client credentials)"},
    {0},
};

static const struct option robot_create_options[] = {
    {"owner", "EMAIL", "The person who answers for it"},
    {0},
};

static const struct option robot_list_options[] = {
    {"tokens", NULL, "List the tokens instead, those of administrators included"},
    {0},
};

static const struct option robot_revoke_options[] = {
    {"token", "ID", "One token instead of all of a robot; `robot list --tokens` shows the ids"},
    {0},
};

static const struct option robot_token_options[] = {
    {"scopes", "WORDS",
     "What it may do at most, separated by commas: list, call, call:read-only, call:write, "
     "call:destructive, "
     "call:admin, audit:read; list and call when not given"},
    {"expires", "WHEN", "A span from now (30d) or a time; never when not given"},
    {"rotate", NULL,
     "It takes the place of the tokens that the robot has: they end after the overlap"},
    {"overlap", "SPAN", "With --rotate: how long both are good; 24h when not given, 90d at most"},
    {"id", "ID", "With --rotate: only this one is replaced; `robot show` shows the ids"},
    {0},
};

static const struct option server_add_options[] = {
    {"url", "URL", "Address of a server that speaks Streamable HTTP"},
    {"program", "NAME",
     "A program of the settings file that speaks over its standard input and output"},
    {"secret", "NAME", "The gateway signs in with the bearer token of this secret"},
    {"headers", "LIST", "The gateway adds these headers: NAME=SECRET, separated by commas"},
    {"no-credential", NULL, "The server asks for no credential"},
    {"no-wait", NULL, "Do not wait until its tools are known"},
    {0},
};

static const struct option server_refresh_options[] = {
    {"no-wait", NULL, "Do not wait for the end"},
    {0},
};

static const struct option server_remove_options[] = {
    {"with-grants", NULL, "Remove the grants that name it, too"},
    {0},
};

static const struct option tool_approve_options[] = {
    {"as", "CATEGORY",
     "What it can do at its worst; when not given, what `tools` of governance or the verdict says"},
    {"reason", "TEXT", "Why; kept with the approval"},
    {"hash", "HASH", "Only if its definition is this one; the first digits are enough"},
    {"all", NULL, "All tools of the server that wait and fit the conditions"},
    {"state", "STATE", "With --all: unclassified, proposed or quarantined"},
    {"why", "WORD",
     "With --all: why it is in quarantine: definition_new, definition_changed, definition_renamed, "
     "definition_returned, definition_differs or tool_quarantined"},
    {"category", "CATEGORY", "With --all: those that would be approved as this"},
    {"certainty", "WORD", "With --all: those whose verdict is certain, likely or unsure"},
    {"severity", "WORD", "With --all: those that changed at most so much: low, medium or high"},
    {"unchanged", NULL, "With --all: those whose definition is the one that was reviewed"},
    {"yes", NULL, "With --all: do not ask"},
    {"dry-run", NULL, "With --all: only show them"},
    {0},
};

static const struct option tool_diff_options[] = {
    {"from", "HASH", "First digits of a definition; the one in force when not given"},
    {"to", "HASH", "Likewise; the one last seen when not given"},
    {0},
};

static const struct option tool_quarantine_options[] = {
    {"reason", "TEXT", "Why; kept with it"},
    {0},
};

static const struct option tool_set_options[] = {
    {"from-hints", NULL,
     "Take the categories that the server's own hints suggest, for tools that have none"},
    {"yes", NULL, "With --from-hints: do not ask"},
    {"dry-run", NULL, "With --from-hints: only show what would be set"},
    {0},
};

static const struct option scim_token_options[] = {
    {"expires", "WHEN", "A span from now (365d) or a time; never when not given"},
    {0},
};

static const struct option user_key_create_options[] = {
    {"agent", "AGENT",
     "It is for this agent, which acts for you: calls are delegated and name it, and your role "
     "stays with you"},
    {"scopes", "WORDS",
     "What it may do at most, separated by commas: list, call, call:read-only, call:write, "
     "call:destructive, call:admin, audit:read, audit:decrypt; list and call when not given"},
    {"expires", "WHEN",
     "A span from now (30d) or a time; as late as user_key_max_days of the settings lets it when "
     "not given"},
    {0},
};

static const struct option user_key_revoke_options[] = {
    {"user", "USER", "All keys of this person (an id or an e-mail address)"},
    {0},
};

static const struct command commands[] = {
    {.name = "apply",
     .args = "FILE",
     .min_args = 1,
     .max_args = 1,
     .summary = "Make a governance file the law: servers, tools, roles, grants, ceilings, robots",
     .prose = "The difference is shown first. What the file does not hold is removed. FILE may be "
              "- for standard "
              "input. Afterwards it waits, 20 seconds at most, until the tools of the servers are "
              "known, and says "
              "which are hidden because nobody has said what they can do.",
     .options = apply_options,
     .run = command_apply},
    {.name = "audit checkpoint",
     .args = "",
     .summary = "Print the last signed checkpoint of the log",
     .prose =
         "A checkpoint says how many entries the log has and what their root is. Kept elsewhere, "
         "it proves later "
         "that nothing before it was changed, removed or added.",
     .options = audit_checkpoint_options,
     .run = command_audit_checkpoint},
    {.name = "audit prove",
     .args = "INDEX-OR-CALL",
     .min_args = 1,
     .max_args = 1,
     .summary = "Write a proof that an entry is in the log",
     .prose = "The proof holds the entry without the arguments and the checkpoint that it is "
              "proved by; whoever has the key of the log can check it without the gateway.",
     .options = audit_prove_options,
     .run = command_audit_prove},
    {.name = "audit reindex",
     .args = "",
     .summary = "Build the search index again from the journal",
     .prose = "The journal is the truth and stays as it is. Searches find less until it is done.",
     .options = audit_reindex_options,
     .run = command_audit_reindex},
    {.name = "audit search",
     .args = "",
     .summary = "Find entries of the audit log",
     .prose = "Newest first. With --json one object a line. Here --server is the name of an "
              "upstream server; the "
              "gateway's address comes from the settings file or $PORTREEVE_SERVER.",
     .options = audit_search_options,
     .run = command_audit_search},
    {.name = "audit show",
     .args = "INDEX-OR-CALL",
     .min_args = 1,
     .max_args = 1,
     .summary = "Show one entry in full, or all entries of a call",
     .prose = "",
     .options = audit_show_options,
     .run = command_audit_show},
    {.name = "audit status",
     .args = "",
     .summary = "Show how journal and index are",
     .prose = "",
     .run = command_audit_status},
    {.name = "audit tail",
     .args = "",
     .summary = "Show entries as they come, from the last ten on",
     .prose = "Entries as they stand in the log: an intent and its outcome are two.",
     .options = audit_tail_options,
     .run = command_audit_tail},
    {.name = "bench-disk",
     .args = "",
     .summary = "Measure how long the disk takes to make a write durable",
     .prose =
         "Every governed call waits for one of these, shared with all calls of the same moment.",
     .options = bench_disk_options,
     .run = command_bench_disk},
    {.name = "check",
     .args = "[GOVERNANCE-FILE]",
     .max_args = 1,
     .summary = "Test settings, keys, secrets and a governance file without starting anything",
     .prose = "",
     .run = command_check},
    {.name = "classify",
     .args = "FILE",
     .min_args = 1,
     .max_args = 1,
     .summary = "Say what tools can do at their worst, from their definitions alone",
     .prose = "FILE holds one tool a line (JSON: server, name, title, description, inputSchema, "
              "annotations), or a saved result of tools/list; - is standard input. One line a tool "
              "comes out, in the order of the input: server, name, category, certainty (certain, "
              "likely or unsure), evidence. With --json one object a line. No gateway is needed "
              "and nothing is sent anywhere. Lines that are no JSON are named and leave exit code "
              "1; the others are judged all the same.",
     .options = classify_options,
     .run = command_classify},
    {.name = "client add",
     .args = "ID",
     .min_args = 1,
     .max_args = 1,
     .summary = "Keep an OAuth client that proves who it is",
     .prose = "It proves it by a secret, which is made here and printed alone, or by keys of its "
              "own. One that is a robot gets that robot's tokens for a few minutes each. A client "
              "may redeem assertions of a provider only where the settings file has `ema: "
              "{stored: true}` for it. --agent alone needs no proof: whatever is called with a "
              "token of this client, of whichever provider, is an agent's call.",
     .options = client_add_options,
     .run = command_client_add},
    {.name = "client block",
     .args = "ID",
     .min_args = 1,
     .max_args = 1,
     .summary = "Refuse an OAuth client everywhere, and end its sessions",
     .prose = "Of any kind: of the settings file, kept here, registered by itself, known by a "
              "document, or not seen yet. Its tokens are refused within a second, on open "
              "connections, too. Of the long id of one that registered the first letters do, as "
              "`client list` shows them.",
     .run = command_client_block},
    {.name = "client list",
     .args = "",
     .summary = "List the OAuth clients, wherever they are kept",
     .prose = "Those that registered themselves or publish a document appear when somebody signs "
              "in with them.",
     .run = command_client_list},
    {.name = "client remove",
     .args = "ID",
     .min_args = 1,
     .max_args = 1,
     .summary = "Remove an OAuth client that is kept here",
     .prose = "Its tokens are refused within a second.",
     .run = command_client_remove},
    {.name = "client show",
     .args = "ID",
     .min_args = 1,
     .max_args = 1,
     .summary = "Show one OAuth client",
     .prose = "",
     .run = command_client_show},
    {.name = "client unblock",
     .args = "ID",
     .min_args = 1,
     .max_args = 1,
     .summary = "Take a blocked OAuth client back",
     .prose = "Sessions that ended stay so: people sign in again.",
     .run = command_client_unblock},
    {.name = "export",
     .args = "",
     .summary = "Print the governance file that is in force",
     .prose = "Applying it again changes nothing.",
     .run = command_export},
    {.name = "group list",
     .args = "",
     .summary = "List the groups that identity providers provision (SCIM)",
     .prose = "Groups that tokens name are in the tokens alone.",
     .run = command_group_list},
    {.name = "group show",
     .args = "ID",
     .min_args = 1,
     .max_args = 1,
     .summary = "Show one of them with its people",
     .prose = "`group list` shows the ids.",
     .run = command_group_show},
    {.name = "init",
     .args = "",
     .summary = "Make a new installation: settings file, keys, database, administration token",
     .prose = "A settings file that is there is kept. Keys that are there are never touched.",
     .options = init_options,
     .run = command_init},
    {.name = "owner sign-in",
     .args = "",
     .summary = "Print a code with which the owner signs in without an identity provider",
     .prose = "The gateway's sign-in page asks for it. It counts once, for ten minutes; a new one "
              "takes the place of the one before. It takes the administration token that init "
              "wrote, and signs in whom that belongs to. Settings: identity.local_sign_in.",
     .run = command_owner_sign_in},
    {.name = "key list",
     .args = "",
     .summary = "List the keys of this installation",
     .prose = "Ids are computed from the keys and are no secret.",
     .run = command_key_list},
    {.name = "key rotate",
     .args = "signing",
     .min_args = 1,
     .max_args = 1,
     .summary = "Replace the key that access tokens are signed with",
     .prose = "Tokens that were signed before stay good until they expire. It happens by itself "
              "when the key is "
              "signing_key_days old.",
     .run = command_key_rotate},
    {.name = "robot create",
     .args = "NAME",
     .min_args = 1,
     .max_args = 1,
     .summary = "Make a robot: an account for an agent on its own identity",
     .prose = "It may do nothing until a grant names it.",
     .options = robot_create_options,
     .run = command_robot_create},
    {.name = "robot list",
     .args = "",
     .summary = "List the robots",
     .prose = "",
     .options = robot_list_options,
     .run = command_robot_list},
    {.name = "robot revoke",
     .args = "[NAME]",
     .max_args = 1,
     .summary = "Revoke all tokens of a robot, or one token",
     .prose = "It takes effect within a second, on open connections, too.",
     .options = robot_revoke_options,
     .run = command_robot_revoke},
    {.name = "robot show",
     .args = "NAME",
     .min_args = 1,
     .max_args = 1,
     .summary = "Show one robot with its tokens",
     .prose = "A token that ends within seven days, and has no successor, says so.",
     .run = command_robot_show},
    {.name = "robot token",
     .args = "NAME",
     .min_args = 1,
     .max_args = 1,
     .summary = "Make a token of a robot and print it alone",
     .prose = "It is shown this once and kept nowhere. With --rotate it may do what the token did "
              "whose place it takes, when --scopes says nothing else.",
     .options = robot_token_options,
     .run = command_robot_token},
    {.name = "scim token",
     .args = "PROVIDER",
     .min_args = 1,
     .max_args = 1,
     .summary = "Make a token with which an identity provider provisions, and print it alone",
     .prose = "The provider sends it to /scim/v2, where it reads and changes its own users and "
              "groups and nothing else. To replace one, make another, give it to the provider, "
              "and revoke the first: `robot list --tokens` shows them, `robot revoke --token ID` "
              "revokes.",
     .options = scim_token_options,
     .run = command_scim_token},
    {.name = "serve",
     .args = "",
     .summary = "Run the gateway",
     .prose = "Logs one JSON object a line to standard error. /readyz answers 200 once it serves. "
              "TERM and INT let "
              "calls in flight end; HUP reads certificates again.",
     .run = command_serve},
    {.name = "server add",
     .args = "NAME",
     .min_args = 1,
     .max_args = 1,
     .summary = "Add an upstream server",
     .prose = "",
     .options = server_add_options,
     .run = command_server_add},
    {.name = "server list",
     .args = "",
     .summary = "List the upstream servers, how they are, and what is hidden",
     .prose = "",
     .run = command_server_list},
    {.name = "server refresh",
     .args = "NAME",
     .min_args = 1,
     .max_args = 1,
     .summary = "Ask a server for its tools now",
     .prose = "",
     .options = server_refresh_options,
     .run = command_server_refresh},
    {.name = "server remove",
     .args = "NAME",
     .min_args = 1,
     .max_args = 1,
     .summary = "Remove an upstream server",
     .prose = "",
     .options = server_remove_options,
     .run = command_server_remove},
    {.name = "session end",
     .args = "SESSION",
     .min_args = 1,
     .max_args = 1,
     .summary = "End a sign-in: the client has to ask the person again",
     .prose = "It takes effect within a second, on open connections, too.",
     .run = command_session_end},
    {.name = "session list",
     .args = "",
     .summary = "List what people signed in for through this gateway",
     .prose = "",
     .run = command_session_list},
    {.name = "tool approve",
     .args = "SERVER [TOOL]",
     .min_args = 1,
     .max_args = 2,
     .summary = "Take a tool's definition into use as it is now",
     .prose = "It ends a quarantine, and gives the tool a category if it has none. What is "
              "approved is this one definition: another one puts the tool back into quarantine. "
              "`tool review SERVER TOOL` shows what would be approved, and for whom it opens it.",
     .options = tool_approve_options,
     .run = command_tool_approve},
    {.name = "tool diff",
     .args = "SERVER TOOL",
     .min_args = 2,
     .max_args = 2,
     .summary = "Show what differs between two definitions of a tool",
     .prose = "",
     .options = tool_diff_options,
     .run = command_tool_diff},
    {.name = "tool history",
     .args = "SERVER TOOL",
     .min_args = 2,
     .max_args = 2,
     .summary = "Show what was done to a tool, and the definitions that it had",
     .prose = "The last 50 events and 10 definitions are kept; the audit log keeps all events.",
     .run = command_tool_history},
    {.name = "tool list",
     .args = "[SERVER]",
     .max_args = 1,
     .summary = "List the tools with their categories",
     .prose = "",
     .run = command_tool_list},
    {.name = "tool quarantine",
     .args = "SERVER TOOL",
     .min_args = 2,
     .max_args = 2,
     .summary = "Stop all calls of a tool until it is approved",
     .prose = "It takes effect within a second, on calls that wait, too. Lists hide the tool.",
     .options = tool_quarantine_options,
     .run = command_tool_quarantine},
    {.name = "tool review",
     .args = "[SERVER [TOOL]]",
     .max_args = 2,
     .summary = "Show the tools that wait for a person, or all about one of them",
     .prose = "Tools in quarantine can't be called; tools without a category count as admin. Of "
              "one tool it shows the definition, what differs from the one in force, the verdict "
              "with its evidence, and what an approval would open for whom.",
     .run = command_tool_review},
    {.name = "tool set",
     .args = "SERVER [NAME-OR-PATTERN CATEGORY]",
     .min_args = 1,
     .max_args = 3,
     .summary = "Say what tools can do at their worst",
     .prose = "CATEGORY is read-only, write, destructive or admin; unclassified takes the word "
              "back. In a pattern, "
              "* stands for any run of characters; the most specific rule holds. It speaks of the "
              "definitions in force; a tool in quarantine stays there until `tool approve`.",
     .options = tool_set_options,
     .run = command_tool_set},
    {.name = "tool show",
     .args = "SERVER TOOL",
     .min_args = 2,
     .max_args = 2,
     .summary = "Show one tool with its definition",
     .prose = "",
     .run = command_tool_show},
    {.name = "user disable",
     .args = "USER",
     .min_args = 1,
     .max_args = 1,
     .summary = "Shut a person out, with everything that acts for them",
     .prose = "USER is an id or an e-mail address. It takes effect within a second, on open "
              "connections, too; robots whose owner has left are shut out as well.",
     .run = command_user_disable},
    {.name = "user enable",
     .args = "USER",
     .min_args = 1,
     .max_args = 1,
     .summary = "Let a person in again",
     .prose = "",
     .run = command_user_enable},
    {.name = "user key create",
     .args = "NAME",
     .min_args = 1,
     .max_args = 1,
     .summary = "Make a key for yourself and print it alone",
     .prose = "It is shown this once and kept nowhere. It may do what you may, within its scopes, "
              "and ends when you sign out everywhere or are disabled. $PORTREEVE_TOKEN holds the "
              "access token that you signed in with; keys, agents and robots make no keys.",
     .options = user_key_create_options,
     .run = command_user_key_create},
    {.name = "user key list",
     .args = "[USER]",
     .max_args = 1,
     .summary = "List your keys, or as an administrator those of somebody else",
     .prose = "USER is an id or an e-mail address.",
     .run = command_user_key_list},
    {.name = "user key revoke",
     .args = "[ID]",
     .max_args = 1,
     .summary = "Revoke a key of yours, or as an administrator all keys of somebody else",
     .prose = "It takes effect within a second, on open connections, too.",
     .options = user_key_revoke_options,
     .run = command_user_key_revoke},
    {.name = "user list",
     .args = "",
     .summary = "List the people that identity providers vouched for",
     .prose = "They appear when they first come, or when the provider provisions them.",
     .run = command_user_list},
    {.name = "user release",
     .args = "USER",
     .min_args = 1,
     .max_args = 1,
     .summary = "Forget what the provider said of a person by provisioning (SCIM)",
     .prose = "For people of a provider that provisions no more: whoever it had shut out may come "
              "in again.",
     .run = command_user_release},
    {.name = "user role",
     .args = "USER ROLE",
     .min_args = 2,
     .max_args = 2,
     .summary = "Give a person a role: member, approver, auditor, admin or owner",
     .prose = "A role is about the gateway itself; calls of tools need grants, whatever the role. "
              "The last owner stays one.",
     .run = command_user_role},
    {.name = "user show",
     .args = "USER",
     .min_args = 1,
     .max_args = 1,
     .summary = "Show one person, with the groups that the provider provisioned",
     .prose = "USER is an id or an e-mail address.",
     .run = command_user_show},
    {.name = "user sign-out",
     .args = "USER",
     .min_args = 1,
     .max_args = 1,
     .summary = "End all that was issued for a person until now",
     .prose = "USER is an id or an e-mail address. Sessions end, and tokens of the identity "
              "provider that were issued before are refused, within a second and on open "
              "connections, too. The person can sign in again at once; `user disable` shuts out.",
     .run = command_user_sign_out},
    {.name = "version",
     .args = "",
     .summary = "Print the version",
     .prose = "",
     .run = command_version},
    {.name = "whoami",
     .args = "",
     .summary = "Show who you are to the gateway, and what your token may do",
     .prose = "The token is that of $PORTREEVE_TOKEN, else the administration token. With --json "
              "your sessions and keys, too.",
     .run = command_whoami},
};

static const struct command_table table = {commands, ARRAY_LEN(commands)};

/* How many words of argv are the command's name; 0: they are not. */
static int match(const struct command *command, int argc, char *const *argv)
{
    struct str rest = str_c(command->name);
    int words = 0;

    while (rest.len > 0) {
        struct str word = str_cut(&rest, ' ');

        if (words >= argc || !str_eq(word, str_c(argv[words])))
            return 0;
        words++;
    }
    return words;
}

static const struct command *find(int argc, char *const *argv, int *ret_words)
{
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        *ret_words = match(&commands[i], argc, argv);
        if (*ret_words > 0)
            return &commands[i];
    }
    return NULL;
}

static int print(struct buf *out)
{
    int exit_code = say_out(out);

    buf_done(out);
    return exit_code;
}

static int help(int argc, char *const *argv)
{
    struct buf out;
    int words = 0;
    const struct command *command = find(argc, argv, &words);

    buf_init(&out, (size_t)1 << 20);
    if (command != NULL)
        help_write_command(command, &out);
    else if (argc > 0 && strcmp(argv[0], "commands") == 0)
        help_write_commands_page(&table, &out);
    else if (argc > 0 && strcmp(argv[0], "settings") == 0)
        help_write_settings_page(&out);
    else if (argc > 0 && strcmp(argv[0], "api") == 0)
        help_write_api_page(&out);
    else
        help_write_overview(&table, &out);
    return print(&out);
}

/* Names what begins alike, or is spelt alike. */
static int no_command(int argc, char *const *argv)
{
    struct buf given;
    bool has_any = false;

    buf_init(&given, 256);
    for (int i = 0; i < argc && i < 2 && argv[i][0] != '-'; i++)
        buf_printf(&given, "%s%.100s", i > 0 ? " " : "", argv[i]);
    say_hint("there is no command '" STR_FMT "'", STR_ARG(buf_str(&given)));
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        struct str name = str_c(commands[i].name);
        struct str group = str_first(name, str_find(name, ' '));

        if (!str_eq(group, str_c(argv[0])) && options_distance(name, buf_str(&given)) > 2)
            continue;
        say_hint("%s `portreeve %s %s`", has_any ? "  or" : "right is", commands[i].name,
                 commands[i].args);
        has_any = true;
    }
    if (!has_any)
        say_hint("`portreeve --help` lists the commands");
    buf_done(&given);
    return EXIT_USAGE;
}

int main(int argc, char **argv)
{
    struct options options;
    struct err err;
    int words = 0;

    argc--;
    argv++;
    if (argc == 0) {
        (void)help(0, NULL);
        return EXIT_USAGE;
    }
    if (strcmp(argv[0], "help") == 0 || strcmp(argv[0], "--help") == 0 ||
        strcmp(argv[0], "-h") == 0)
        return help(argc - 1, argv + 1);
    if (strcmp(argv[0], "--version") == 0)
        argv[0] += strlen("--");
    const struct command *command = find(argc, argv, &words);
    if (command == NULL)
        return no_command(argc, argv);
    if (options_parse(command, argc - words, argv + words, &options, &err) != ERR_OK) {
        int exit_code = say_usage(&err);

        say_hint("`portreeve %s --help` explains it", command->name);
        return exit_code;
    }
    return options_has(&options, "help") ? help(words, argv) : command->run(&options);
}
