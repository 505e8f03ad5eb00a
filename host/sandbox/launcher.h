#ifndef PENSTOCK_SANDBOX_LAUNCHER_H
#define PENSTOCK_SANDBOX_LAUNCHER_H

/*
 * launcher.h: what the files of penstock-launcher share. One thread. The theory of operation stands
 * in launcher.c.
 *
 * For tests: PENSTOCK_WITHOUT="seccomp,landlock,..." (names of walls.h) in the launcher's
 * environment takes those walls away from the probe and from every box. It is read once, logged as
 * a warning, and seen in the report, so that `require` refuses to start where it asks for what they
 * hold.
 */

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/log.h"
#include "sandbox/cgroup.h"
#include "sandbox/chan.h"
#include "sandbox/filter.h"
#include "sandbox/plugin_trust.h"
#include "sandbox/warden_setup.h"

struct guarantee_facts;
struct loop;
struct loop_io;
struct loop_timer;

enum {
    LAUNCH_UIDS = 65536,
    LAUNCH_KEYS_MAX = PLUGIN_KEYS_MAX,
    LAUNCH_FILTERS = 32 /* kept: two for each kind of box */
};

struct launch_options {
    int channel_fd;
    const char *state_dir;
    const char *box_helper; /* NULL: found beside this program */
    uint32_t uid_base;      /* as root, boxes run as uid_base and the LAUNCH_UIDS - 1 above */
    const char *cgroup;     /* "auto", "off", or a folder */
    uint32_t require, require_strong; /* bits of enum guarantee */
    bool requires_signature;
    const char *keys[LAUNCH_KEYS_MAX]; /* files of public keys */
    size_t n_keys;
    bool is_lenient; /* about owners and modes of plugin files */
    enum log_level log_level;
    enum log_format log_format;
};

/* A directory of the launcher's own, and its path without links. */
struct launch_dir {
    int fd;
    char path[PATH_MAX];
};

/* A warden that runs. */
struct launch_child {
    struct launch_child *prev, *next;
    struct launch *launch;
    struct loop_timer *deadline; /* SIGTERM was not enough */
    uint64_t box;
    pid_t pid;
    uid_t uid;
    bool has_pidns;
};

struct launch_filter {
    struct filter_key key;
    int fd;        /* -1: none */
    uint64_t used; /* when it was asked for last; 0: never */
};

struct launch_filters {
    struct launch_filter items[LAUNCH_FILTERS];
    uint64_t now; /* counts what is asked for */
};

struct launch {
    struct launch_options options;
    struct public_key keys[LAUNCH_KEYS_MAX]; /* options.n_keys of them */
    struct loop *loop;
    struct loop_io *channel;
    int helper_fd;
    struct launch_dir boxes;  /* task directories */
    struct launch_dir copies; /* of plugins, where a box has no root of its own */
    uint64_t namespaces;      /* flags of clone that work here */
    uint32_t walls;           /* enum wall that can be built here */
    uint32_t landlock_abi;
    uint32_t without;       /* enum wall that PENSTOCK_WITHOUT takes away */
    struct cgroups *groups; /* NULL: none here, for the reason in cgroup_text */
    int cgroup_error;       /* errno of it; 0: the text says it all, or they are off or there */
    char cgroup_text[CGROUP_WHY]; /* where they were sought, and what was missing; or "" */
    struct launch_filters filters;
    struct launch_child *first;
    uint32_t next_uid;
    bool is_ending;
};

/* launcher.c */
/* 0 when the channel has ended and every box with it; -1 with errno. */
int launch_run(struct launch *l);
void launch_send(const struct launch *l, const void *message, size_t n, const int *fds,
                 size_t n_fds);

/* launcher_dirs.c: -1 with errno. */
/* Makes and locks the directories and removes what an earlier launcher left; logs its failure. */
int launch_dirs_open(struct launch *l);
void launch_dirs_close(struct launch *l);
/* Makes the directories that setup->box needs and puts their paths into setup. */
int launch_dirs_make(const struct launch *l, struct warden_setup *setup);
void launch_dirs_remove(const struct launch *l, uint64_t box);

