#ifndef PENSTOCK_SANDBOX_CHAN_H
#define PENSTOCK_SANDBOX_CHAN_H

/*
 * chan.h: what the processes of the sandbox say to each other. All ends are built from one tree and
 * run on one machine, so messages are structs; a change bumps CHAN_VERSION. Each receiver checks
 * magic, version, type and lengths: the other end may be a plugin that has taken its process over.
 *
 *   core, CLI  <-- launch channel (SEQPACKET) -->  launcher
 *   core, CLI  <-- control channel (SEQPACKET) --> warden        one a box
 *   core, CLI  <-- data channel (STREAM) -->       task or warm worker   one a slot
 *   warden     <-- zygote channel (SEQPACKET) -->  zygote        one a zygote
 *
 * Who is believed: the launcher and the warden are ours. Whatever comes from a zygote or over a
 * data channel is a claim by code that a plugin influences. The slot page is shared with the
 * plugin: copy, then check.
 */

#include <limits.h>
#include <stdatomic.h>
#include <stdint.h>

#define CHAN_MAGIC 0x504e5354u
enum { CHAN_VERSION = 6 };

enum {
    BOX_SLOTS_MAX = 64,
    BOX_SLUG_MAX = 64,
    BOX_ID_MAX = 128,
    BOX_CONFIG_MAX = 64 * 1024,
    BOX_INPUTS_MAX = 16 * 1024, /* bytes of all declared inputs */
    BOX_PORTS_MAX = 16,
    BOX_DIGEST_MAX = 65,
    BOX_TEXT_MAX = 1024
};

/* First in every SEQPACKET message. */
struct chan_head {
    uint32_t magic;
    uint16_t version;
    uint16_t type;
};

enum box_mode {
    BOX_FORK = 1, /* each task is a fork of a process that has the plugin loaded */
    BOX_WARM,     /* one process a slot, which takes one task after another */
    BOX_SCAN,     /* the plugin describes itself, and the box ends */
    BOX_EXEC      /* one slot, one process, one task; the box ends with it */
};

/* What a box is let do beyond the strict profile; the configuration's profile decides (spec.c). */
enum box_rights {
    BOX_MAY_NETWORK = 1, /* the host's network, to the ports of launch_start */
    BOX_MAY_JIT = 2,     /* pages that are written and executed */
    BOX_MAY_PROC = 4,    /* see /proc of its own processes */
    BOX_MAY_GPU = 8,     /* the accelerator's devices */
    BOX_MAY_ALL = 16     /* profile off: the host's files, network, calls; limits still hold */
};
enum { BOX_RIGHTS_ALL = 32 };

/* Zero switches a limit off where it says so. */
struct box_limits {
    uint64_t memory_bytes;         /* private memory of a task; 0: none */
    uint64_t file_bytes;           /* one file that a task writes */
    uint64_t log_bytes;            /* stdout, stderr kept a task */
    uint32_t cpu_ms;               /* processor time of a task; 0: none */
    uint32_t load_timeout_ms;      /* dlopen and open */
    uint32_t files;                /* open descriptors */
    uint32_t threads;              /* threads of a task */
    uint32_t recycle_after;        /* tasks of one warm worker; 0: no end */
    uint32_t recycle_ms;           /* age at which a warm worker takes no further task; 0: none */
    uint32_t dir_files;            /* files and folders in a task's directory; 0: no limit */
    uint64_t dir_bytes;            /* bytes in it; 0: no limit */
    uint64_t recycle_growth_bytes; /* growth after which a warm worker is replaced; 0: none */
};

/* ---- launch channel
 * ------------------------------------------------------------------------------- */

enum launch_type {
    LAUNCH_START = 1, /* to the launcher: struct launch_start, then config_len, inputs_len bytes */
    LAUNCH_STARTED, /* struct launch_started; descriptors: control, then data and page of each slot
                     */
    LAUNCH_FAILED,  /* struct launch_failed: no box came to be */
    LAUNCH_KILL,    /* to the launcher: struct launch_kill */
    LAUNCH_ENDED,   /* struct launch_ended: the warden is reaped; last word on this box */
    LAUNCH_REPORT   /* struct launch_report: what boxes hold here; the launcher's first message */
};

enum launch_flags {
    LAUNCH_LEARN = 1,        /* refused calls are told instead of answered (learn mode) */
    LAUNCH_DISK_SCRATCH = 2, /* task directories stay on the host's disk */
    LAUNCH_DIGEST = 4        /* LAUNCH_STARTED tells the digest of the plugin's file */
};

