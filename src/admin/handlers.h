/*
 * handlers.h - every handler of the API, for the table in api.c. docs/api.md says what each takes
 * and gives.
 */
#pragma once

#include "gate/api.h"

api_handler_fn status_show;

api_handler_fn governance_show;
api_handler_fn governance_compare;
api_handler_fn governance_apply;

api_handler_fn servers_list;
api_handler_fn servers_add;
api_handler_fn servers_remove;
api_handler_fn servers_refresh;

api_handler_fn tools_list;
api_handler_fn tools_show;
api_handler_fn tools_hints;
api_handler_fn tools_set;
api_handler_fn tools_history;
api_handler_fn tools_diff;
api_handler_fn reviews_list;
api_handler_fn reviews_show;
api_handler_fn reviews_decide;

api_handler_fn robots_list;
api_handler_fn robots_show;
api_handler_fn robots_create;
api_handler_fn robots_revoke;
api_handler_fn tokens_list;
api_handler_fn tokens_create;
api_handler_fn tokens_revoke;

api_handler_fn users_list;
api_handler_fn users_set;
api_handler_fn users_sign_out;
api_handler_fn users_keys;
api_handler_fn users_revoke_keys;

api_handler_fn me_show;
api_handler_fn keys_list;
api_handler_fn keys_create;
api_handler_fn keys_revoke;

api_handler_fn owner_sign_in;
api_handler_fn installation_keys;
api_handler_fn signing_rotate_now;

api_handler_fn clients_list;
api_handler_fn clients_show;
api_handler_fn clients_add;
api_handler_fn clients_remove;
api_handler_fn clients_block;
api_handler_fn clients_unblock;

api_handler_fn users_show;
api_handler_fn users_release;
api_handler_fn groups_list;
api_handler_fn groups_show;
api_handler_fn scim_tokens_create;

api_handler_fn scim_config;
api_handler_fn scim_types;
api_handler_fn scim_schemas;
api_handler_fn scim_users_list;
api_handler_fn scim_users_create;
api_handler_fn scim_users_show;
api_handler_fn scim_users_replace;
api_handler_fn scim_users_patch;
api_handler_fn scim_users_remove;
api_handler_fn scim_groups_list;
api_handler_fn scim_groups_create;
api_handler_fn scim_groups_show;
api_handler_fn scim_groups_replace;
api_handler_fn scim_groups_patch;
api_handler_fn scim_groups_remove;

api_handler_fn sessions_list;
api_handler_fn sessions_end;

api_handler_fn audit_find;
api_handler_fn audit_find_decrypted;
api_handler_fn audit_show;
api_handler_fn audit_decrypt;
api_handler_fn audit_follow;
api_handler_fn audit_state;
api_handler_fn audit_index_again;
api_handler_fn audit_checkpoint;
api_handler_fn audit_proof;
