#include "gate/pages.h"

#include "base/base64.h"
#include "base/crypto.h"

static const char style[] =
    "body{font:16px/1.5 system-ui,sans-serif;max-width:34em;margin:3em auto;padding:0 1em}"
    "h1{font-size:1.4em}code{word-break:break-all}dt{font-weight:600}dd{margin:0 0 .6em}"
    ".warn{border-left:4px solid #b35900;padding-left:.8em}"
    "button{font:inherit;padding:.4em 1.2em;margin-right:.8em}";

void page_text(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        switch (text.ptr[i]) {
        case '&':
            buf_add_c(out, "&amp;");
            break;
        case '<':
            buf_add_c(out, "&lt;");
            break;
        case '>':
            buf_add_c(out, "&gt;");
            break;
        case '"':
            buf_add_c(out, "&quot;");
            break;
        case '\'':
            buf_add_c(out, "&#39;");
            break;
        default:
            buf_add_byte(out, text.ptr[i]);
        }
    }
}

void page_policy(struct buf *out, struct str target)
{
    uint8_t digest[CRYPTO_SHA256_BYTES];
    CLEANUP(arena_freep) struct arena *arena = arena_new(4096);
    struct str hash = STR_NONE;

    crypto_sha256(str_c(style), digest);
    if (arena != NULL)
        hash = base64_encode(arena, str_of((const char *)digest, sizeof digest));
    buf_printf(out,
               "default-src 'none'; style-src 'sha256-" STR_FMT
               "'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
               STR_ARG(hash));
    if (target.len > 0)
        buf_printf(out, " " STR_FMT, STR_ARG(target));
}

static void begin(struct buf *out, const char *title)
{
    buf_printf(out,
               "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">"
               "<meta name=\"viewport\" content=\"width=device-width\"><title>%s</title>"
               "<style>%s</style></head><body><h1>%s</h1>",
               title, style, title);
}

static void end(struct buf *out)
{
    buf_add_c(out, "</body></html>\n");
}

static void row(struct buf *out, const char *name, struct str value)
{
    /* Isolated: a text that turns the direction of reading turns its own alone. */
    buf_printf(out, "<dt>%s</dt><dd><bdi><code>", name);
    page_text(out, value);
    buf_add_c(out, "</code></bdi></dd>");
}

static void add_owner_form(struct buf *out, struct str wish)
{
    buf_add_c(out, "<h2>Sign in as the owner</h2><p>On the gateway's machine, run <code>portreeve "
                   "owner sign-in</code>, and type the code that it prints.</p>"
                   "<form method=\"post\" action=\"/oauth/owner\">"
                   "<input type=\"hidden\" name=\"wish\" value=\"");
    page_text(out, wish);
    buf_add_c(out, "\"><p><label>Code <input name=\"code\" autocomplete=\"off\" maxlength=\"40\" "
                   "required autofocus></label></p><button>Sign in</button></form>");
}

void page_sign_in(struct buf *out, const struct sign_in_page *page)
{
    begin(out, "Who are you?");
    buf_add_c(out, "<p>A program asks you to sign in.</p><dl>");
    row(out, "It calls itself", page->client.len > 0 ? page->client : STR("(no name)"));
    buf_add_c(out, "</dl>");
    if (page->complaint != NULL) {
        buf_add_c(out, "<p class=\"warn\">");
        page_text(out, str_c(page->complaint));
        buf_add_c(out, "</p>");
    }
    if (page->way_count > 0)
        buf_add_c(out, "<h2>Sign in with</h2>");
    for (size_t i = 0; i < page->way_count; i++) {
        buf_add_c(out, "<p><a href=\"");
        page_text(out, page->ways[i].link);
        buf_add_c(out, "\">");
        page_text(out, page->ways[i].name);
        buf_add_c(out, "</a></p>");
    }
    if (page->has_owner)
        add_owner_form(out, page->wish);
    end(out);
}

void page_consent(struct buf *out, const struct consent_page *page)
{
    begin(out, "Let this program act for you?");
    buf_add_c(out,
              "<p>A program asks to use the tools that were granted to you. Every call it makes "
              "is recorded under your name.</p><dl>");
    row(out, "You", page->person);
    row(out, "It calls itself", page->client.len > 0 ? page->client : STR("(no name)"));
    if (page->client_host.len > 0)
        row(out, "It is a program of", page->client_host);
    row(out, "It is answered at", page->redirect);
    row(out, "For", page->resource);
    buf_add_c(out, "</dl>");
    if (page->is_loopback)
        buf_add_c(out,
                  "<p class=\"warn\">The answer goes to a program on this computer. Go on only if "
                  "you have just started one that asks you to sign in.</p>");
    buf_add_c(out, "<form method=\"post\" action=\"/oauth/consent\">"
                   "<input type=\"hidden\" name=\"grant\" value=\"");
    page_text(out, page->grant);
    buf_add_c(out, "\"><button name=\"decision\" value=\"allow\">Allow</button>"
                   "<button name=\"decision\" value=\"deny\">Deny</button></form>");
    end(out);
}

void page_error(struct buf *out, const char *heading, struct str sentence)
{
    begin(out, heading);
    buf_add_c(out, "<p>");
    page_text(out, sentence);
    buf_add_c(out, "</p>");
    end(out);
}
