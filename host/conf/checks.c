/* checks.c: checks of single options. Runs in every program that loads the configuration. */
#include "conf/checks.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdint.h>
#include <string.h>
#include <sys/un.h>

#include "base/buf.h"
#include "base/codes.h"
#include "base/json.h"
#include "base/text.h"
#include "conf/extra_calls.h"
#include "conf/option.h"

enum { JSON_MAX = 64 * 1024 /* a box takes no longer configuration */, WORKER_ID_MAX = 63 };

static int expect(struct buf *why, const char *what)
{
    buf_printf(why, "expected %s", what);
    return -1;
}

static const char *behind(const char *text, const char *start)
{
    size_t n = strlen(start);
    return strncmp(text, start, n) == 0 ? text + n : NULL;
}

/* The address before the last ':', without the brackets of IPv6. */
static bool is_address(const char *text, size_t n)
{
    char copy[INET6_ADDRSTRLEN];
    unsigned char bytes[sizeof(struct in6_addr)];
    const bool has_brackets = n > 2 && text[0] == '[' && text[n - 1] == ']';
    if (has_brackets) {
        text++;
        n -= 2;
    }
    if (n >= sizeof copy)
        return false;
    memcpy(copy, text, n);
    copy[n] = '\0';
    return inet_pton(has_brackets ? AF_INET6 : AF_INET, copy, bytes) == 1;
}

int check_tcp(const char *text, struct buf *why)
{
    int64_t port;
    const char *colon = strrchr(text, ':');
    if (colon != NULL && is_address(text, (size_t)(colon - text)) &&
        isdigit((unsigned char)colon[1]) && text_parse_i64(colon + 1, &port) == 0 && port <= 65535)
        return 0;
    return expect(why, "an address in digits: 127.0.0.1:PORT or [::1]:PORT, port 0 for any");
}

bool tcp_is_loopback(const char *address)
{
    return behind(address, "127.0.0.1:") != NULL || behind(address, "[::1]:") != NULL;
}

int check_url(const char *text, struct buf *why)
{
    const char *host = behind(text, "http://");
    if (host == NULL)
        host = behind(text, "https://");
    if (host == NULL || host[0] == '\0' || strchr("/?#:@", host[0]) != NULL)
        return expect(why, "an http:// or https:// address");
    for (const char *at = text; *at != '\0'; at++) {
        if ((unsigned char)*at <= ' ' || (unsigned char)*at >= 0x7f)
            return expect(why, "an address in ASCII without spaces");
    }
    if (memchr(host, '@', strcspn(host, "/?#")) != NULL) {
        expect(why, "an address without user and password (use token_file)");
        return CHECK_SECRET;
    }
    if (strpbrk(host, "?#") != NULL)
        return expect(why, "an address without query and fragment");
    return 0;
}

int check_json_object(const char *text, struct buf *why)
{
    struct json_doc doc = JSON_DOC_INIT;
    struct json_fault fault = {.what = NULL};
    size_t n = strlen(text);
    if (n > JSON_MAX)
        return expect(why, "at most 64Ki of JSON");
    int rc = json_scan(&doc, text, n, &fault);
    bool is_object = rc == 0 && json_kind(&doc, 0) == JSON_OBJECT;
    json_doc_clear(&doc);
    if (is_object)
        return 0;
    if (rc == 0)
        return expect(why, "a JSON object");
    buf_printf(why, "expected a JSON object (byte %zu: %s)", fault.offset, fault.what);
    return -1;
}

int check_sha256(const char *text, struct buf *why)
{
    size_t n = strspn(text, "0123456789abcdef");
    return n == 64 && text[n] == '\0' ? 0 : expect(why, "64 small hex digits (see sha256sum)");
}

int check_worker_id(const char *text, struct buf *why)
{
    size_t n = 0;
    while (isalnum((unsigned char)text[n]) || text[n] == '_' || text[n] == '-')
        n++;
    if (n <= WORKER_ID_MAX && text[n] == '\0')
        return 0;
    return expect(why, "letters, digits, _ and -, at most 63");
}

int check_socket(const char *text, struct buf *why)
{
    if (strlen(text) < sizeof((struct sockaddr_un *)0)->sun_path)
        return 0;
    return expect(why, "at most 107 bytes: a socket's address holds no more");
}

int check_guarantee(const char *text, struct buf *why)
{
    static const char *const names[] = {"fs",   "net", "process", "syscalls", "memory",
                                        "pids", "cpu", "kill",    "wx",       "disk"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(names[i], text) == 0)
            return 0;
    }
    return expect(why, "fs, net, process, syscalls, memory, pids, cpu, kill, wx or disk");
}

int check_cgroup(const char *text, struct buf *why)
{
    if (strcmp(text, "auto") == 0 || strcmp(text, "off") == 0 || text[0] == '/')
        return 0;
    return expect(why, "auto, off or an absolute path");
}

int check_port(const char *text, struct buf *why)
{
    int64_t port;
    if (text_parse_i64(text, &port) == 0 && port >= 0 && port <= 65535)
        return 0;
    return expect(why, "a TCP port, or 0 for all");
}

int check_extra_call(const char *text, struct buf *why)
{
    if (extra_call_bit(text) != 0)
        return 0;
    buf_append_str(why, "expected one of ");
    extra_calls_list(why);
    return -1;
}

int check_retry_code(const char *text, struct buf *why)
{
    const enum code code = code_find(text);
    if (code < CODE_COUNT && code != CODE_OK && code != CODE_CANCELLED && code != CODE_EXPIRED)
        return 0;
    return expect(why,
                  "the code of a failure, such as TRANSIENT or CRASH (not CANCELLED, EXPIRED)");
}

int check_token(const char *text, struct buf *why)
{
    for (const char *at = text; *at != '\0'; at++) {
        if (!isgraph((unsigned char)*at))
            return expect(why, "printable ASCII without spaces");
    }
    return 0;
}
