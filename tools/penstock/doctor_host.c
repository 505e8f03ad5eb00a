/* doctor_host.c: folders, sockets and limits of the host. Part of the command line. */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "cli.h"
#include "doctor.h"
#include "endpoint.h"
#include "human.h"
#include "session.h"
#include "view.h"

#include "conf/conf.h"
#include "conf/users.h"

#define START_IT "start the host: penstockd"

enum { OTHERS_MAY_WRITE = 0022, FILES_WANTED = 1024, DISK_LOW_PERCENT = 5 };

/* ---- folders
 * -------------------------------------------------------------------------------------- */

static int is_missing(struct doctor *d, const char *name, const char *path, const struct stat *st,
                      int rc)
{
    if (rc < 0 && errno == ENOENT) {
        finding(d, FINDING_OK, name, NULL, "%s is not there yet; penstockd makes it", path);
        return 1;
    }
    if (rc < 0)
        finding(d, FINDING_WARN, name, "run penstock doctor as the user of the host",
                "%s cannot be looked at: %s", path, strerror(errno));
    else if (!S_ISDIR(st->st_mode))
        finding(d, FINDING_FAIL, name, "move it away", "%s is no folder", path);
    return rc < 0 || !S_ISDIR(st->st_mode);
}

static void check_dir(struct doctor *d, const char *name, const char *path)
{
    struct stat st;
    if (is_missing(d, name, path, &st, stat(path, &st)))
        return;
    unsigned mode = st.st_mode & 07777;
    if ((mode & OTHERS_MAY_WRITE) != 0)
        finding(d, FINDING_FAIL, name, "chmod go-w takes the right away",
                "%s can be written by others (mode %04o)", path, mode);
    else if (st.st_uid != geteuid() && geteuid() != 0)
        finding(d, FINDING_WARN, name, "run penstock doctor as that user", "%s belongs to uid %u",
                path, st.st_uid);
    else if (access(path, W_OK | X_OK) < 0)
        finding(d, FINDING_FAIL, name, "chown it to the user of the host",
                "%s cannot be written: %s", path, strerror(errno));
    else
        finding(d, FINDING_OK, name, NULL, "%s is writable and private (mode %04o)", path, mode);
}

static void check_disk(struct doctor *d)
{
    struct statvfs v;
    char left[HUMAN_TEXT];
    if (statvfs(d->host->state_dir, &v) < 0 || v.f_blocks == 0)
        return;
    human_size((int64_t)v.f_bavail * (int64_t)v.f_frsize, left);
    int is_low = v.f_bavail * 100 / v.f_blocks < DISK_LOW_PERCENT;
    finding(d, is_low ? FINDING_WARN : FINDING_OK, "disk",
            "make room: tasks write their files there", "%s left in %s", left, d->host->state_dir);
}

static void check_plugin_dirs(struct doctor *d)
{
    size_t n_there = 0;
    for (size_t i = 0; i < d->host->plugin_dirs.n; i++) {
        const char *path = d->host->plugin_dirs.items[i];
        struct stat st;
        if (stat(path, &st) < 0)
            continue;
        n_there++;
        int is_open = (st.st_mode & OTHERS_MAY_WRITE) != 0 && (st.st_mode & S_ISVTX) == 0;
        finding(d, is_open ? FINDING_FAIL : FINDING_OK, "plugin folder",
                "chmod go-w takes the right away", "%s%s", path,
                is_open ? " can be written by others, who could put plugins there" : "");
    }
    if (n_there == 0)
        finding(d, FINDING_WARN, "plugin folder", "make one, or set host.plugin_dirs",
                "none of the plugin_dirs is there");
}

/* ---- sockets
 * -------------------------------------------------------------------------------------- */

static void check_socket(struct doctor *d, const char *name, const char *path, unsigned most)
{
    struct stat st;
    char endpoint[256];
    if (lstat(path, &st) < 0) {
        finding(d, FINDING_WARN, name, START_IT, "%s: %s", path, strerror(errno));
        return;
    }
    unsigned mode = st.st_mode & 0777;
    snprintf(endpoint, sizeof endpoint, "ipc://%s", path);
    int error = endpoint_probe(endpoint);
    if (!S_ISSOCK(st.st_mode))
        finding(d, FINDING_FAIL, name, "move it away", "%s is no socket", path);
    else if ((mode & ~most) != 0)
        finding(d, FINDING_FAIL, name, "restart the host; it sets the mode",
                "%s has mode %04o, at most %04o is right", path, mode, most);
    else if (error == EACCES)
        finding(d, FINDING_OK, name, NULL, "%s (mode %04o), not for this user", path, mode);
    else if (error != 0)
        finding(d, FINDING_WARN, name, START_IT, "nobody listens at %s", path);
    else
        finding(d, FINDING_OK, name, NULL, "%s listens (mode %04o)", path, mode);
}

