/* walls_kit.c: the real launcher at the other end of a socket. */
#include "walls_kit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fdutil.h"

enum { PATIENCE_MS = 10000, ARGUMENTS = 32 };

/* We are BUILD/tests/<name>. */
void kit_path(char *out, const char *file)
{
    char self[PATH_MAX];
    const ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    assert_true(n > 0);
    self[n] = '\0';
    for (int i = 0; i < 2; i++)
        *strrchr(self, '/') = '\0';
    assert_true(snprintf(out, PATH_MAX, "%s/%s", self, file) < PATH_MAX);
}

void kit_write(const char *path, const char *text, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
    assert_int_equal(fchmod(fd, mode), 0);
    fd_close(&fd);
}

void kit_copy(const char *from, const char *to, mode_t mode)
{
    struct buf b = BUF_INIT((size_t)64 * 1024 * 1024);
    assert_int_equal(buf_read_file(&b, from), 0);
    int fd = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(fd_write_all(fd, b.data, b.len), 0);
    assert_int_equal(fchmod(fd, mode), 0);
    fd_close(&fd);
    buf_clear(&b);
}

/* A test that failed has left its launcher, and that its wardens; each that dies may hand us
 * another. */
int kit_teardown(void **state)
{
    (void)state;
    for (;;) {
        struct buf b = BUF_INIT(65536);
        const int rc = buf_read_file(&b, "/proc/thread-self/children");
        const pid_t pid = rc == 0 && b.len > 0 ? (pid_t)strtol(buf_cstr(&b), NULL, 10) : 0;
        buf_clear(&b);
        if (pid <= 0)
            return 0;
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
}

/* ---- the launcher ---- */

void kit_need(enum setting setting)
{
    const bool wants_root = setting == AS_ROOT || setting == AS_ROOT_BARE;
    if (wants_root && geteuid() != 0) {
        print_message("skipped: needs root\n");
        skip();
    }
}

static void make_state(struct kit *k, const struct kit_options *o)
{
    const char *tmp = getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp";
    if (o->state != NULL) {
        snprintf(k->state, sizeof k->state, "%s", o->state);
        return;
    }
    snprintf(k->state, sizeof k->state, "%s/state-XXXXXX", tmp);
    assert_non_null(mkdtemp(k->state));
    assert_int_equal(chmod(k->state, 0755), 0);
    if (geteuid() == 0 && (k->setting == AS_USER || k->setting == AS_USER_BARE))
        assert_int_equal(chown(k->state, KIT_USER, KIT_USER), 0);
}

struct command {
    char *argv[ARGUMENTS];
    char texts[ARGUMENTS][PATH_MAX];
    int n;
};

__attribute__((format(printf, 2, 3))) static void add(struct command *c, const char *format, ...)
{
    va_list ap;
    assert_true(c->n < ARGUMENTS - 1);
    va_start(ap, format);
    vsnprintf(c->texts[c->n], sizeof c->texts[c->n], format, ap);
    va_end(ap);
    c->argv[c->n] = c->texts[c->n];
    c->n++;
}

static void fill_command(struct command *c, const struct kit *k, const struct kit_options *o,
                         int channel)
{
    char path[PATH_MAX];
    if (geteuid() == 0 && (k->setting == AS_USER || k->setting == AS_USER_BARE)) {
        add(c, "/usr/bin/setpriv");
        add(c, "--reuid=%d", KIT_USER);
        add(c, "--regid=%d", KIT_USER);
        add(c, "--clear-groups");
        /* Root's rights would else stay in the bounding set, which a user's login does not have. */
        add(c, "--bounding-set=-all");
    }
    if (k->setting == AS_ROOT_BARE || k->setting == AS_USER_BARE) {
        kit_path(path, "tests/no_namespaces");
        add(c, "%s", path);
    }
    kit_path(path, "bin/penstock-launcher");
    add(c, "%s", path);
    add(c, "--channel-fd=%d", channel);
    add(c, "--state-dir=%s", k->state);
    add(c, "--box-uid-base=%d", KIT_UID_BASE);
    add(c, "--log-level=%s", getenv("WALLS_LOG") != NULL ? getenv("WALLS_LOG") : "error");
    if (o->helper != NULL) {
        kit_path(path, o->helper);
        add(c, "--box-helper=%s", path);
    }
    for (int i = 0; i < KIT_ARGS && o->args[i] != NULL; i++)
        add(c, "%s", o->args[i]);
}

/* A build below a folder that only root enters cannot be tried as somebody else. */
static int user_reaches_the_build(void)
{
    char path[PATH_MAX];
    int status = -1;
    kit_path(path, "bin/penstock-launcher");
    const pid_t pid = fork();
    if (pid == 0)
        _exit(setresuid(KIT_USER, KIT_USER, KIT_USER) == 0 && access(path, X_OK) == 0 ? 0 : 1);
    assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
    return status == 0;
}

void kit_start(struct kit *k, enum setting setting, const struct kit_options *options)
{
    static const struct kit_options nothing;
    const struct kit_options *o = options != NULL ? options : &nothing;
    int pair[2];
    if (geteuid() == 0 && (setting == AS_USER || setting == AS_USER_BARE) &&
        !user_reaches_the_build())
        skip();
    *k = (struct kit){.setting = setting};
    kit_need(setting);
    make_state(k, o);
    /* Whatever a dead launcher or warden leaves comes to us, and is seen. */
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1L, 0L, 0L, 0L), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    k->pid = fork();
    assert_true(k->pid >= 0);
    if (k->pid == 0) {
        struct command c = {.n = 0};
        fill_command(&c, k, o, pair[1]);
        fd_set_cloexec(pair[1], 0);
        if (o->fault != NULL)
            setenv("PENSTOCK_FAULT", o->fault, 1);
        if (o->without != NULL)
            setenv("PENSTOCK_WITHOUT", o->without, 1);
        setenv("PENSTOCK_SECRET", "must not reach a box", 1);
        execv(c.argv[0], c.argv);
        _exit(127);
    }
    close(pair[1]);
    k->channel = pair[0];
}

