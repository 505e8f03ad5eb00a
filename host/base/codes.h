#ifndef PENSTOCK_BASE_CODES_H
#define PENSTOCK_BASE_CODES_H

/* codes.h: the closed list of error codes: whose fault, whether a retry can help, and what others
 * call it. */

#include <stdbool.h>
#include <stddef.h>

enum code {
    CODE_OK = 0,
    CODE_INVALID_INPUT,
    CODE_UNKNOWN_PIPELINE,
    CODE_UNSUPPORTED_VERSION,
    CODE_MALFORMED,
    CODE_TOO_LARGE,
    CODE_QUOTA,
    CODE_QUARANTINED,
    CODE_OVERLOADED,
    CODE_DRAINING,
    CODE_EXPIRED,
    CODE_DUPLICATE,
    CODE_UNAUTHORIZED,
    CODE_STAGING_FAILED,
    CODE_INTEGRITY_MISMATCH,
    CODE_DEPENDENCY_MISSING,
    CODE_TRANSIENT,
    CODE_PERMANENT,
    CODE_CONTRACT_VIOLATION,
    CODE_TIMEOUT,
    CODE_CPU_LIMIT,
    CODE_OOM,
    CODE_DISK_LIMIT,
    CODE_RESULT_TOO_BIG,
    CODE_NO_RESULT,
    CODE_BAD_RESULT,
    CODE_CRASH,
    CODE_PLUGIN_EXIT,
    CODE_PLUGIN_LOAD_FAILED,
    CODE_PLUGIN_LOAD_TIMEOUT,
    CODE_SANDBOX_VIOLATION,
    CODE_SANDBOX_ERROR,
    CODE_KILLED,
    CODE_CANCELLED,
    CODE_STORAGE_UNAVAILABLE,
    CODE_INTERNAL,
    CODE_COUNT
};

enum fault_of { FAULT_TASK, FAULT_PLUGIN, FAULT_HOST, FAULT_PEER };

struct code_info {
    const char *name; /* "INVALID_INPUT" */
    enum fault_of fault;
    bool is_retryable;      /* the same task may succeed later or elsewhere */
    int abi_status;         /* pen_status that leads to it, 0 if none does */
    const char *avtomatika; /* error.code of that protocol; NULL: reported by status */
    int exit_code;          /* of the command line */
    const char *help;       /* one line for the documents */
};

/* Never NULL; unknown values give INTERNAL's row. */
const struct code_info *code_info(enum code code);
const char *code_name(enum code code);
const char *code_fault_name(enum code code);
/* CODE_COUNT if there is none of that name. */
enum code code_find(const char *name);
/* The code of a plugin's own failure (pen_status below 0); a status outside the list is
 * CONTRACT_VIOLATION. */
enum code code_of_abi_status(int status);

#endif
