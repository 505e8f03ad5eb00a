/* plugin_results.c: TEST PLUGIN, bad on purpose: answers past the host: frames of its own making. It
 * reads the worker's memory to be as good a forger as a plugin can be. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attack.h"
#include "sandbox/worker_internal.h"

enum { FLOOD_LINES = 40000, BIG = 64 << 20, LOGS = 20000 };

struct forged {
    struct data_head head;
    char payload[16];
};

static int data_fd(const struct attack_call *call)
{
    return worker_of(call->host)->setup.data_fd;
}

static const char *put(const struct attack_call *call, const void *bytes, size_t n)
{
    return write(data_fd(call), bytes, n) == (ssize_t)n ? "sent" : attack_answer(-1);
}

static struct forged frame_of(uint32_t type, uint64_t nonce, uint64_t len)
{
    return (struct forged){.head = {DATA_MAGIC, type, nonce, len}};
}

static const char *noise(const struct attack_call *call)
{
    static const char words[] = "this is no frame, however long one looks at it";
    return put(call, words, sizeof words);
}

static const char *guessed_nonce(const struct attack_call *call)
{
    const struct forged f = frame_of(DATA_RESULT, 1234567, sizeof f.payload);
    return put(call, &f, sizeof f);
}

static const char *old_nonce(const struct attack_call *call)
{
    const struct forged f = frame_of(DATA_RESULT, call->memory->old_nonce, sizeof f.payload);
    return put(call, &f, sizeof f);
}

static uint64_t own_nonce(const struct attack_call *call)
{
    return worker_of(call->host)->nonce;
}

/* A frame that promises more than comes, and then the end. */
static const char *short_frame(const struct attack_call *call)
{
    const struct forged f = frame_of(DATA_RESULT, own_nonce(call), 1000);
    put(call, &f, sizeof f);
    _exit(0);
}

static const char *huge_frame(const struct attack_call *call)
{
    const struct forged f = frame_of(DATA_RESULT, own_nonce(call), UINT64_MAX);
    return put(call, &f, sizeof f);
}

static const char *unknown_frame(const struct attack_call *call)
{
    const struct forged f = frame_of(77, own_nonce(call), sizeof f.payload);
    return put(call, &f, sizeof f);
}

/* What only the core may send. */
static const char *task_frame(const struct attack_call *call)
{
    const struct forged f = frame_of(DATA_TASK, own_nonce(call), sizeof f.payload);
    return put(call, &f, sizeof f);
}

/* Its own end of the task, and then more. */
static const char *trailing(const struct attack_call *call)
{
    struct forged done = frame_of(DATA_DONE, own_nonce(call), 12);
    put(call, &done, sizeof done.head + 12);
    return noise(call);
}

/* The whole answer by hand, as the host itself would send it; that much a plugin may. */
static const char *own_answer(const struct attack_call *call)
{
    struct {
        struct data_head head;
        char bytes[4 + 7 + 13];
    } result = {.head = {DATA_MAGIC, DATA_RESULT, own_nonce(call), 4 + 7 + 13}};
    const uint32_t len = 7;
    memcpy(result.bytes, &len, 4);
    memcpy(result.bytes + 4, "success{\"got\":\"own\"}", 7 + 13);
    put(call, &result, sizeof result.head + 4 + 7 + 13);
    return NULL;
}

static const char *no_json(const struct attack_call *call)
{
    call->host->result(call->host, NULL, (pen_bytes){"{\"got\":", 7});
    return NULL;
}

static const char *null_result(const struct attack_call *call)
{
    call->host->result(call->host, NULL, (pen_bytes){NULL, 0});
    return NULL;
}

static const char *two_results(const struct attack_call *call)
{
    call->host->result(call->host, NULL, (pen_bytes){"1", 1});
    return "second";
}

static const char *big_result(const struct attack_call *call)
{
    char *text = malloc(BIG);
    if (text == NULL)
        return "ENOMEM";
    memset(text, '1', BIG);
    call->host->result(call->host, NULL, (pen_bytes){text, BIG});
    return NULL;
}

static const char *result_then_exit(const struct attack_call *call)
{
    call->host->result(call->host, NULL, (pen_bytes){"{\"got\":\"done\"}", 14});
    _exit(3);
}

static const char *result_then_hang(const struct attack_call *call)
{
    call->host->result(call->host, NULL, (pen_bytes){"{\"got\":\"done\"}", 14});
    for (;;)
        pause();
    return NULL;
}

static const char *no_result(const struct attack_call *call)
{
    (void)call;
    return NULL;
}

static const char *output_flood(const struct attack_call *call)
{
    (void)call;
    for (int i = 0; i < FLOOD_LINES; i++)
        dprintf(STDOUT_FILENO + (i & 1), "line %d of a long story that nobody is going to read\n",
                i);
    return "flooded";
}

static const char *log_flood(const struct attack_call *call)
{
    for (int i = 0; i < LOGS; i++)
        call->host->log(call->host, PEN_LOG_ERROR, "one more thing to say");
    return "flooded";
}

/* Terminal tricks and broken text in what a log shows. */
static const char *log_tricks(const struct attack_call *call)
{
    static const char text[] = "\033[2J\033]0;owned\a\xff\xfe\nlevel=error msg=\"forged line\"";
    call->host->log(call->host, 99, text);
    dprintf(STDOUT_FILENO, "%s", text);
    return "said";
}

/* Everything that is shared with the core is scribbled over. */
static const char *scribble(const struct attack_call *call)
{
    struct slot_page *page = worker_of(call->host)->setup.page;
    memset(&page->crash, 0xff, sizeof page->crash);
    memset(&page->unsent, 0xff, sizeof page->unsent);
    memset(page->cells, 0xff, sizeof page->cells);
    atomic_store(&page->started_nonce, 99);
    atomic_store(&page->task_nonce, 99);
    atomic_store(&page->generation, 99);
    return "scribbled";
}

/* A crash report that names another call, and a death that is none. */
static const char *forged_crash(const struct attack_call *call)
{
    struct slot_page *page = worker_of(call->host)->setup.page;
    page->crash.is_set = 1;
    page->crash.signal = 31;
    page->crash.syscall = 101;
    page->crash.is_out_of_memory = 1;
    page->crash.n_frames = 0xffffffffU;
    return "forged";
}

static const char *shrink_page(const struct attack_call *call)
{
    (void)call;
    for (int fd = 3; fd < 64; fd++) {
        struct stat st;
        if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && ftruncate(fd, 0) == 0)
            return "done";
    }
    return "nothing to shrink";
}

const struct attack attacks_on_results[] = {
    {"noise", noise, NULL},
    {"guessed_nonce", guessed_nonce, NULL},
    {"old_nonce", old_nonce, NULL},
    {"short_frame", short_frame, NULL},
    {"huge_frame", huge_frame, NULL},
    {"unknown_frame", unknown_frame, NULL},
    {"task_frame", task_frame, NULL},
    {"trailing", trailing, NULL},
    {"own_answer", own_answer, NULL},
    {"no_json", no_json, NULL},
    {"null_result", null_result, NULL},
    {"two_results", two_results, NULL},
    {"big_result", big_result, NULL},
    {"result_then_exit", result_then_exit, NULL},
    {"result_then_hang", result_then_hang, NULL},
    {"no_result", no_result, NULL},
    {"output_flood", output_flood, NULL},
    {"log_flood", log_flood, NULL},
    {"log_tricks", log_tricks, NULL},
    {"scribble", scribble, NULL},
    {"forged_crash", forged_crash, NULL},
    {"shrink_page", shrink_page, NULL},
    {NULL, NULL, NULL},
};