int kit_wait(struct kit *k)
{
    int status = -1, other;
    fd_close(&k->channel);
    assert_int_equal(waitpid(k->pid, &status, 0), k->pid);
    /* A launcher that ends has reaped everything; one that was killed leaves its wardens dying. */
    while (waitpid(-1, &other, 0) > 0)
        continue;
    assert_int_equal(errno, ECHILD);
    return status;
}

int kit_stop(struct kit *k)
{
    const int status = kit_wait(k);
    assert_int_equal(kit_count(k, "boxes"), 0);
    assert_int_equal(kit_count(k, "copies"), 0);
    return status;
}

static int count_entries(const char *path)
{
    DIR *d = opendir(path);
    int n = -2; /* the dots */
    if (d == NULL)
        return -1;
    while (readdir(d) != NULL)
        n++;
    closedir(d);
    return n;
}

int kit_launcher_fds(const struct kit *k)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/fd", k->pid);
    return count_entries(path);
}

int kit_count(const struct kit *k, const char *dir)
{
    char path[PATH_MAX + 64];
    snprintf(path, sizeof path, "%s/%s", k->state, dir);
    return count_entries(path);
}

/* ---- messages ---- */

void kit_spec(struct launch_start *m, uint64_t box, const char *path, enum box_mode mode,
              uint32_t slots)
{
    *m = (struct launch_start){
        .head = {.magic = CHAN_MAGIC, .version = CHAN_VERSION, .type = LAUNCH_START},
        .box = box,
        .mode = mode,
        .slots = slots,
        .limits = {.memory_bytes = 256U << 20,
                   .file_bytes = 16U << 20,
                   .log_bytes = 64U << 10,
                   .load_timeout_ms = 10000,
                   .files = 64,
                   .threads = 16,
                   .dir_files = 10000,
                   .dir_bytes = 64U << 20},
    };
    snprintf(m->slug, sizeof m->slug, "echo");
    snprintf(m->plugin_id, sizeof m->plugin_id, "org.example.echo");
    snprintf(m->plugin_path, sizeof m->plugin_path, "%s", path);
}

void kit_send_start(const struct kit *k, const struct launch_start *m, const char *config)
{
    char bytes[sizeof *m + 1024];
    struct launch_start copy = *m;
    const size_t n = config != NULL ? strlen(config) : 0;
    copy.config_len = (uint32_t)n;
    memcpy(bytes, &copy, sizeof copy);
    memcpy(bytes + sizeof copy, config != NULL ? config : "", n);
    assert_int_equal(fd_send_message(k->channel, bytes, sizeof copy + n, NULL, 0, 0), 0);
}

static ssize_t receive(int fd, union kit_message *m, int *fds, size_t *n_fds)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    if (poll(&p, 1, PATIENCE_MS) != 1)
        fail_msg("no message came");
    memset(m, 0, sizeof *m);
    return fd_recv_message(fd, m, sizeof *m, fds, n_fds, 0);
}

void kit_report(const struct kit *k, struct launch_report *report)
{
    union kit_message m;
    assert_int_equal(receive(k->channel, &m, NULL, NULL), sizeof *report);
    assert_int_equal(m.head.type, LAUNCH_REPORT);
    *report = m.report;
}