struct launch_start {
    struct chan_head head;
    uint64_t box;  /* the caller's number for it, never used twice */
    uint32_t mode; /* enum box_mode */
    uint32_t slots;
    uint32_t rights; /* enum box_rights */
    uint32_t config_len;
    uint32_t inputs_len; /* behind the configuration: absolute paths, each with its NUL */
    uint32_t flags;      /* enum launch_flags */
    uint32_t n_ports;
    uint16_t ports[BOX_PORTS_MAX]; /* TCP, that it may connect to, 0: all; with BOX_MAY_NETWORK */
    uint64_t extra_calls;          /* bits of conf/extra_calls.h */
    struct box_limits limits;
    char sha256[BOX_DIGEST_MAX]; /* of the plugin's file, small hex; "": any */
    char slug[BOX_SLUG_MAX];     /* "" in a scan */
    char plugin_id[BOX_ID_MAX];  /* for names and logs; "" in a scan */
    char plugin_path[PATH_MAX];  /* absolute */
};

struct launch_started {
    struct chan_head head;
    uint64_t box;
    int32_t warden_pid;          /* as the launcher sees it */
    char sha256[BOX_DIGEST_MAX]; /* of the plugin's file; "": nobody wanted to know */
};

struct launch_failed {
    struct chan_head head;
    uint64_t box;
    int32_t error; /* errno */
    uint32_t
        is_plugin_fault; /* the file was refused (name, owner, mode, kind); else our own failure */
    char text[BOX_TEXT_MAX]; /* expected and found */
};

struct launch_kill {
    struct chan_head head;
    uint64_t box;
};

struct launch_ended {
    struct chan_head head;
    uint64_t box;
    int32_t wait_status;
};

/* What boxes guarantee here: each is tried by the launcher's probe, and told to whoever starts it. */
enum guarantee {
    GUARANTEE_FS,       /* no file beyond its own */
    GUARANTEE_NET,      /* no network */
    GUARANTEE_PROCESS,  /* no other process seen, signalled, made */
    GUARANTEE_SYSCALLS, /* no system call off the list */
    GUARANTEE_MEMORY,   /* no more memory than its limit */
    GUARANTEE_PIDS,     /* no more threads than its limit */
    GUARANTEE_CPU,      /* no more processor time than its limit */
    GUARANTEE_KILL,     /* nothing of it left when it is killed */
    GUARANTEE_WX,       /* no code made while it runs */
    GUARANTEE_DISK,     /* no more bytes or files than its limit */
    GUARANTEES
};
enum guarantee_level { LEVEL_NONE, LEVEL_WEAK, LEVEL_STRONG };

struct guarantee_state {
    uint32_t level;   /* enum guarantee_level */
    char by[96];      /* what holds it: "mntns+pivot_root, landlock 7" */
    char reason[384]; /* why it is not strong; "" if it is */
    char remedy[192];
};

struct launch_report {
    struct chan_head head;
    uint32_t walls; /* enum wall */
    uint32_t landlock_abi;
    uint32_t is_refused; /* below `require`: the launcher ends after this */
    struct guarantee_state guarantees[GUARANTEES];
    char why[BOX_TEXT_MAX]; /* of is_refused */
};

/* ---- control channel
 * ------------------------------------------------------------------------------ */

enum control_type {
    CONTROL_KILL = 1, /* to the warden: struct control_kill */
    CONTROL_WATCH,    /* to the warden: struct control_watch */
    CONTROL_STOP,  /* to the warden: struct control_stop: no new workers; ends when the last is gone
                    */
    CONTROL_READY, /* struct control_ready: the plugin is loaded and open */
    CONTROL_LOAD_FAILED, /* struct control_load_failed: the box ends after it */
    CONTROL_ERROR,  /* struct control_error: a wall could not be built; the box ends after it */
    CONTROL_WORKER, /* struct control_worker: this slot takes a task now */
    CONTROL_EXIT, /* struct control_exit: the worker of this slot is reaped; its data is all written
                   */
    CONTROL_LOG,  /* struct control_log: stdout or stderr of a worker, or of the zygote */
    CONTROL_PROBE,   /* of a probe only, before CONTROL_READY: struct control_probe */
    CONTROL_LISTENER /* struct control_listener; descriptor: where its system calls wait to be
                        supervised (LAUNCH_LEARN) */
};

enum kill_reason {
    KILL_NONE = 0,
    KILL_WALL,
    KILL_CPU,
    KILL_CANCEL,
    KILL_TOO_BIG,
    KILL_PROTOCOL,
    KILL_STOP,
    KILL_DISK,     /* more in its directory than allowed */
    KILL_DEADLINE, /* the task is worthless from now on */
    KILL_RECYCLE   /* a warm worker without a task: another one is to take its place */
};

