#include <inttypes.h>
#include <stdint.h>

#include "base/attr.h"
#include "cli/help.h"

static const struct {
    const char *key;
    const char *preset;
    const char *prose;
} texts[] = {
    {"listen", "needed",
     "List of addresses. Each is an address like `127.0.0.1:8080`, or a mapping: `address`; `tls: "
     "{certificate, key, client_ca}` (PEM files); `serves: admin` (the API and /metrics are "
     "answered "
     "there alone, and MCP is not) or `serves: mcp` (MCP alone); `as: \"robot:NAME\"` (every "
     "request is that "
     "robot's, "
     "loopback only); `insecure: true` (plain HTTP on other than loopback); `proxy_protocol: true` "
     "(PROXY protocol, version 2, from trusted proxies; with tls its header comes before the "
     "handshake)"},
    {"public_url", "needed", "The URL that clients use, without a path"},
    {"data_dir", "`./data`", "Folder of database, keys and audit log"},
    {"secrets_dir", "`./secrets`",
     "Folder with one file per secret; the only place that secrets are read from"},
    {"store", "`sqlite`", "Where servers, grants, robots and tokens are kept"},
    {"programs", "none",
     "The only commands that may run as MCP servers, by name: `{run: [program, arguments…], env: "
     "{NAME: text, "
     "NAME: {secret: NAME}}, directory: PATH}`"},
    {"trusted_proxies", "none",
     "Networks whose Forwarded, X-Forwarded-For and PROXY headers count, like `10.0.0.0/8`"},
    {"upstream_ca", "the system's",
     "PEM file with the authorities to trust for upstream servers, instead of those of the system"},
    {"hosts", "none",
     "Names allowed in the Host header besides those of public_url and the listeners"},
    {"origins", "none", "Origins of browsers allowed besides that of public_url"},
    {"identity.providers", "none",
     "Identity providers whose access tokens are taken: a list of `{name, issuer, jwks_url, ca, "
     "audiences, subject_claim, scim, groups_claim, email_claim, name_claim, email_domains, "
     "client_id, client_secret, "
     "ema, workloads}`; name and "
     "issuer are "
     "needed, docs/identity.md explains the others; `single_use: true` beside `workloads`: each of "
     "its tokens is exchanged once"},
    {"identity.owners", "none",
     "Who owns the gateway: a list of `PROVIDER:E-MAIL`, bound to the person who first comes with "
     "that verified address"},
    {"identity.agents", "none",
     "OAuth client ids, `*` for any run of characters, whose calls are those of an agent"},
    {"identity.registration", "`true`",
     "`false`: clients do not register themselves at /oauth/register"},
    {"identity.local_sign_in", "`true` while there is no provider",
     "The owner may sign in with a code that `portreeve owner sign-in` prints, without a provider"},
    {"identity.client_documents", "`true`",
     "Clients whose id is the https URL of a document about them: `false` for none, or `{domains: "
     "[HOST], networks: [NETWORK], ca}`: whose documents are believed (`*` for any run of "
     "characters; every host when nothing is said), where they may be fetched from besides public "
     "addresses, and the authority of their certificates"},
    {"identity.clients", "none",
     "Clients that redeem identity assertions at /oauth/token: a list of `{id, secret}` (a name in "
     "secrets_dir) or `{id, jwks_url, ca}`; `exchange: true` for an agent that may act for people; "
     "`robot: NAME` for one that gets that robot's tokens; `ema: {clients: [ID], stored: true}` of "
     "a provider says which may redeem its assertions, and whether clients that administrators "
     "keep may, too"},
    {"identity.interactive_clients", "`human`",
     "`delegated`: every call with a person's token is that of an agent for the person"},
    {"audit.on_failure", "`refuse`", "What happens to calls that cannot be recorded"},
};

static const struct {
    const char *key;
    const char *unit;
    int64_t preset;
    int64_t low;
    int64_t high;
    const char *prose;
} numbers[] = {
#define X(field, key, unit, preset, low, high, prose) {key, unit, preset, low, high, prose},
#include "gate/settings.def"
#undef X
#define X(field, unit, preset, low, high, prose) {"limits." #field, unit, preset, low, high, prose},
#include "net/limits.def"
#undef X
};

void help_write_settings_page(struct buf *out)
{
    buf_add_c(out, "# Settings\n\nWritten by `portreeve help settings`; a test "
                   "compares.\n\n`portreeve.yaml` says how "
                   "the process runs. An unknown key, a wrong type or a number out of bounds is "
                   "refused with file and "
                   "line. `portreeve check` tests the file without starting anything. Paths that "
                   "do not begin with / "
                   "start at the folder of the file. A key with a dot stands in a mapping: `audit: "
                   "{segment_bytes: "
                   "…}`, `limits: {body_bytes: …}`.\n\n| key | default | |\n| --- | --- | --- |\n");
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        buf_printf(out, "| `%s` | %s | %s |\n", texts[i].key, texts[i].preset, texts[i].prose);
    buf_add_c(out, "\n## Numbers\n\n| key | default | lowest | highest | unit | |\n"
                   "| --- | ---: | ---: | ---: | --- | --- |\n");
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        buf_printf(out, "| `%s` | %" PRId64 " | %" PRId64 " | %" PRId64 " | %s | %s |\n",
                   numbers[i].key, numbers[i].preset, numbers[i].low, numbers[i].high,
                   numbers[i].unit, numbers[i].prose);
}
