#ifndef PENSTOCK_CORE_CORE_H
#define PENSTOCK_CORE_CORE_H

/* core.h: what the parts of penstock-core share. One thread, one loop: every function of this
 * folder is [loop]. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/codes.h"
#include "base/json.h"
#include "base/text.h"
#include "conf/conf.h"
#include "wire/router.h"

struct box;
struct catalog;
struct changes;
struct journal;
struct known;
struct keys;
struct launcher;
struct loop;
struct loop_timer;
struct owner;
struct peer;
struct quota;
struct reserves;
struct pipeline;
struct reading;
struct reload;
struct sched;
struct table;
struct task;
struct watch;

/* The one shut last; with CONTROL, TASKS is shut too. */
enum door { DOOR_NONE, DOOR_TASKS, DOOR_CONTROL };

enum core_phase { CORE_STARTING, CORE_SERVING, CORE_DRAINING, CORE_STOPPING };

struct stats {
    int64_t accepted, refused, succeeded, failed, cancelled;
    int64_t protocol_errors, messages_in, messages_out;
    int64_t doors_reopened;
    int64_t keys_admitted, keys_refused; /* handshakes over TCP */
    int64_t by_code[CODE_COUNT];
};

/* A list of tasks in the order they came. */
struct task_list {
    struct task *first, *last;
};

struct core {
    struct loop *loop;
    const struct conf_request *request;
    struct conf *conf; /* in force, counted */
    const struct conf_host *host;
    enum core_phase phase;
    bool stops_when_idle; /* a drain that ends the process */
    bool has_failed;      /* the process ends with an error */
    bool is_refused;      /* what the configuration requires is not here: boxes that hold, keys */
    int status_fd;        /* gets a line when the host serves, and when it was reloaded; -1: none */

    /* doors.c */
    int tasks_fd, control_fd, tcp_fd; /* listen; routers serve copies of them; -1 */
    void *zmq;
    struct router *tasks_router, *control_router, *tcp_router; /* NULL: shut, or not wanted */
    char tcp_address[256];                                     /* in force; "": none */
    struct wire_limits wire_limits;
    char host_id[ID_TEXT];
    int64_t epoch, started_mono_ms;

    /* keys.c */
    struct keys *keys; /* NULL: connections over TCP have none */

    /* peers.c */
    struct table *peers;   /* by router and envelope */
    struct table *clients; /* by the hash of their secret */
    uint64_t next_owner;
    size_t n_watchers; /* owners with WATCH or capacity pushes: none costs nothing */
    struct peer *oldest_peer, *newest_peer; /* by last word */
    struct peer *dead_peers;                /* lost, until nobody holds them */
    struct owner *owners;                   /* all of them */

    /* durable.c */
    struct journal *journal;
    size_t n_under_way; /* operations whose end somebody awaits */
    struct loop_timer *retention;
    struct reading *readings;                      /* questions that have no answer yet */
    struct known *waiting_keys, *last_waiting_key; /* questions that wait for their turn */

    /* growth.c */
    struct loop_timer *growth;
    int statm_fd;          /* -1: none */
    size_t base_bytes;     /* held when it began to serve */
    size_t resident_bytes; /* at the last look */
    size_t excess_bytes;   /* at the last look at a shut door */
    enum door shut_door;
    int64_t shut_ms; /* monotonic, when it was shut */

    /* tasks.c */
    struct table *by_uid, *by_id, *by_key;
    int64_t n_dead;     /* dead letters in the journal */
    bool is_reviving;   /* a RETRY or PURGE is at work */
    struct table *jobs; /* jobs.c: by owner and job_id */
    struct sched *sched;
    size_t n_waiting;      /* tasks that wait: of queue_bytes */
    size_t queue_bytes;    /* of waiting and attached tasks, and of those being accepted */
    size_t running_bytes;  /* of running tasks, as queue_bytes */
    size_t settling_bytes; /* of results that are being made durable */
    size_t
        own_bytes; /* of task objects: their names, lists and frames, without the frames' bytes */
    size_t n_retrying_here; /* wait for another attempt, and the journal does not have them */
    struct task_list began; /* durable ones at work, oldest first, until the journal knows it */
    struct loop_timer *while_timer;
    size_t kept_bytes, kept_waiting_bytes, n_kept;
    struct task_list kept_delivered, kept_waiting, history;
    size_t n_history;
    struct task_list all; /* for LIST, oldest first */
    uint64_t next_seq;
    struct loop_timer *sweep;
    unsigned sweeps;
    struct loop_timer *drain;
    uint64_t hash_seed[2];

    struct quota *quota;       /* quota.c */
    struct reserves *reserves; /* reserve.c */

    /* pipelines.c */
    struct launcher *launcher;
    struct catalog *catalog;
    struct table *pipelines;      /* by slug: those in force, gone ones too */
    struct table *lanes, *groups; /* of the scheduler, by slug and by task type; for ever */
    struct pipeline *first_pipeline;
    struct pipeline *hungry; /* may take tasks ahead */
    uint64_t generations;    /* made so far */

    /* changes.c, reload.c */
    struct changes *changes; /* at work; or NULL */
    struct reload *reload;
    struct watch *watch; /* NULL: plugin directories are not watched */

    /* push.c */
    struct loop_timer *capacity_timer;

    int restarts;         /* of core and launcher, since the supervisor has started */
    const char *last_end; /* why, the last time; or NULL */
    struct stats stats;
    struct json_doc doc; /* of the header at hand */
    struct buf out;      /* an answer's header while it is written */
};

/* core.c */
struct core_options {
    const struct conf_request *request; /* what conf was loaded by, for a reload; borrowed */
    struct conf *conf;                  /* counted */
    int launcher_fd;                    /* taken */
    int status_fd;                      /* taken; -1: none */
    int restarts;                       /* of core and launcher, until now */
    const char *last_end;               /* why the last one was: "core: signal 9"; NULL; borrowed */
};
/* Takes the host's places, gives up root, and begins. -1: logged. */
int core_init(struct core *c, struct loop *loop, const struct core_options *o);
void core_clear(struct core *c);
/* No new tasks. stop: the process ends when nothing runs or waits any more, or when drain_timeout
 * is over. */
void core_drain(struct core *c, bool stop);
void core_resume(struct core *c);
/* One line for the supervisor. */
void core_tell_status(struct core *c, const char *line);
/* Another configuration is in force from now on: what of it can change while the host runs. */
void core_configure(struct core *c, struct conf *conf);
/* Cancels what is there and ends. */
void core_stop_now(struct core *c);
/* To be called when a task has ended: an idle host that drains stops. */
void core_check_idle(struct core *c);

#endif
