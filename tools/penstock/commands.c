/* commands.c: the table of commands. Part of the command line. */
#include <string.h>

#include "command.h"
#include "commands.h"

const struct command *const commands[] = {
    &run_command,
    &task_submit_command,
    &task_show_command,
    &task_list_command,
    &task_watch_command,
    &task_cancel_command,
    &dlq_list_command,
    &dlq_show_command,
    &dlq_requeue_command,
    &dlq_purge_command,
    &plugin_list_command,
    &plugin_show_command,
    &plugin_check_command,
    &plugin_learn_command,
    &plugin_keygen_command,
    &plugin_sign_command,
    &plugin_verify_command,
    &key_new_command,
    &key_show_command,
    &key_allow_command,
    &key_list_command,
    &key_revoke_command,
    &stats_command,
    &ping_command,
    &doctor_command,
    &config_check_command,
    &config_show_command,
    &config_reference_command,
    &journal_check_command,
    &journal_status_command,
    &journal_backup_command,
    &journal_export_command,
    &drain_command,
    &resume_command,
    &reload_command,
    &shutdown_command,
    &completion_command,
    NULL,
};

/* Number of words if argv begins with all of them, else 0. */
static int matches(const char *words, int argc, char **argv)
{
    int n = 0;
    for (; n < argc; n++) {
        size_t len = strcspn(words, " ");
        if (strlen(argv[n]) != len || strncmp(argv[n], words, len) != 0)
            return 0;
        if (words[len] == '\0')
            return n + 1;
        words += len + 1;
    }
    return 0;
}

const struct command *command_find(int argc, char **argv, int *n_words)
{
    for (size_t i = 0; commands[i] != NULL; i++) {
        *n_words = matches(commands[i]->words, argc, argv);
        if (*n_words > 0)
            return commands[i];
    }
    return NULL;
}

int command_is_subject(const char *word)
{
    size_t n = strlen(word);
    for (size_t i = 0; commands[i] != NULL; i++) {
        if (strncmp(commands[i]->words, word, n) == 0 && commands[i]->words[n] == ' ')
            return 1;
    }
    return 0;
}
