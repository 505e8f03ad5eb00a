#ifndef PENSTOCK_TESTS_WALLS_KIT_H
#define PENSTOCK_TESTS_WALLS_KIT_H

/* walls_kit.h: the real launcher at the other end of a socket, in each of the settings a box is
 * built in. */

/* cmocka wants these before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "sandbox/chan.h"

/* As root; as a user without rights; the same two where no namespace can be made and clone3 does
 * not exist. */
enum setting { AS_ROOT, AS_USER, AS_ROOT_BARE, AS_USER_BARE, SETTINGS };

enum { KIT_USER = 65534, KIT_ARGS = 4 };

/* Of boxes: users that no test beside this one has, because processes are counted by user. */
#define KIT_UID_BASE (200000000 + (int)(getpgrp() % 20000) * 65536)

struct kit_options {
    const char *fault;          /* PENSTOCK_FAULT, or NULL */
    const char *without;        /* PENSTOCK_WITHOUT, or NULL */
    const char *helper;         /* in BUILD, instead of bin/penstock-box; or NULL */
    const char *state;          /* a state directory that is there, or NULL: a new one */
    const char *args[KIT_ARGS]; /* more of them, NULL-ended */
};

struct kit {
    enum setting setting;
    pid_t pid; /* of the launcher */
    int channel;
    char state[PATH_MAX];
};

/* The core's side of a box. */
struct kit_box {
    uint64_t number;
    int control;
    uint32_t slots;
    int data[BOX_SLOTS_MAX];
    int page[BOX_SLOTS_MAX];
    pid_t warden;
};

union kit_message {
    struct chan_head head;
    struct launch_started started;
    struct launch_failed failed;
    struct launch_ended ended;
    struct launch_report report;
    struct control_ready ready;
    struct control_load_failed load_failed;
    struct control_error error;
    struct control_worker worker;
    struct control_exit exit;
    struct control_log log;
};

/* Ends what a test has left. */
int kit_teardown(void **state);
/* Skips the test where the setting cannot be had: the tests do not run as root. */
void kit_need(enum setting setting);
/* Path of a file of the build. */
void kit_path(char *out, const char *file);
/* Writes a file; a test that cannot ends. */
void kit_write(const char *path, const char *text, mode_t mode);
void kit_copy(const char *from, const char *to, mode_t mode);

void kit_start(struct kit *k, enum setting setting, const struct kit_options *options);
/* The launcher's first message, which must be its report. */
void kit_report(const struct kit *k, struct launch_report *report);
/* Closes the channel, waits for the launcher and everything that was its; returns the wait status.
 */
int kit_stop(struct kit *k);
/* Waits for a launcher that ends by itself. */
int kit_wait(struct kit *k);
/* Open descriptors of the launcher. */
int kit_launcher_fds(const struct kit *k);
/* Entries of a directory under the state directory, at most n deep. */
int kit_count(const struct kit *k, const char *dir);

/* Fills a message that every test can live with. */
void kit_spec(struct launch_start *m, uint64_t box, const char *path, enum box_mode mode,
              uint32_t slots);
void kit_send_start(const struct kit *k, const struct launch_start *m, const char *config);
/* The next message on a channel within ten seconds: its type; 0 at the end. Passes over the
 * launcher's report. */
int kit_receive(int fd, union kit_message *m, int *fds, size_t *n_fds);
/* The next message, which must be of that type. */
void kit_expect(int fd, int type, union kit_message *m);
/* The same for control channels, passing over CONTROL_LOG. */
void kit_control(const struct kit_box *b, int type, union kit_message *m);

/* LAUNCH_START, and LAUNCH_STARTED that must come. */
void kit_box(const struct kit *k, struct kit_box *b, const struct launch_start *m,
             const char *config);
/* A scan that must come to its end. */
void kit_scan(const struct kit *k, const char *path);
/* LAUNCH_ENDED that must come; the wait status. */
int kit_box_ended(const struct kit *k, struct kit_box *b);
void kit_tell(const struct kit_box *b, const void *message, size_t n);
void kit_kill_worker(const struct kit_box *b, uint32_t slot, uint64_t generation,
                     enum kill_reason reason);
/* CONTROL_STOP, and the end of the data channels; then LAUNCH_ENDED. */
int kit_box_stop(const struct kit *k, struct kit_box *b);

#endif
