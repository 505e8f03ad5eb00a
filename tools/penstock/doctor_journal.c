/* doctor_journal.c: the journal, as penstock-journal tells of it. Part of the command line. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "doctor.h"
#include "human.h"
#include "journal.h"
#include "local.h"
#include "view.h"

#include "base/buf.h"
#include "base/fdutil.h"
#include "base/json.h"
#include "base/text.h"
#include "conf/conf.h"

extern char **environ;

enum { ANSWER_MAX = 65536 };

/* One pipe for both: what it prints is its answer, or why there is none. */
static int spawn(const char *dir, int out, pid_t *pid)
{
    char program[PATH_MAX];
    const char *argv[] = {"penstock-journal", "--json", "--", "status", dir, NULL};
    posix_spawn_file_actions_t actions;
    if (local_program(argv[0], program, sizeof program) < 0)
        return ENOENT;
    posix_spawn_file_actions_init(&actions);
    int error = posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    if (error == 0)
        error = posix_spawn_file_actions_adddup2(&actions, out, STDERR_FILENO);
    if (error == 0)
        error = posix_spawn(pid, program, &actions, NULL, (char *const *)argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

/* Its exit status, or -1: it could not be started. */
static int ask(const char *dir, struct buf *answer)
{
    int ends[2], status = 0;
    pid_t pid;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -1;
    int error = spawn(dir, ends[1], &pid);
    fd_close(&ends[1]);
    while (error == 0 && buf_read(answer, ends[0], ANSWER_MAX) > 0)
        ;
    fd_close(&ends[0]);
    if (error != 0 || waitpid(pid, &status, 0) < 0)
        return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void tell_failure(struct doctor *d, struct buf *answer)
{
    static const char prefix[] = "penstock: ";
    const char *text = answer->len > 0 ? buf_cstr(answer) : "penstock-journal cannot be started";
    size_t skip = strncmp(text, prefix, strlen(prefix)) == 0 ? strlen(prefix) : 0;
    finding(d, FINDING_WARN, "journal", "run penstock doctor as the user of the host, or as root",
            "%.*s", (int)strcspn(text + skip, "\n"), text + skip);
}

static void tell_version(struct doctor *d, const struct json_doc *doc)
{
    long long version = view_int(doc, 0, "version", 0),
              known = view_int(doc, 0, "known_version", 0);
    if (version > known)
        finding(d, FINDING_FAIL, "journal", "use the newer penstock, or put an older backup back",
                "its version is %lld, this penstock knows %lld", version, known);
    else if (version < known)
        finding(d, FINDING_OK, "journal", NULL,
                "version %lld; the host makes it %lld when it starts, and keeps a copy", version,
                known);
}

/* As the core decides whether it takes new tasks. */
static void tell_room(struct doctor *d, const struct json_doc *doc)
{
    int64_t left = view_int(doc, 0, "free_bytes", 0),
            ballast = view_int(doc, 0, "ballast_bytes", 0);
    int64_t wanted = d->host->journal_reserve_bytes + d->host->journal_ballast_bytes - ballast;
    char left_text[HUMAN_TEXT], wanted_text[HUMAN_TEXT], ballast_text[HUMAN_TEXT];
    human_size(left, left_text);
    human_size(wanted, wanted_text);
    human_size(ballast, ballast_text);
    if (left < wanted)
        finding(d, FINDING_FAIL, "journal room",
                "make room there, or lower host.journal_reserve: the host takes durable tasks again"
                " by itself",
                "%s are left in %s, %s are wanted: no durable task is taken", left_text,
                d->host->state_dir, wanted_text);
    else
        finding(d, FINDING_OK, "journal room", NULL, "%s are left, %s are wanted; ballast %s",
                left_text, wanted_text, ballast_text);
}

static void tell_tasks(struct doctor *d, const struct json_doc *doc, const char *dir)
{
    char file[HUMAN_TEXT], spool[HUMAN_TEXT], kept[32];
    uint32_t tasks = view_object(doc, 0, "tasks");
    human_size(view_int(doc, 0, "file_bytes", 0) + view_int(doc, 0, "wal_bytes", 0), file);
    human_size(view_int(doc, 0, "spool_bytes", 0), spool);
    text_format_duration(d->host->result_retention_ms, kept);
    finding(d, FINDING_OK, "journal", NULL,
            "%s: %lld open, %lld unacknowledged, %lld dead letters, %lld that are over; %s, and %s"
            " in files beside it; results are kept for %s",
            dir, (long long)view_int(doc, tasks, "open", 0),
            (long long)view_int(doc, tasks, "unacknowledged", 0),
            (long long)view_int(doc, tasks, "dead", 0),
            (long long)view_int(doc, tasks, "closed", 0), file, spool, kept);
}

void doctor_journal(struct doctor *d)
{
    char dir[PATH_MAX];
    struct buf answer = BUF_INIT(ANSWER_MAX);
    struct json_doc doc = JSON_DOC_INIT;
    struct json_fault fault;
    journal_dir(d->host, dir, sizeof dir);
    if (access(dir, F_OK) < 0 && errno == ENOENT) {
        finding(d, FINDING_OK, "journal", NULL, "%s is not there yet; the host makes it", dir);
        return;
    }
    int status = ask(dir, &answer);
    if (status == 0 && json_scan(&doc, (const char *)answer.data, answer.len, &fault) == 0) {
        tell_version(d, &doc);
        tell_tasks(d, &doc, dir);
        tell_room(d, &doc);
    } else {
        tell_failure(d, &answer);
    }
    json_doc_clear(&doc);
    buf_clear(&answer);
}