/* Kills the worker of a slot if it still is of that generation; answered by its CONTROL_EXIT with
 * the reason. */
struct control_kill {
    struct chan_head head;
    uint32_t slot;
    uint32_t reason; /* enum kill_reason */
    uint64_t generation;
};

/* Kills that worker (KILL_CPU) once it has used cpu_ms more of processor time than now, or
 * (KILL_DISK) once its directory holds more than the box's limits, where no WALL_SCRATCH does that.
 * Sent for tasks that run longer than a moment only, so that short ones cost no message; and again
 * with is_over when a warm worker has come to the end of that task. */
struct control_watch {
    struct chan_head head;
    uint32_t slot;
    uint32_t cpu_ms; /* 0: no limit of it */
    uint64_t generation;
    uint32_t is_over;
    uint32_t reserved;
};

struct control_stop {
    struct chan_head head;
};

/* Walls that stand round this box. */
enum wall {
    WALL_USERNS = 1 << 0,
    WALL_PIDNS = 1 << 1,
    WALL_MOUNTNS = 1 << 2,
    WALL_NETNS = 1 << 3,
    WALL_IPCNS = 1 << 4,
    WALL_UTSNS = 1 << 5,
    WALL_CGROUPNS = 1 << 6,
    WALL_NEWROOT = 1 << 7,
    WALL_LANDLOCK = 1 << 8,
    WALL_SECCOMP = 1 << 9,
    WALL_OWN_UID = 1 << 10,
    WALL_NO_CAPS = 1 << 11,
    WALL_MDWE = 1 << 12,
    WALL_LIMITS = 1 << 13,  /* resource limits of processes; built in every box */
    WALL_CGROUP = 1 << 14,  /* a control group a slot: memory, and processes */
    WALL_SCRATCH = 1 << 15, /* task directories of limited size */
    WALLS_ALL = (1 << 16) - 1
};
enum { WALLS = 16 };

struct control_ready {
    struct chan_head head;
    uint32_t walls;        /* enum wall */
    uint32_t landlock_abi; /* 0: none */
    uint32_t mode; /* enum box_mode in force: BOX_WARM instead of BOX_FORK if open left threads */
    uint32_t load_ms;
};

enum load_failure { LOAD_REFUSED = 1, LOAD_EXITED, LOAD_KILLED_BY, LOAD_TIMED_OUT, LOAD_LIED };

struct control_load_failed {
    struct chan_head head;
    uint32_t why;            /* enum load_failure */
    int32_t wait_status;     /* of LOAD_EXITED, LOAD_KILLED_BY */
    char text[BOX_TEXT_MAX]; /* the zygote's words (a claim), or ours */
};

struct control_error {
    struct chan_head head;
    int32_t error;           /* errno */
    uint32_t wall;           /* of a probe: enum wall that cannot be built; else 0 */
    char text[BOX_TEXT_MAX]; /* the step that failed */
};

struct control_worker {
    struct chan_head head;
    uint32_t slot;
    uint32_t reserved;
    uint64_t generation; /* counts the workers of a slot, from 1 */
};

struct control_exit {
    struct chan_head head;
    uint32_t slot;
    int32_t wait_status;
    uint64_t generation;
    uint32_t reason; /* enum kill_reason: why the warden killed it, or KILL_NONE */
    uint32_t reserved;
    uint64_t cpu_us; /* since it was announced: loading does not count */
    uint64_t max_rss_bytes;
    uint64_t log_dropped_bytes; /* of its output, over the limit */
    uint64_t memory_peak_bytes; /* of its control group; 0: not known */
    uint32_t oom_kills;         /* in its control group since it was announced */
    uint32_t reserved2;
};

struct control_listener {
    struct chan_head head;
};

/* What became of the attacks on one guarantee, in a box behind all its walls. */
enum probe_result {
    PROBE_UNKNOWN, /* they could not be made */
    PROBE_THROUGH, /* one got through */
    PROBE_PARTLY,  /* one got through that reaches a part only: weak at best */
    PROBE_HELD
};

struct probe_try {
    uint32_t result; /* enum probe_result */
    int32_t error;   /* errno: of the last one that was refused, or of why none could be made */
    char what[64];   /* the attack that decided, in words */
};

struct control_probe {
    struct chan_head head;
    struct probe_try tries[GUARANTEES];
};

enum { CONTROL_LOG_MAX = 4096 };
#define CONTROL_LOG_ZYGOTE UINT32_MAX

