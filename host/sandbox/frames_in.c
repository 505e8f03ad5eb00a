/* frames_in.c: finds a worker's task in the stream from the core. Runs in tasks and warm workers.
 */
#include "sandbox/frames_in.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fdutil.h"

enum {
    JUDGED = sizeof(struct data_head) + sizeof(struct data_task),
    LARGE_KEPT_MAX = 4 * 1024 * 1024 /* mapping it anew costs more than reading into it */
};

_Static_assert((offsetof(struct frames_in, room) + sizeof(struct data_head)) % DATA_ALIGN == 0,
               "payloads in the room are aligned");
_Static_assert(sizeof(struct data_head) == 24, "see the comment in frames_in.h");

void frames_in_init(struct frames_in *in, int fd)
{
    in->fd = fd;
    in->len = in->used = 0;
    in->large = NULL;
    in->large_cap = 0;
    in->is_in_step = false;
}

void frames_in_release(struct frames_in *in)
{
    if (in->large_cap <= LARGE_KEPT_MAX)
        return;
    free(in->large);
    in->large = NULL;
    in->large_cap = 0;
}

bool frames_in_is_ready(const struct frames_in *in)
{
    struct data_head head;
    if (in->len - in->used < sizeof head)
        return false;
    memcpy(&head, in->room + in->used, sizeof head);
    return head.len <= in->len - in->used - sizeof head;
}

static void drop(struct frames_in *in, size_t n)
{
    const size_t left = in->len - n;
    if (left > 0 && left < in->len)
        memmove(in->room, in->room + in->len - left, left);
    in->len = left;
}

/* One read into the room: 1, 0 at the end, -1. */
static int fill(struct frames_in *in)
{
    ssize_t n;
    do {
        n = read(in->fd, in->room + in->len, FRAMES_IN_ROOM - in->len);
    } while (n < 0 && errno == EINTR);
    if (n <= 0)
        return (int)n;
    in->len += (size_t)n;
    return 1;
}

/* Whether that is the first task of this worker, as the slot page announces it. The page may still
 * tell of the last worker's. */
static bool is_announced(const struct slot_page *page, uint64_t generation, uint64_t nonce)
{
    return atomic_load(&page->generation) == generation && atomic_load(&page->task_nonce) == nonce;
}

/* Whether the room begins with a task that is meant for this worker. */
static bool is_ours(const struct frames_in *in, const struct slot_page *page, uint64_t generation,
                    struct data_head *head)
{
    struct data_task task;
    memcpy(head, in->room, sizeof *head);
    memcpy(&task, in->room + sizeof *head, sizeof task);
    return head->magic == DATA_MAGIC && head->type == DATA_TASK && task.generation == generation &&
           (in->is_in_step || is_announced(page, generation, head->nonce)) &&
           head->len >= sizeof task && head->len <= SIZE_MAX / 2;
}

/* Drops bytes up to the next place where a frame may begin. */
static void skip(struct frames_in *in)
{
    const uint32_t magic = DATA_MAGIC;
    const unsigned char *at = memmem(in->room + 1, in->len - 1, &magic, sizeof magic);
    drop(in, at != NULL ? (size_t)(at - in->room) : in->len - (sizeof magic - 1));
}

static int find_head(struct frames_in *in, const struct slot_page *page, uint64_t generation,
                     struct data_head *head)
{
    for (;;) {
        while (in->len < JUDGED) {
            int rc = fill(in);
            if (rc <= 0)
                return rc;
        }
        if (is_ours(in, page, generation, head)) {
            in->is_in_step = true;
            return 1;
        }
        if (in->is_in_step) {
            errno = EPROTO;
            return -1;
        }
        skip(in);
    }
}

static int read_small(struct frames_in *in, struct task_frame *task)
{
    while (in->len < sizeof(struct data_head) + task->len) {
        int rc = fill(in);
        if (rc <= 0)
            return rc;
    }
    in->used = sizeof(struct data_head) + task->len;
    task->payload = in->room + sizeof(struct data_head);
    return 1;
}

static int make_large(struct frames_in *in, size_t n)
{
    if (in->large_cap >= n)
        return 0;
    free(in->large);
    in->large = malloc(n);
    in->large_cap = in->large != NULL ? n : 0;
    return in->large != NULL ? 0 : -1;
}

static int read_large(struct frames_in *in, struct task_frame *task)
{
    size_t have = in->len - sizeof(struct data_head);
    if (make_large(in, task->len) < 0)
        return -1;
    memcpy(in->large, in->room + sizeof(struct data_head), have);
    in->used = in->len;
    task->payload = in->large;
    if (fd_read_all(in->fd, in->large + have, task->len - have) < 0)
        return errno == 0 ? 0 : -1;
    return 1;
}

int frames_in_next(struct frames_in *in, const struct slot_page *page, uint64_t generation,
                   struct task_frame *task)
{
    struct data_head head;
    frames_in_release(in);
    drop(in, in->used);
    in->used = 0;
    int rc = find_head(in, page, generation, &head);
    if (rc <= 0)
        return rc;
    task->nonce = head.nonce;
    task->len = (size_t)head.len;
    return sizeof head + task->len <= FRAMES_IN_ROOM ? read_small(in, task) : read_large(in, task);
}
