/* codes.c: the one table of error codes; sdk/docs/protocol.md is checked against it. */
#include "base/codes.h"

#include <string.h>

/* Exit codes of the command line (see its --help). */
enum { EXIT_FAIL = 1, EXIT_NOT_FOUND = 3, EXIT_REFUSED = 4, EXIT_TIMED_OUT = 5, EXIT_LATER = 75 };

#define ROW(code, fault, retry, abi, avt, exit_code, help)                                         \
    [CODE_##code] = {#code, fault, retry, abi, avt, exit_code, help}

static const struct code_info codes[CODE_COUNT] = {
    ROW(OK, FAULT_TASK, false, 0, NULL, 0, "success"),
    ROW(INVALID_INPUT, FAULT_TASK, false, -1, "INVALID_INPUT_ERROR", EXIT_FAIL,
        "params or an input are wrong; the message says where"),
    ROW(UNKNOWN_PIPELINE, FAULT_TASK, false, 0, "PERMANENT_ERROR", EXIT_NOT_FOUND,
        "no plugin on this host provides the pipeline"),
    ROW(UNSUPPORTED_VERSION, FAULT_PEER, false, 0, "PERMANENT_ERROR", EXIT_REFUSED,
        "another version of the protocol or of the pipeline is needed"),
    ROW(MALFORMED, FAULT_PEER, false, 0, "INVALID_INPUT_ERROR", EXIT_REFUSED,
        "the message breaks the protocol"),
    ROW(TOO_LARGE, FAULT_TASK, false, 0, "LIMIT_EXCEEDED_ERROR", EXIT_REFUSED,
        "a frame, the params or the inputs are over the host's limit"),
    ROW(QUOTA, FAULT_TASK, true, 0, "LIMIT_EXCEEDED_ERROR", EXIT_LATER,
        "the client's or tenant's quota is used up"),
    ROW(QUARANTINED, FAULT_PLUGIN, true, 0, "TRANSIENT_ERROR", EXIT_LATER,
        "the pipeline is put aside because it does not load; see its reason"),
    ROW(OVERLOADED, FAULT_HOST, true, 0, "RESOURCE_EXHAUSTED_ERROR", EXIT_LATER,
        "the queue is full; try again after retry_after_ms"),
    ROW(DRAINING, FAULT_HOST, true, 0, "TRANSIENT_ERROR", EXIT_LATER,
        "the host takes no new tasks because it is about to stop"),
    ROW(EXPIRED, FAULT_TASK, false, 0, "TIMEOUT_ERROR", EXIT_TIMED_OUT,
        "deadline or ttl passed before the task could start"),
    ROW(DUPLICATE, FAULT_TASK, false, 0, "INVALID_INPUT_ERROR", EXIT_REFUSED,
        "a task of that id, or idempotency key, has other content"),
    ROW(UNAUTHORIZED, FAULT_PEER, false, 0, "SECURITY_ERROR", EXIT_REFUSED,
        "the peer may not do this on this socket"),
    ROW(STAGING_FAILED, FAULT_HOST, true, 0, "DEPENDENCY_ERROR", EXIT_FAIL,
        "an input could not be fetched or an output not stored"),
    ROW(INTEGRITY_MISMATCH, FAULT_TASK, false, 0, "INTEGRITY_MISMATCH_ERROR", EXIT_FAIL,
        "an input does not have the digest that was promised"),
    ROW(DEPENDENCY_MISSING, FAULT_HOST, false, 0, "DEPENDENCY_MISSING_ERROR", EXIT_FAIL,
        "something the task names is not to be had on this host"),
    ROW(TRANSIENT, FAULT_PLUGIN, true, -2, "TRANSIENT_ERROR", EXIT_LATER,
        "the plugin asks to try again later"),
    ROW(PERMANENT, FAULT_PLUGIN, false, -4, "PERMANENT_ERROR", EXIT_FAIL,
        "the plugin says that this can never succeed, or that it failed itself"),
    ROW(CONTRACT_VIOLATION, FAULT_PLUGIN, false, 0, "CONTRACT_VIOLATION_ERROR", EXIT_FAIL,
        "the plugin broke the rules of the ABI, or its result its own schema"),
    ROW(TIMEOUT, FAULT_TASK, true, 0, "TIMEOUT_ERROR", EXIT_TIMED_OUT,
        "the task ran longer than its time limit"),
    ROW(CPU_LIMIT, FAULT_TASK, false, 0, "LIMIT_EXCEEDED_ERROR", EXIT_FAIL,
        "the task used more processor time than its limit"),
    ROW(OOM, FAULT_TASK, true, 0, "RESOURCE_EXHAUSTED_ERROR", EXIT_FAIL,
        "the task needed more memory than its limit"),
    ROW(DISK_LIMIT, FAULT_TASK, false, 0, "LIMIT_EXCEEDED_ERROR", EXIT_FAIL,
        "a file of the task grew over its limit"),
    ROW(RESULT_TOO_BIG, FAULT_PLUGIN, false, 0, "LIMIT_EXCEEDED_ERROR", EXIT_FAIL,
        "result or outputs are over the host's limit"),
    ROW(NO_RESULT, FAULT_PLUGIN, false, 0, "CONTRACT_VIOLATION_ERROR", EXIT_FAIL,
        "the task ended without result and without failure"),
    ROW(BAD_RESULT, FAULT_PLUGIN, false, 0, "CONTRACT_VIOLATION_ERROR", EXIT_FAIL,
        "what came out of the box is not a well-formed result"),
    ROW(CRASH, FAULT_PLUGIN, true, 0, "INTERNAL_ERROR", EXIT_FAIL,
        "a signal ended the task; details name it"),
    ROW(PLUGIN_EXIT, FAULT_PLUGIN, false, 0, "INTERNAL_ERROR", EXIT_FAIL,
        "the plugin called exit; details hold the status"),
    ROW(PLUGIN_LOAD_FAILED, FAULT_PLUGIN, false, 0, "DEPENDENCY_ERROR", EXIT_FAIL,
        "the plugin could not be loaded or opened"),
    ROW(PLUGIN_LOAD_TIMEOUT, FAULT_PLUGIN, false, 0, "DEPENDENCY_ERROR", EXIT_FAIL,
        "loading or opening the plugin took longer than its limit"),
    ROW(SANDBOX_VIOLATION, FAULT_PLUGIN, false, 0, "SECURITY_ERROR", EXIT_FAIL,
        "the task called what its box forbids; details name the call"),
    ROW(SANDBOX_ERROR, FAULT_HOST, true, 0, "TRANSIENT_ERROR", EXIT_LATER,
        "the box could not be built or its warden died: ours"),
    ROW(KILLED, FAULT_HOST, true, 0, "TRANSIENT_ERROR", EXIT_LATER,
        "somebody outside the host killed the task"),
    ROW(CANCELLED, FAULT_TASK, false, -3, NULL, EXIT_FAIL, "cancelled on request"),
    ROW(STORAGE_UNAVAILABLE, FAULT_HOST, true, 0, "RESOURCE_EXHAUSTED_ERROR", EXIT_LATER,
        "the journal cannot be written (disk full, read-only or failing): nothing new is taken"),
    ROW(INTERNAL, FAULT_HOST, true, 0, "INTERNAL_ERROR", EXIT_LATER,
        "the host made a mistake; its log says which"),
};

static const char *const fault_names[] = {"task", "plugin", "host", "peer"};

const struct code_info *code_info(enum code code)
{
    return &codes[(unsigned)code < CODE_COUNT ? code : CODE_INTERNAL];
}

const char *code_name(enum code code)
{
    return code_info(code)->name;
}

const char *code_fault_name(enum code code)
{
    return fault_names[code_info(code)->fault];
}

enum code code_find(const char *name)
{
    for (int i = 0; i < CODE_COUNT; i++) {
        if (strcmp(codes[i].name, name) == 0)
            return (enum code)i;
    }
    return CODE_COUNT;
}

/* PEN_E_INTERNAL is the plugin's fault (decision of the ABI), and PERMANENT is what it means to a
 * client. */
enum { ABI_E_INTERNAL = -5 };

enum code code_of_abi_status(int status)
{
    if (status == ABI_E_INTERNAL)
        return CODE_PERMANENT;
    for (int i = 1; i < CODE_COUNT; i++) {
        if (codes[i].abi_status != 0 && codes[i].abi_status == status)
            return (enum code)i;
    }
    return CODE_CONTRACT_VIOLATION;
}