struct control_log {
    struct chan_head head;
    uint32_t slot; /* or CONTROL_LOG_ZYGOTE */
    uint32_t len;
    uint64_t generation;
    char bytes[CONTROL_LOG_MAX]; /* only len of them travel */
};

/* ---- zygote channel
 * ------------------------------------------------------------------------------- */

enum zygote_type {
    ZYGOTE_SETUP =
        1, /* to the zygote, first: struct zygote_setup, then config_len bytes, then inputs_len bytes
              as in warden_setup.h; descriptors: filter of the zygote, filter of tasks (sealed memfds of struct sock_filter; of no length: no
              filter), and for BOX_WARM and BOX_SCAN data and page of the slot */
    ZYGOTE_READY,  /* struct zygote_ready; none in a scan: it ends with status 0 once the data
                      channel has its answer */
    ZYGOTE_FAILED, /* struct zygote_failed */
    ZYGOTE_FORK, /* to the zygote: struct zygote_fork; descriptors: data, page, output pipe, and up
                       to two that take "0" from a task to move it into its control group */
    ZYGOTE_FORKED,  /* struct zygote_forked */
    ZYGOTE_LISTENER /* struct zygote_listener, before any plugin code; descriptor: as
                       CONTROL_LISTENER */
};

struct zygote_setup {
    struct chan_head head;
    uint32_t mode; /* enum box_mode */
    uint32_t rights;
    uint32_t slot;  /* of a warm worker */
    uint32_t walls; /* enum wall: those the warden has built, and of Landlock, seccomp and MDWE
                       those the zygote has to build: if one fails, so does the zygote */
    uint32_t config_len;
    uint32_t landlock_abi; /* 0: do not use it */
    uint32_t slots;        /* of the box */
    uint32_t inputs_len;
    uint32_t n_ports; /* as in launch_start */
    uint16_t ports[BOX_PORTS_MAX];
    uint32_t flags; /* enum launch_flags */
    uint64_t generation;
    struct box_limits limits;
    char slug[BOX_SLUG_MAX];
    char plugin_path[PATH_MAX]; /* inside the box: the private copy */
    char task_dir[PATH_MAX];    /* inside the box: <task_dir>/<slot>/ belongs to the slot's task */
};

struct zygote_ready {
    struct chan_head head;
    uint32_t has_threads; /* open left more than one thread: a fork is not safe */
};

struct zygote_failed {
    struct chan_head head;
    uint32_t is_ours; /* before any plugin code ran: a wall could not be built */
    char text[BOX_TEXT_MAX];
};

struct zygote_listener {
    struct chan_head head;
};

struct zygote_fork {
    struct chan_head head;
    uint32_t slot;
    uint32_t reserved;
    uint64_t generation;
};

struct zygote_forked {
    struct chan_head head;
    uint32_t slot;
    int32_t pid; /* in the box; checked by the warden: it must be its own child */
    uint64_t generation;
};

/* ---- data channel
 * --------------------------------------------------------------------------------- */

/*
 * A stream of frames: struct data_head, then len bytes. The worker echoes the nonce of the task it
 * is at; anything with another nonce is thrown away (a task of yesterday) or ends the worker
 * (KILL_PROTOCOL). Integers in payloads stand unaligned: memcpy them.
 *
 * The stream outlives the workers of its slot, and one that was killed may leave half a task unread
 * in it. So the core draws the nonce of a worker's first task after the last worker is reaped and
 * writes it into the slot page, with the worker's generation, before it sends the task; a worker
 * skips everything up to a task of its own generation with exactly that nonce: bytes of an earlier
 * task cannot imitate it. From there on whole tasks follow, one behind the other. Reads of the
 * worker block; the core's end does not. End of stream ends a worker with status 0.
 *
 * A warm worker may have several tasks in its stream. Each has a cell of the page: the core puts
 * its nonce there before it sends the task; whoever turns the nonce into 0 has the task: the
 * worker, which runs it then, or the core, which takes it back. The n-th task of a worker has cell
 * n modulo SLOT_CELLS.
 *
 * Small answers are gathered in the page until they are written to the stream, so that the core
 * finds those of a worker that has died, or that has gone on to a long task.
 */
#define DATA_MAGIC 0x41544144u