static void check_sockets(struct doctor *d)
{
    const struct conf_host *h = d->host;
    if (access(h->tasks_socket, F_OK) < 0 && access(h->control_socket, F_OK) < 0 &&
        errno == ENOENT) {
        finding(d, FINDING_WARN, "sockets", START_IT, "the host does not run: no sockets in %s",
                h->runtime_dir);
        return;
    }
    check_socket(d, "task socket", h->tasks_socket, 0660);
    check_socket(d, "control socket", h->control_socket, 0600);
}

static int hosts_listen(const struct doctor *d)
{
    char *endpoint = endpoint_choose(d->cli);
    int is_there = endpoint != NULL && endpoint_probe(endpoint) == 0;
    free(endpoint);
    return is_there;
}

/* What the host itself says of where it keeps tasks: its state_dir may be another than the one of the
 * configuration that is read here. */
static void tell_journal(struct doctor *d, const struct json_doc *doc)
{
    char why[256], folder[1024], room[HUMAN_TEXT], history[HUMAN_TEXT], results[HUMAN_TEXT];
    const uint32_t journal = view_object(doc, 0, "journal"), r = view_object(doc, 0, "retention");
    if (journal == 0)
        return;
    view_copy(doc, 0, "state_dir", folder, sizeof folder);
    human_size(view_int(doc, journal, "free_bytes", 0), room);
    human_age(view_int(doc, r, "history_ms", 0), history);
    human_age(view_int(doc, r, "result_ms", 0), results);
    if (view_bool(doc, journal, "takes", 1))
        finding(d, FINDING_OK, "tasks kept", NULL,
                "%s%s%s free; results wait %s, history %s or %lld tasks", folder,
                folder[0] != '\0' ? ": " : "", room, results, history,
                (long long)view_int(doc, r, "history_max", 0));
    else
        finding(d, FINDING_FAIL, "tasks kept", "make room in the state folder, or mend its disk",
                "the host takes no durable task: %s",
                view_copy(doc, journal, "why", why, sizeof why));
}

static void check_running_host(struct doctor *d)
{
    struct answer a;
    char version[64];
    if (!hosts_listen(d))
        return;
    int status = session_ask_once(d->cli, WIRE_STATS, NULL, &a);
    if (status != CLI_OK) {
        finding(d, FINDING_FAIL, "host", "look into its log",
                "the host listens but does not answer");
    } else {
        view_copy(&a.doc, 0, "version", version, sizeof version);
        int is_same = strcmp(version, PENSTOCK_VERSION) == 0;
        finding(d, is_same ? FINDING_OK : FINDING_WARN, "host", "restart the host after an update",
                "version %s, %lld running, %lld queued%s", version,
                (long long)view_int(&a.doc, view_object(&a.doc, 0, "capacity"), "running", 0),
                (long long)view_int(&a.doc, view_object(&a.doc, 0, "capacity"), "queued", 0),
                view_bool(&a.doc, 0, "draining", 0) ? ", draining" : "");
        tell_journal(d, &a.doc);
    }
    answer_clear(&a);
}

static void check_limits(struct doctor *d)
{
    struct rlimit r;
    if (getrlimit(RLIMIT_NOFILE, &r) < 0)
        return;
    int is_low = r.rlim_max < FILES_WANTED;
    finding(d, is_low ? FINDING_WARN : FINDING_OK, "open files",
            "raise LimitNOFILE= in the unit, or ulimit -Hn", "at most %llu",
            (unsigned long long)r.rlim_max);
}

/* The name of a user with such a number, owned by libc; NULL: there is none. */
static const char *find_user(uid_t first, uid_t last)
{
    const struct passwd *p;
    setpwent();
    do {
        p = getpwent();
    } while (p != NULL && (p->pw_uid < first || p->pw_uid > last));
    endpwent();
    return p != NULL ? p->pw_name : NULL;
}

/* As root each role and each box has a number that must be nobody else's. */
static void check_users(struct doctor *d)
{
    const size_t n = conf_shim_count(d->conf);
    const uid_t core = users_core(d->host);
    const uid_t first = n > 0 ? users_shim(d->conf, conf_shim_at(d->conf, n - 1)) : core;
    const uid_t last = users_last_box(d->host);
    if (geteuid() != 0)
        return;
    const char *other = find_user(first, last);
    if (other != NULL)
        finding(d, FINDING_FAIL, "users", "set host.box_uid_base to a range that nobody has",
                "%u to %u are the host's, and one of them is %s's", first, last, other);
    else
        finding(d, FINDING_OK, "users", NULL, "shims and core %u to %u, boxes %u to %u", first,
                core, core + 1, last);
}

void doctor_host(struct doctor *d)
{
    check_dir(d, "runtime folder", d->host->runtime_dir);
    check_dir(d, "state folder", d->host->state_dir);
    check_disk(d);
    check_plugin_dirs(d);
    check_sockets(d);
    check_running_host(d);
    check_limits(d);
    check_users(d);
}
