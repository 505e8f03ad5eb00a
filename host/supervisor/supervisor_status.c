/* supervisor_status.c: what the core tells the supervisor, and what follows. Runs in penstockd. */
#include "supervisor/supervisor_internal.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fdutil.h"
#include "base/log.h"
#include "conf/changes.h"
#include "conf/conf.h"
#include "loop/loop.h"
#include "supervisor/notify.h"
#include "supervisor/shims.h"

/* ---- another configuration
 * ------------------------------------------------------------------------ */

/* What is wrong with them the core tells. */
void supervisor_read(struct supervisor *s)
{
    struct conf_errors errors = {0};
    struct conf_request r = *s->request;
    buf_reset(&s->bundle);
    r.capture = &s->bundle;
    conf_free(conf_load(&r, &errors));
    conf_errors_clear(&errors);
}

int supervisor_memory_file(const struct buf *b)
{
    int fd = memfd_create("penstock-conf", MFD_CLOEXEC);
    if (fd >= 0 && fd_write_all(fd, b->data, b->len) < 0)
        fd_close(&fd);
    return fd;
}

static int send_bundle(struct supervisor *s)
{
    int fd = supervisor_memory_file(&s->bundle);
    int rc = fd >= 0 ? fd_send_message(s->status_fd, "conf", 4, &fd, 1, MSG_DONTWAIT) : -1;
    fd_close(&fd);
    return rc;
}

int supervisor_hand_over(struct supervisor *s)
{
    if (send_bundle(s) == 0)
        return 0;
    log_error("the configuration cannot be handed to the core", LE(errno));
    return -1;
}

static struct conf *load(struct supervisor *s)
{
    struct conf_errors errors = {0};
    struct conf_list names = {.n = 0};
    struct conf_request r = *s->request;
    r.bundle = s->bundle.len > 0 ? (const char *)s->bundle.data : "";
    r.bundle_len = s->bundle.len;
    struct conf *conf = conf_load(&r, &errors);
    for (size_t i = 0; i < errors.n; i++)
        log_error("configuration is wrong", LS("where", errors.items[i].where),
                  LS("what", errors.items[i].what));
    conf_errors_clear(&errors);
    if (conf != NULL && conf_keep_fixed(conf, s->conf, &names) < 0) {
        conf_free(conf);
        conf = NULL;
    }
    conf_list_clear(&names);
    return conf;
}

/* The core has checked it; if it is wrong all the same, it was read once more since. */
void supervisor_configure(struct supervisor *s)
{
    struct conf *before = s->conf, *conf = load(s);
    if (conf == NULL)
        return;
    s->conf = conf;
    s->host = conf_host(conf);
    log_set_level((enum log_level)s->host->log_level);
    if (shims_settle(s->shims, conf, before) < 0)
        log_error("not all shims of the configuration could be made");
    conf_free(before);
    buf_reset(&s->in_force);
    if (s->bundle.len > 0 && buf_append(&s->in_force, s->bundle.data, s->bundle.len) < 0)
        log_error("no memory to keep the configuration for another start of the core");
}

/* ---- the channel
 * --------------------------------------------------------------------------------------- */

void supervisor_drop_status(struct supervisor *s)
{
    loop_io_del(s->status);
    s->status = NULL;
    fd_close(&s->status_fd);
    s->line_len = 0;
}

static void on_ready(struct supervisor *s)
{
    s->has_served = true;
    s->failed_starts = 0;
    shims_start(s->shims);
    notify_manager("READY=1");
    log_info("host is ready");
    if (s->ready_fd >= 0 && fd_write_all(s->ready_fd, "ready\n", 6) < 0)
        log_warn("readiness cannot be told", LE(errno));
    fd_close(&s->ready_fd);
}

static void on_reloaded(struct supervisor *s)
{
    supervisor_configure(s);
    notify_manager("READY=1\nSTATUS=reloaded");
}

static void on_reload_refused(struct supervisor *s)
{
    (void)s;
    notify_manager("READY=1\nSTATUS=the new configuration is wrong: the old one stays");
}

static void on_asked_to_read(struct supervisor *s)
{
    supervisor_read(s);
    supervisor_hand_over(s);
}

static void on_plugins_changed(struct supervisor *s)
{
    shims_refresh(s->shims);
}

static const struct {
    const char *line;
    void (*fn)(struct supervisor *s);
} words[] = {
    {"ready", on_ready},
    {"reloaded", on_reloaded},
    {"refused", on_reload_refused},
    {"plugins", on_plugins_changed},
    {"read", on_asked_to_read},
};

static void take_line(struct supervisor *s)
{
    s->line[s->line_len] = '\0';
    s->line_len = 0;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcmp(s->line, words[i].line) == 0 && !s->is_stopping)
            words[i].fn(s);
    }
}

static void on_status(void *arg, uint32_t events)
{
    struct supervisor *s = arg;
    char bytes[256];
    (void)events;
    const ssize_t n = read(s->status_fd, bytes, sizeof bytes);
    if (n <= 0) {
        supervisor_drop_status(s);
        return;
    }
    for (ssize_t i = 0; i < n; i++) {
        if (bytes[i] == '\n')
            take_line(s);
        else if (s->line_len + 1 < sizeof s->line)
            s->line[s->line_len++] = bytes[i];
    }
}

int supervisor_watch_status(struct supervisor *s, int fd)
{
    s->status_fd = fd;
    s->status = loop_io_add(s->loop, fd, EPOLLIN, on_status, s);
    return s->status != NULL ? 0 : -1;
}