/* launcher_groups.c */
/* Finds out whether control groups can be had, and begins their pool; why not is logged, and stands
 * in cgroup_text. */
void launch_groups_open(struct launch *l);
void launch_groups_close(struct launch *l);
/* With WALL_CGROUP: takes the groups of setup->box and puts their descriptors into setup, whose
 * they are. -1 with errno; cgroups_give_back is due all the same. */
int launch_groups_take(struct launch *l, struct warden_setup *setup);
/* Sets them all to -1. */
void launch_groups_forget_fds(struct warden_setup *setup);
void launch_groups_close_fds(struct warden_setup *setup);

/* launcher_spawn.c */
/* Starts a warden: its process id, or -1 with errno. All descriptors stay the caller's. */
pid_t launch_spawn(uint64_t namespaces, const struct warden_setup *setup, const void *config);
uint32_t launch_walls_of(uint64_t namespaces);
uint64_t launch_namespaces_of(uint32_t walls);

/* launcher_rights.c: keeps of root's rights what boxes need, for good. -1: logged. */
int launch_give_up_rights(void);

/* launcher_probe.c: finds out, by doing it, what can be built here and what it holds, and puts it
 * into l and *f. -1: no box can be built; why (BOX_TEXT_MAX bytes) says which step failed. */
int launch_probe(struct launch *l, struct guarantee_facts *f, char *why);

/* launcher_report.c */
/* Judges the guarantees, logs them and sends LAUNCH_REPORT. f NULL: the probe failed, with why.
 * -1: they are below what is required, and the launcher has to end. */
int launch_report(const struct launch *l, const struct guarantee_facts *f, const char *why);

/* launcher_trust.c */
/* Reads the trusted keys. -1: one cannot be read, or none is there that is needed (logged). */
int launch_trust_start(struct launch *l);
/*
 * Opens the plugin's file and holds it against the digest it must have and the keys trusted. sha256
 * (BOX_DIGEST_MAX bytes): of the plugin's file, "" if nobody wants to know; source then holds the
 * files themselves, else sealed copies of what was looked at. -1 with errno and why.
 */
int launch_trust(const struct launch *l, const struct launch_start *m, struct plugin_source *source,
                 char *sha256, char *why);

/* launcher_box.c */
/* Answers LAUNCH_START with LAUNCH_STARTED or LAUNCH_FAILED. config_len has been checked. */
void launch_box(struct launch *l, const struct launch_start *m, const char *config);

/* launcher_filters.c */
void launch_filters_init(struct launch_filters *f);
void launch_filters_clear(struct launch_filters *f);
/* The filter for those rights and calls, kept for later boxes. Borrowed; it lives at least until the
 * second call for another one. -1 with errno. */
int launch_filter(struct launch *l, const struct filter_key *key);

/* launcher_inputs.c */
/*
 * Looks at the paths that a box may read (n bytes, each with its NUL) and puts into out (size bytes)
 * each of them with the real path behind it. The length of that; -1 with why
 * (BOX_TEXT_MAX bytes) and errno, 0 if why says it all: one is not there, is no file and no folder,
 * or must not be shown.
 */
ssize_t launch_resolve_inputs(const struct launch *l, const char *paths, size_t n, char *out,
                              size_t size, char *why);

/* launcher_end.c */
/* Watches a warden that runs: LAUNCH_ENDED goes out when it has ended. NULL with errno. */
struct launch_child *launch_watch(struct launch *l, const struct warden_setup *setup, pid_t pid);
struct launch_child *launch_find(const struct launch *l, uint64_t box);
void launch_kill(struct launch_child *c);
/* Whether a live box runs as that user. */
bool launch_has_uid(const struct launch *l, uid_t uid);

#endif