int kit_receive(int fd, union kit_message *m, int *fds, size_t *n_fds)
{
    const size_t room = n_fds != NULL ? *n_fds : 0;
    ssize_t n = receive(fd, m, fds, n_fds);
    /* Told by its size: control channels have messages of the same number. */
    if (n == (ssize_t)sizeof m->report) {
        if (n_fds != NULL)
            *n_fds = room;
        n = receive(fd, m, fds, n_fds);
    }
    if (n <= 0)
        return 0;
    assert_int_equal(m->head.magic, CHAN_MAGIC);
    assert_int_equal(m->head.version, CHAN_VERSION);
    return m->head.type;
}

static void explain(int fd, int type, const union kit_message *m)
{
    (void)fd;
    if (type == LAUNCH_FAILED)
        print_message("LAUNCH_FAILED or CONTROL_STOP: %s\n", m->failed.text);
    if (type == CONTROL_ERROR)
        print_message("CONTROL_ERROR: %s: %s\n", m->error.text, strerror(m->error.error));
    if (type == CONTROL_LOAD_FAILED)
        print_message("CONTROL_LOAD_FAILED: %s, why %u, status 0x%x\n", m->load_failed.text,
                      m->load_failed.why, m->load_failed.wait_status);
}

void kit_expect(int fd, int type, union kit_message *m)
{
    const int got = kit_receive(fd, m, NULL, NULL);
    if (got != type)
        explain(fd, got, m);
    assert_int_equal(got, type);
}

void kit_control(const struct kit_box *b, int type, union kit_message *m)
{
    int got;
    do {
        got = kit_receive(b->control, m, NULL, NULL);
    } while (got == CONTROL_LOG && type != CONTROL_LOG);
    if (got != type)
        explain(b->control, got, m);
    assert_int_equal(got, type);
}

void kit_box(const struct kit *k, struct kit_box *b, const struct launch_start *m,
             const char *config)
{
    union kit_message answer;
    int fds[1 + 2 * BOX_SLOTS_MAX];
    size_t n = sizeof fds / sizeof *fds;
    kit_send_start(k, m, config);
    const int type = kit_receive(k->channel, &answer, fds, &n);
    if (type != LAUNCH_STARTED)
        explain(k->channel, type, &answer);
    assert_int_equal(type, LAUNCH_STARTED);
    assert_int_equal(answer.started.box, m->box);
    assert_int_equal(n, 1 + 2 * m->slots);
    *b = (struct kit_box){.number = m->box,
                          .control = fds[0],
                          .slots = m->slots,
                          .warden = answer.started.warden_pid};
    for (uint32_t i = 0; i < m->slots; i++) {
        b->data[i] = fds[1 + 2 * i];
        b->page[i] = fds[2 + 2 * i];
    }
}

int kit_box_ended(const struct kit *k, struct kit_box *b)
{
    union kit_message m;
    kit_expect(k->channel, LAUNCH_ENDED, &m);
    assert_int_equal(m.ended.box, b->number);
    fd_close(&b->control);
    for (uint32_t i = 0; i < b->slots; i++) {
        fd_close(&b->data[i]);
        fd_close(&b->page[i]);
    }
    return m.ended.wait_status;
}

void kit_scan(const struct kit *k, const char *path)
{
    struct kit_box b;
    struct launch_start spec;
    kit_spec(&spec, 1, path, BOX_SCAN, 1);
    kit_box(k, &b, &spec, NULL);
    assert_int_equal(kit_box_ended(k, &b), 0);
}

void kit_tell(const struct kit_box *b, const void *message, size_t n)
{
    assert_int_equal(fd_send_message(b->control, message, n, NULL, 0, 0), 0);
}

void kit_kill_worker(const struct kit_box *b, uint32_t slot, uint64_t generation,
                     enum kill_reason reason)
{
    const struct control_kill m = {
        .head = {.magic = CHAN_MAGIC, .version = CHAN_VERSION, .type = CONTROL_KILL},
        .slot = slot,
        .reason = reason,
        .generation = generation,
    };
    kit_tell(b, &m, sizeof m);
}

int kit_box_stop(const struct kit *k, struct kit_box *b)
{
    const struct control_stop m = {
        .head = {.magic = CHAN_MAGIC, .version = CHAN_VERSION, .type = CONTROL_STOP}};
    kit_tell(b, &m, sizeof m);
    for (uint32_t i = 0; i < b->slots; i++)
        shutdown(b->data[i], SHUT_WR);
    return kit_box_ended(k, b);
}
