/* reload_source.c: where a reload's configuration comes from. The supervisor reads the files, because
 * they may be root's alone, and hands them over; a core without one reads them itself. Runs in the
 * core. */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fdutil.h"
#include "base/log.h"
#include "conf/bundle.h"
#include "core/reload_internal.h"
#include "loop/loop.h"

enum { WORD_BYTES = 16, CHUNK_BYTES = 65536 };

int reload_read_bundle(struct buf *b, int fd)
{
    char chunk[CHUNK_BYTES];
    ssize_t n;
    buf_reset(b);
    for (off_t at = 0; (n = pread(fd, chunk, sizeof chunk, at)) > 0; at += n) {
        if (buf_append(b, chunk, (size_t)n) < 0)
            return -1;
    }
    return n == 0 ? 0 : -1;
}

static void take(struct reload *r, int fd)
{
    if (reload_read_bundle(&r->bundle, fd) < 0)
        log_error("the configuration that was handed over cannot be read", LE(errno));
    r->n_asked -= r->n_asked > 0;
    reload_all_now(r->core);
}

static void on_message(void *arg, uint32_t events)
{
    struct reload *r = arg;
    char word[WORD_BYTES];
    int fd = -1;
    size_t n_fds = 1;
    (void)events;
    const ssize_t n =
        fd_recv_message(r->core->status_fd, word, sizeof word, &fd, &n_fds, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
        loop_io_del(r->io); /* the supervisor has gone, and so shall we */
        r->io = NULL;
    } else if (n > 0 && n_fds == 1) {
        take(r, fd);
    }
    if (n_fds == 1)
        fd_close(&fd);
}

int reload_listen(struct reload *r)
{
    buf_init(&r->bundle, BUNDLE_MAX);
    if (r->core->status_fd < 0)
        return 0;
    r->io = loop_io_add(r->core->loop, r->core->status_fd, EPOLLIN, on_message, r);
    return r->io != NULL ? 0 : -1;
}

void reload_unlisten(struct reload *r)
{
    loop_io_del(r->io);
    r->io = NULL;
    buf_clear(&r->bundle);
}

void reload_fetch(struct reload *r)
{
    if (r->io == NULL)
        return;
    r->n_asked++;
    core_tell_status(r->core, "read\n");
}

struct conf *reload_load(struct reload *r, struct conf_errors *errors)
{
    struct conf_request request = *r->core->request;
    if (r->io != NULL) {
        request.bundle = r->bundle.len > 0 ? (const char *)r->bundle.data : "";
        request.bundle_len = r->bundle.len;
    }
    return conf_load(&request, errors);
}