enum data_type {
    DATA_TASK = 1, /* to the worker: struct data_task, then id, job_id, tenant (each with NUL),
                      params (+NUL), metadata
                      (+NUL), then for each input struct data_input, name, media_type (each with
                      NUL), zeros up to the next multiple of DATA_ALIGN of the payload, bytes */
    DATA_LOG,      /* u32 level, text */
    DATA_PROGRESS, /* double fraction, text */
    DATA_OUTPUT,   /* u32 length of name, u32 length of media type, name, media type, bytes */
    DATA_RESULT,   /* u32 length of status, status, json */
    DATA_FAIL,     /* i32 pen_status or DATA_FAIL_CONTRACT, text */
    DATA_CHILD,    /* u32 length of pipeline, u32 length of step, pipeline, step, params */
    DATA_DONE, /* i32: what run returned, u64: microseconds of processor time (a claim); the last
                  frame of a task */
    DATA_DESCRIPTOR /* of a scan: the plugin as JSON (abi_describe) */
};

/* Outside the list of pen_status: the plugin called the host wrongly. */
enum { DATA_FAIL_CONTRACT = -1000 };

enum { DATA_ALIGN = 16 }; /* inputs are read as arrays of numbers */

/* Beyond these a frame is broken; a worker keeps them for its plugin. */
enum {
    DATA_TEXT_MAX = 4096,     /* a log line, the reason of a failure */
    DATA_PROGRESS_MAX = 1024, /* the message of a progress report */
    DATA_OUTPUTS_MAX = 1000,
    DATA_CHILDREN_MAX = 1000
};

struct data_head {
    uint32_t magic;
    uint32_t type;
    uint64_t nonce;
    uint64_t len;
};

struct data_task {
    uint64_t generation; /* of the worker it is meant for; another one throws it away */
    int64_t deadline_ms; /* epoch; 0: none */
    int32_t attempt;
    uint32_t n_inputs;
    double priority;
    uint32_t id_len, job_id_len, tenant_len; /* without the NUL; UINT32_MAX: NULL */
    uint32_t reserved;
    uint64_t params_len, metadata_len;
};

struct data_input {
    uint32_t name_len, media_type_len; /* without the NUL; UINT32_MAX: NULL */
    uint64_t len;
};

/* ---- slot page
 * ------------------------------------------------------------------------------------ */

enum {
    CRASH_FRAMES_MAX = 32,
    CRASH_MODULES_MAX = 16,
    CRASH_NAME_MAX = 64,
    CRASH_BUILD_ID_MAX = 20,
    SLOT_CELLS = 16,
    SLOT_UNSENT_MAX = 16 * 1024,
    SLOT_PAGE_SIZE = 5 * 4096
};

/* What a frame lies in: the program or a library. */
struct crash_module {
    uint64_t bias; /* address minus bias is the address in the file, as nm and addr2line know it */
    uint32_t build_id_len;
    unsigned char build_id[CRASH_BUILD_ID_MAX];
    char name[CRASH_NAME_MAX]; /* without folders; with its NUL */
};

#define CRASH_NO_MODULE UINT32_MAX

/* The first is where it happened; the others are addresses that calls return to. */
struct crash_frame {
    uint64_t address;
    uint32_t module; /* index, or CRASH_NO_MODULE */
    uint32_t reserved;
};

/* Written by a signal handler in the plugin's process: a hint, never proof. */
struct crash_report {
    uint32_t is_set; /* 1 when the signal is told; frames follow as they are found */
    int32_t signal;
    int32_t code;              /* si_code */
    int32_t syscall;           /* of SIGSYS; -1 */
    uint64_t address;          /* si_addr */
    uint32_t is_out_of_memory; /* an allocation had failed, or another one did in the handler */
    uint32_t n_frames, n_modules;
    uint32_t reserved;
    struct crash_frame frames[CRASH_FRAMES_MAX];
    struct crash_module modules[CRASH_MODULES_MAX];
};

/* Frames that are not yet in the stream; the worker writes, the core reads. begin counts the bytes
 * of the stream before them. turn is odd while they are written to the stream. */
struct slot_unsent {
    _Atomic uint64_t turn, begin, len;
    unsigned char bytes[SLOT_UNSENT_MAX];
};

struct slot_page {
    _Atomic uint64_t task_nonce; /* of the worker's first task; the core writes */
    _Atomic uint64_t generation; /* of the worker that task_nonce is for; written behind it */
    _Atomic uint64_t cells[SLOT_CELLS];
    _Atomic uint64_t started_nonce; /* of the task that the worker has read in full; a hint */
    _Atomic uint64_t
        stop_nonce; /* the task of this nonce shall stop; the core writes, should_stop reads */
    _Atomic uint64_t leaving;  /* the worker of this generation takes no further task; it says so
                                 before the end of its last one (a claim) */
    struct crash_report crash; /* cleared by the core before a task for an idle worker */
    struct slot_unsent unsent;
};

_Static_assert(sizeof(struct slot_page) <= SLOT_PAGE_SIZE, "the page holds it");

#endif
