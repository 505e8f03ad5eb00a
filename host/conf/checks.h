#ifndef PENSTOCK_CONF_CHECKS_H
#define PENSTOCK_CONF_CHECKS_H

/* checks.h: what single options ask of their text beyond the type. Each is an option_check
 * (option.h). Pure.
 */

#include <stdbool.h>

struct buf;

/* "127.0.0.1:PORT" or "[::1]:PORT": an address in digits, PORT 0 to 65535. */
int check_tcp(const char *text, struct buf *why);
/* Whether such an address is reached from this machine only. */
bool tcp_is_loopback(const char *address);
/* http:// or https:// with a host; no user and password, no query, no fragment. */
int check_url(const char *text, struct buf *why);
/* One JSON object, at most 64 KiB. */
int check_json_object(const char *text, struct buf *why);
/* 64 small hex digits. */
int check_sha256(const char *text, struct buf *why);
/* What orchestrators accept: [A-Za-z0-9_-], at most 63. */
int check_worker_id(const char *text, struct buf *why);
/* A path that fits into a socket's address: 107 bytes. */
int check_socket(const char *text, struct buf *why);
/* The name of a guarantee (enum guarantee of sandbox/chan.h). */
int check_guarantee(const char *text, struct buf *why);
/* "auto", "off" or an absolute path. */
int check_cgroup(const char *text, struct buf *why);
/* 0 to 65535. */
int check_port(const char *text, struct buf *why);
/* A system call of extra_calls.h. */
int check_extra_call(const char *text, struct buf *why);
/* The code of a failure that can be tried again. */
int check_retry_code(const char *text, struct buf *why);
/* Printable ASCII without spaces: it becomes an HTTP header. */
int check_token(const char *text, struct buf *why);

#endif
