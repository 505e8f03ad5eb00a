/* supervisor_status.c: what the core tells the supervisor, and what follows. Runs in penstockd. */
#include "supervisor/supervisor_internal.h"

#include <errno.h>
#include <string.h>
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

static struct conf *load(struct supervisor *s)
{
    struct conf_errors errors = {0};
    struct conf_list names = {.n = 0};
    struct conf *conf = conf_load(s->request, &errors);
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

/* The core has checked it; if it is wrong all the same, it has changed since. */
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
}

/* ---- the pipe
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
