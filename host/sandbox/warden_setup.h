#ifndef PENSTOCK_SANDBOX_WARDEN_SETUP_H
#define PENSTOCK_SANDBOX_WARDEN_SETUP_H

/*
 * warden_setup.h: what the launcher tells a warden: a memfd with this struct, then config_len bytes
 * of the plugin's configuration and inputs_len bytes of paths. Descriptors are named by their
 * numbers: the launcher keeps them open over the exec.
 */

#include <limits.h>
#include <stdint.h>
#include <sys/types.h>

#include "sandbox/cgroup.h"
#include "sandbox/chan.h"
#include "sandbox/plugin_file.h"

#define WARDEN_MAGIC 0x504e5741u
enum { WARDEN_VERSION = 4, WARDEN_INPUTS_MAX = 2 * BOX_INPUTS_MAX };

/* Besides enum box_mode: no plugin; every wall is built, and what cannot be built is told; then what
 * holds is tried (warden_probe.c). */
enum { WARDEN_PROBE = 100 };

/* Control groups: one a slot, and one for the process that forks tasks. */
enum { WARDEN_GROUP_ZYGOTE = BOX_SLOTS_MAX, WARDEN_GROUPS };

/* With WARDEN_PROBE: what lies outside the box, for the attacks of the probe. */
struct probe_targets {
    uint64_t root_dev, root_ino; /* of the host's root directory */
    int32_t launcher_pid;
    uint32_t port;         /* where the launcher listens on 127.0.0.1; 0: nowhere */
    char canary[PATH_MAX]; /* a file of the host that everybody may read */
};

struct warden_setup {
    uint32_t magic, version;
    uint64_t box;
    uint32_t mode; /* enum box_mode, or WARDEN_PROBE */
    uint32_t slots;
    uint32_t rights; /* enum box_rights */
    uint32_t walls;  /* enum wall: those to build, namespaces that stand already among them */
    uint32_t landlock_abi;
    uint32_t config_len;
    uint32_t inputs_len; /* pairs: the declared path, and the real one without links; behind the
                            configuration in the file */
    uint32_t flags;      /* enum launch_flags */
    uint32_t n_ports;
    uint16_t ports[BOX_PORTS_MAX];
    uint64_t extra_calls;
    int32_t log_level, log_format;
    uid_t uid; /* with WALL_OWN_UID: of the box, user and group */
    struct box_limits limits;
    int32_t control_fd;
    int32_t helper_fd;     /* penstock-box itself, O_PATH */
    int32_t filter_fds[2]; /* enum filter_kind */
    int32_t data_fds[BOX_SLOTS_MAX];
    int32_t page_fds[BOX_SLOTS_MAX];
    uint32_t tasks_join; /* tasks go into their slot's group themselves */
    int32_t group_fds[WARDEN_GROUPS][CGROUP_FILES]; /* with WALL_CGROUP; -1: none */
    char slug[BOX_SLUG_MAX];
    char plugin_id[BOX_ID_MAX];
    char box_dir[PATH_MAX];  /* the slots' task directories, on the host */
    char copy_dir[PATH_MAX]; /* for the plugin's copy where the box has no root of its own */
    struct plugin_source plugin;
    struct probe_targets targets;
};

#endif
