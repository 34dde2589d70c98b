/*
 * What a browser is answered while somebody signs in: a page, or the way to go on.
 */
#include "gate/login_priv.h"
#include "gate/pages.h"

void login_answer_page(struct login *login, int status, const char *heading, struct str sentence)
{
    login->status = status;
    buf_clear(&login->page);
    page_error(&login->page, heading, sentence);
}

void login_bad_request(struct login *login, const char *sentence)
{
    login_answer_page(login, 400, "This sign-in cannot go on", str_c(sentence));
}

void login_add_encoded(struct buf *out, struct str text)
{
    form_encode(text, out);
}

/* name=value, behind what the URL needs before it. */
void login_add_param(struct buf *url, const char *name, struct str value)
{
    if (value.ptr == NULL)
        return;
    buf_add_byte(url, str_find(buf_str(url), '?') < url->len ? '&' : '?');
    buf_add_c(url, name);
    buf_add_byte(url, '=');
    login_add_encoded(url, value);
}

void login_answer_redirect(struct login *login, const struct buf *url)
{
    login->status = 303;
    login->location = url->failed ? STR_NONE : arena_dup(login->arena, buf_str(url));
    if (login->location.ptr == NULL)
        login_answer_page(login, 500, "Something went wrong", STR("Memory is short; try again."));
}

/* To the client, which it tells an error of ours, or hands the code. */
void login_answer_client(struct login *login, const struct wish *wish, const char *error,
                         struct str code)
{
    CLEANUP(buf_done) struct buf url;

    buf_init(&url, 64 << 10);
    buf_add(&url, wish->redirect);
    if (error != NULL)
        login_add_param(&url, "error", str_c(error));
    login_add_param(&url, "code", code);
    login_add_param(&url, "state", wish->state);
    login_add_param(&url, "iss", login->url);
    login_answer_redirect(login, &url);
}
