/*
 * redeem_document.c - clients at the token endpoint whose id is the URL of a document about them:
 * the document and the keys are taken from what was fetched lately, or the request waits until they
 * were. A client without keys proves nothing here, and needs none of it.
 */
#include "base/log.h"
#include "gate/client_jobs.h"
#include "gate/redeem_priv.h"

enum { MAX_FETCHES = 3 }; /* the document, its keys, and the keys once more after a rotation */

static bool refuse(struct inquiry *q, const char *why, const struct err *err)
{
    log_event(LOG_WARN, "client_document_refused", LOG_STR("client", q->redemption->client_id),
              LOG_ERR(err));
    return inquiry_refuse(q, "invalid_client", why);
}

/* False: refused, or to be fetched first. */
static bool find(struct inquiry *q, struct str url, bool wants_new, struct str *ret_body)
{
    struct redemption *redemption = q->redemption;
    struct client_web *web = client_jobs_web(redemption->gate->client_jobs);
    struct err err;

    switch (client_web_find(web, url, wants_new, redemption->now_us, q->arena, ret_body, &err)) {
    case CLIENT_WEB_GOOD:
        return true;
    case CLIENT_WEB_BAD:
        return refuse(q, "client_document_unreachable", &err);
    case CLIENT_WEB_DUE:
        break;
    }
    if (redemption->fetches >= MAX_FETCHES)
        return inquiry_refuse(q, "invalid_client", "client_document_unreachable");
    redemption->wants_url = url;
    redemption->wants_new = wants_new;
    return false;
}

bool inquiry_find_document(struct inquiry *q, struct str id, struct client_document *ret_document)
{
    const struct client_document_rules *rules = &q->settings->identity.client_documents;
    struct oauth_client *client = arena_calloc(q->arena, 1, sizeof *client);
    struct str body = STR_NONE;
    struct err err;

    if (client == NULL)
        return inquiry_refuse(q, "invalid_client", "memory");
    if (client_document_check_url(rules, id, &err) != ERR_OK)
        return refuse(q, "client_unknown", &err);
    if (!find(q, id, false, &body))
        return false;
    if (client_document_read(rules, id, body, q->arena, ret_document, &err) != ERR_OK)
        return refuse(q, "client_document_invalid", &err);
    client->id = id;
    q->client = client;
    return true;
}

static enum jwt_why verify(struct str keys, const struct jwt *jwt)
{
    CLEANUP(jwk_set_unrefp) struct jwk_set *set = NULL;

    return jwk_set_parse(keys, &set, NULL) == ERR_OK ? jwt_verify(jwt, set, PKEY_ALG_SET_ALL)
                                                     : JWT_UNKNOWN_KEY;
}

bool inquiry_verify_document(struct inquiry *q, const struct jwt *jwt,
                             const struct client_document *document)
{
    enum jwt_why why = JWT_UNKNOWN_KEY;
    struct str keys = document->jwks;

    if (!document->app.has_keys)
        return inquiry_refuse(q, "invalid_client", "client_has_no_keys");
    if (document->jwks_uri.len == 0)
        why = verify(keys, jwt);
    for (int round = 0; document->jwks_uri.len > 0 && round < 2 && why == JWT_UNKNOWN_KEY;
         round++) {
        if (!find(q, document->jwks_uri, round > 0, &keys))
            return false;
        why = verify(keys, jwt);
    }
    return why == JWT_OK || inquiry_refuse(q, "invalid_client", jwt_why_word(why));
}

void redeem_fetch(struct redemption *redemption)
{
    struct client_web *web = client_jobs_web(redemption->gate->client_jobs);
    struct err err;

    redemption->fetches++;
    /* What failed is found again by the check that follows, but for what was not even begun. */
    if (client_web_fetch(web, redemption->wants_url, redemption->wants_new, redemption->now_us,
                         &err) == ERR_BUSY)
        redeem_refuse(redemption, 503, "temporarily_unavailable", "too_many_documents");
    redemption->wants_url = STR_NONE;
}
