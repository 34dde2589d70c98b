/*
 * commands.h - the commands, for the table in main.c. Each returns an enum exit_code.
 */
#pragma once

struct option;
struct options;

typedef int command_fn(const struct options *options);

command_fn command_apply;
command_fn command_audit_checkpoint;
command_fn command_audit_prove;
command_fn command_audit_reindex;
command_fn command_audit_search;
command_fn command_audit_show;
command_fn command_audit_status;
command_fn command_audit_tail;
command_fn command_bench_disk;
command_fn command_check;
command_fn command_classify;
command_fn command_export;
command_fn command_group_list;
command_fn command_group_show;
command_fn command_init;
command_fn command_owner_sign_in;
command_fn command_key_list;
command_fn command_key_rotate;
command_fn command_robot_create;
command_fn command_robot_list;
command_fn command_robot_revoke;
command_fn command_robot_show;
command_fn command_robot_token;
command_fn command_scim_token;
command_fn command_serve;
command_fn command_server_add;
command_fn command_server_list;
command_fn command_server_refresh;
command_fn command_server_remove;
command_fn command_client_add;
command_fn command_client_block;
command_fn command_client_list;
command_fn command_client_remove;
command_fn command_client_show;
command_fn command_client_unblock;
command_fn command_session_end;
command_fn command_session_list;
command_fn command_tool_approve;
command_fn command_tool_diff;
command_fn command_tool_history;
command_fn command_tool_list;
command_fn command_tool_quarantine;
command_fn command_tool_review;
command_fn command_tool_set;
command_fn command_tool_show;
command_fn command_user_disable;
command_fn command_user_enable;
command_fn command_user_key_create;
command_fn command_user_key_list;
command_fn command_user_key_revoke;
command_fn command_user_list;
command_fn command_user_release;
command_fn command_user_role;
command_fn command_user_show;
command_fn command_user_sign_out;
command_fn command_version;
command_fn command_whoami;
