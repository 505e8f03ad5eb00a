#ifndef PENSTOCK_BASE_FDUTIL_H
#define PENSTOCK_BASE_FDUTIL_H

/* fdutil.h: descriptors: close, whole writes, messages with descriptors over a unix socket. */

#include <stddef.h>
#include <sys/types.h>

/* Closes *fd if it is open and sets it to -1; errno is kept. */
void fd_close(int *fd);
int fd_set_nonblock(int fd, int on);
int fd_set_cloexec(int fd, int on);
/* Writes everything to a blocking descriptor; no SIGPIPE on sockets. -1 with errno. */
int fd_write_all(int fd, const void *bytes, size_t n);
/* Reads exactly n bytes from a blocking descriptor; 0, or -1 (errno 0: it ended early). */
int fd_read_all(int fd, void *bytes, size_t n);
/* Makes names in the folder of this path durable: a file that was synced is found after a power failure only if its name
 * was too. -1 with errno. */
int fd_sync_folder_of(const char *path);
/* Number of open descriptors of this process, -1 without /proc. */
int fd_count(void);

enum { FD_PASS_MAX = 250 }; /* the kernel's SCM_MAX_FD is 253 */

/* One SEQPACKET message with n_fds descriptors (copies travel, the caller's stay open). 0, or -1
 * with errno. */
int fd_send_message(int sock, const void *bytes, size_t n, const int *fds, size_t n_fds, int flags);
/*
 * Receives one message: its length (0: peer closed), or -1 with errno; EMSGSIZE if it was longer
 * than n. Descriptors arrive CLOEXEC in fds, *n_fds is room before and count after; those without
 * room are closed.
 */
ssize_t fd_recv_message(int sock, void *bytes, size_t n, int *fds, size_t *n_fds, int flags);

#endif
