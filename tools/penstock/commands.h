#ifndef PENSTOCK_COMMANDS_H
#define PENSTOCK_COMMANDS_H

/* commands.h: every command, each defined in the file of its subject. */

#include "command.h"

extern const struct command run_command;
extern const struct command task_submit_command, task_show_command, task_list_command,
    task_watch_command, task_cancel_command;
extern const struct command dlq_list_command, dlq_show_command, dlq_requeue_command,
    dlq_purge_command;
extern const struct command plugin_list_command, plugin_show_command, plugin_check_command;
extern const struct command plugin_learn_command, plugin_keygen_command, plugin_sign_command,
    plugin_verify_command;
extern const struct command stats_command, ping_command, drain_command, resume_command,
    reload_command, shutdown_command;
extern const struct command journal_check_command, journal_status_command, journal_backup_command,
    journal_export_command;
extern const struct command key_new_command, key_show_command, key_allow_command, key_list_command,
    key_revoke_command;
extern const struct command doctor_command;
extern const struct command config_check_command, config_show_command, config_reference_command;
extern const struct command completion_command;

#endif
