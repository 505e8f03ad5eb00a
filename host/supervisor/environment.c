/* environment.c: environments of the roles. Runs in the supervisor. */
#include "supervisor/environment.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/conf.h"

enum { PARENT_TEXT = 48 };

/* What any program may need of its surroundings; a name that ends with '*' stands for all that
 * begin so. */
static const char *const passed[] = {"PATH",
                                     "LANG",
                                     "LC_*",
                                     "TZ",
                                     "HOME",
                                     "TMPDIR",
                                     "XDG_*",
                                     "RUNTIME_DIRECTORY",
                                     "STATE_DIRECTORY",
                                     "CACHE_DIRECTORY",
                                     "CONFIGURATION_DIRECTORY",
                                     "JOURNAL_STREAM",
                                     "PENSTOCK_*",
                                     "ASAN_OPTIONS",
                                     "UBSAN_OPTIONS",
                                     "LSAN_OPTIONS",
                                     "TSAN_OPTIONS"};

static bool is_passed(const char *variable)
{
    size_t n = strcspn(variable, "=");
    for (size_t i = 0; i < sizeof passed / sizeof *passed; i++) {
        size_t m = strlen(passed[i]);
        bool is_prefix = passed[i][m - 1] == '*';
        if (is_prefix ? n >= m - 1 && strncmp(variable, passed[i], m - 1) == 0
                      : n == m && strncmp(variable, passed[i], m) == 0)
            return true;
    }
    return false;
}

/* PENSTOCK_SHIM_<NAME>_...: the name in capitals, with '_' for what no variable can have. */
static bool is_of_shim(const char *variable, const char *shim)
{
    static const char prefix[] = "PENSTOCK_SHIM_";
    if (shim == NULL || strncmp(variable, prefix, sizeof prefix - 1) != 0)
        return false;
    const char *at = variable + sizeof prefix - 1;
    for (; *shim != '\0'; shim++, at++) {
        char wanted = isalnum((unsigned char)*shim) ? (char)toupper((unsigned char)*shim) : '_';
        if (*at != wanted)
            return false;
    }
    return *at == '_';
}

char **environment_for(const char *shim)
{
    size_t n = 0, kept = 0;
    while (environ[n] != NULL)
        n++;
    /* Behind the list lies the one string that is not the environment's own. */
    char **list = calloc(1, (n + 2) * sizeof(char *) + PARENT_TEXT);
    if (list == NULL)
        return NULL;
    char *parent = (char *)(list + n + 2);
    snprintf(parent, PARENT_TEXT, "PENSTOCK_PARENT_PID=%d", (int)getpid());
    list[kept++] = parent;
    for (size_t i = 0; i < n; i++) {
        if (is_passed(environ[i]) &&
            (!conf_variable_is_secret(environ[i]) || is_of_shim(environ[i], shim)))
            list[kept++] = environ[i];
    }
    return list;
}
