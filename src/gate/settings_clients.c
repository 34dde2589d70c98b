/*
 * The part of the section `identity` that is about OAuth clients that nobody registered here: those
 * whose id is the URL of a document about them.
 */
#include "gate/settings_read.h"

static enum err_code read_networks(struct reader *r, const struct yaml_node *node,
                                   struct client_document_rules *rules, struct err *err)
{
    const struct str *texts = NULL;
    size_t count = 0;
    enum err_code code =
        settings_read_texts(r, node, "a network like 10.0.0.0/8", &texts, &count, err);
    struct addr_net *networks = arena_calloc(r->arena, count + 1, sizeof *networks);
    struct err why;

    if (code == ERR_OK && networks == NULL)
        return settings_out_of_memory(err);
    for (size_t i = 0; code == ERR_OK && i < count; i++) {
        if (addr_parse_net(texts[i], &networks[i], &why) != ERR_OK)
            code = yaml_err(node, err, "%s", why.text);
    }
    rules->networks = networks;
    rules->network_count = code == ERR_OK ? count : 0;
    return code;
}

static enum err_code read_key(struct reader *r, const struct yaml_node *node,
                              struct client_document_rules *rules, struct err *err)
{
    struct str name = node->name->text;

    if (str_eq(name, STR("domains")))
        return settings_read_texts(r, node, "a host like *.example.com", &rules->domains,
                                   &rules->domain_count, err);
    if (str_eq(name, STR("networks")))
        return read_networks(r, node, rules, err);
    if (str_eq(name, STR("ca")))
        return settings_read_path(r, node, &rules->ca_file, err);
    return yaml_err(node->name, err,
                    "unknown key '" STR_FMT "'; client_documents takes domains, networks, ca",
                    STR_ARG(name));
}

/* true, false, or {domains, networks, ca} */
enum err_code settings_read_client_documents(struct reader *r, const struct yaml_node *node,
                                             struct err *err)
{
    struct client_document_rules *rules = &r->settings->identity.client_documents;
    enum err_code code = ERR_OK;
    bool is_on = true;

    if (node->kind != YAML_MAPPING) {
        code = settings_read_bool(node, &is_on, err);
        rules->is_off = !is_on;
        return code;
    }
    for (const struct yaml_node *each = node->first; each != NULL && code == ERR_OK;
         each = each->next)
        code = read_key(r, each, rules, err);
    /* An empty list would trust everybody where somebody meant nobody. */
    if (code == ERR_OK && yaml_find(node, STR("domains")) != NULL && rules->domain_count == 0)
        code = yaml_err(node, err, "domains is empty: say `client_documents: false` for nobody");
    return code;
}
