#ifndef PENSTOCK_TESTS_SANDBOX_KIT_H
#define PENSTOCK_TESTS_SANDBOX_KIT_H

/*
 * sandbox_kit.h: plays launcher, warden and worker for a box under test, in one process: the test
 * says what they say, and looks at what they were told.
 */

#include "cmocka_all.h"

#include "base/buf.h"
#include "loop/loop.h"
#include "sandbox/box.h"

enum { KIT_SLOTS = 4, KIT_NOTES = 64 };

/* What came out of callbacks. */
struct kit_done {
    enum code code;
    char message[512];
    char details[512];
    char status[64];
    struct buf data; /* moved out of the outcome */
    size_t n_outputs, n_children;
    char output_name[64], output_media[64], child[128];
    size_t output_len;
    int64_t cpu_ms, max_rss_bytes;
    bool was_started;
    void *user;
    uint32_t slot;
};

struct kit {
    struct loop *loop;
    struct launcher *launcher;
    struct box *box;
    int launch;  /* the launcher's end */
    int control; /* the warden's end */
    int data[KIT_SLOTS], page_fd[KIT_SLOTS];
    struct slot_page *page[KIT_SLOTS];
    uint64_t number; /* of the box */
    uint64_t generation[KIT_SLOTS];
    struct box_spec spec;
    /* what was told */
    int n_ready, n_free, n_done, n_ended, n_lost, n_logs, n_progress, n_descriptors;
    enum box_mode mode;
    uint32_t free_slot;
    struct kit_done done;
    enum code ended_code;
    char ended_text[1200];
    char log[256];
    int log_level, log_stream;
    void *log_task;
    double fraction;
    char descriptor[128];
    int n_returned;
    void *returned[KIT_NOTES];
    int cells_left; /* still to be taken by the worker when the first was returned */
    /* what a callback is to do */
    bool stop_in_done, kill_in_done, refuse_in_done;
    const struct box_task *run_when_free;
};

int kit_setup(void **state);
int kit_teardown(void **state);

/* box_start and LAUNCH_START read; the box is not started yet. */
void kit_ask(struct kit *k, enum box_mode mode, uint32_t slots);
/* All the way to a ready box whose slots have workers. */
void kit_start(struct kit *k, enum box_mode mode, uint32_t slots);
void kit_started(struct kit *k);
/* Turns of the loop until nothing happens any more. */
void kit_settle(struct kit *k);
/* Turns of the loop until *count is at least n. */
void kit_until(struct kit *k, const int *count, int n);

/* launcher and warden */
void kit_ended(struct kit *k, int wait_status);
void kit_worker(struct kit *k, uint32_t slot);
void kit_exit(struct kit *k, uint32_t slot, int wait_status, enum kill_reason reason);
void kit_control(struct kit *k, const void *message, size_t n);
/* The next message to the warden or to the launcher: its type, 0 if there is none. */
int kit_told(struct kit *k, void *message, size_t n);
int kit_asked(struct kit *k, void *message, size_t n);
/* As kit_told, but waits in the loop until there is one. */
int kit_await_told(struct kit *k, void *message, size_t n);

/* worker */
struct kit_task {
    struct data_head head;
    struct data_task task;
    struct buf payload;
};
/* Reads a whole task of the slot; turns the loop while it does. */
void kit_read_task(struct kit *k, uint32_t slot, struct kit_task *t);
void kit_frame(struct kit *k, uint32_t slot, enum data_type type, uint64_t nonce, const void *a,
               size_t a_len, const void *b, size_t b_len);
uint64_t kit_nonce(const struct kit *k, uint32_t slot);
void kit_result(struct kit *k, uint32_t slot, const char *json);
void kit_done(struct kit *k, uint32_t slot, int32_t status);

extern const struct box_task kit_small_task;

#endif
