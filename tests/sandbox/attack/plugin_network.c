/* plugin_network.c: TEST PLUGIN, bad on purpose: the network and whoever listens on this machine. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "attack.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

struct kind {
    const char *name;
    int family, type, protocol;
};

static const struct kind kinds[] = {
    {"tcp", AF_INET, SOCK_STREAM, 0},
    {"udp", AF_INET, SOCK_DGRAM, 0},
    {"tcp6", AF_INET6, SOCK_STREAM, 0},
    {"ping", AF_INET, SOCK_DGRAM, IPPROTO_ICMP},
    {"raw", AF_INET, SOCK_RAW, IPPROTO_TCP},
    {"mptcp", AF_INET, SOCK_STREAM, IPPROTO_MPTCP},
    {"sctp", AF_INET, SOCK_STREAM, IPPROTO_SCTP},
    {"unix", AF_UNIX, SOCK_STREAM, 0},
    {"netlink", AF_NETLINK, SOCK_RAW, 0},
    {"uevent", AF_NETLINK, SOCK_RAW, 15},
    {"packet", AF_PACKET, SOCK_RAW, 0},
    {"vsock", AF_VSOCK, SOCK_STREAM, 0},
    {"alg", AF_ALG, SOCK_SEQPACKET, 0},
    {"key", AF_KEY, SOCK_RAW, 2},
    {"bluetooth", AF_BLUETOOTH, SOCK_RAW, 1},
    {"can", AF_CAN, SOCK_RAW, 1},
    {"xdp", AF_XDP, SOCK_RAW, 0},
};

static const char *open_socket(const struct attack_call *call)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(kinds[i].name, call->argument) != 0)
            continue;
        const int fd = socket(kinds[i].family, kinds[i].type | SOCK_CLOEXEC, kinds[i].protocol);
        const char *got = attack_answer(fd);
        if (fd >= 0)
            close(fd);
        return got;
    }
    return "no such socket";
}

static const char *pair(const struct attack_call *call)
{
    int ends[2];
    const int rc = socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
    (void)call;
    if (rc == 0) {
        close(ends[0]);
        close(ends[1]);
    }
    return attack_answer(rc);
}

/* With the network profile: path is the port; somebody listens there. */
static const char *connect_port(const struct attack_call *call)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)atoi(call->path)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const char *got =
        attack_answer(fd < 0 ? -1 : connect(fd, (const struct sockaddr *)&to, sizeof to));
    if (fd >= 0)
        close(fd);
    return got;
}

static const char *send_udp(const struct attack_call *call)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)atoi(call->path)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const char *got =
        attack_answer(fd < 0 ? -1 : sendto(fd, "x", 1, 0, (const struct sockaddr *)&to, sizeof to));
    if (fd >= 0)
        close(fd);
    return got;
}

static const char *bind_port(const struct attack_call *call)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)call;
    int rc = fd < 0 ? -1 : bind(fd, (const struct sockaddr *)&at, sizeof at);
    const char *got = attack_answer(rc);
    if (fd >= 0)
        close(fd);
    return got;
}

static const char *listen_port(const struct attack_call *call)
{
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const char *got = attack_answer(fd < 0 ? -1 : listen(fd, 1));
    (void)call;
    if (fd >= 0)
        close(fd);
    return got;
}

/* path: a socket of the host by name; with an @ in front, an abstract one. */
static const char *connect_unix(const struct attack_call *call)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int n = snprintf(to.sun_path, sizeof to.sun_path, "%s", call->path);
    if (to.sun_path[0] == '@')
        to.sun_path[0] = '\0';
    const socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)n);
    const char *got = attack_answer(fd < 0 ? -1 : connect(fd, (const struct sockaddr *)&to, size));
    if (fd >= 0)
        close(fd);
    return got;
}

/* A descriptor through the data channel, whose other end is the core. */
static const char *send_descriptor(const struct attack_call *call)
{
    char byte = 0, room[CMSG_SPACE(sizeof(int))] = "";
    struct iovec part = {&byte, 1};
    struct msghdr m = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room};
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    const int null = 0;
    (void)call;
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof null);
    memcpy(CMSG_DATA(c), &null, sizeof null);
    for (int fd = 3; fd < 16; fd++) {
        if (sendmsg(fd, &m, MSG_DONTWAIT) >= 0)
            return "done";
        if (errno == EPERM)
            return "EPERM";
    }
    return attack_answer(-1);
}

const struct attack attacks_on_the_network[] = {
    {"socket_tcp", open_socket, "tcp"},
    {"socket_udp", open_socket, "udp"},
    {"socket_tcp6", open_socket, "tcp6"},
    {"socket_ping", open_socket, "ping"},
    {"socket_raw", open_socket, "raw"},
    {"socket_mptcp", open_socket, "mptcp"},
    {"socket_sctp", open_socket, "sctp"},
    {"socket_unix", open_socket, "unix"},
    {"socket_netlink", open_socket, "netlink"},
    {"socket_uevent", open_socket, "uevent"},
    {"socket_packet", open_socket, "packet"},
    {"socket_vsock", open_socket, "vsock"},
    {"socket_alg", open_socket, "alg"},
    {"socket_key", open_socket, "key"},
    {"socket_bluetooth", open_socket, "bluetooth"},
    {"socket_can", open_socket, "can"},
    {"socket_xdp", open_socket, "xdp"},
    {"socketpair", pair, NULL},
    {"connect_port", connect_port, NULL},
    {"send_udp", send_udp, NULL},
    {"bind_port", bind_port, NULL},
    {"listen_port", listen_port, NULL},
    {"connect_unix", connect_unix, NULL},
    {"send_descriptor", send_descriptor, NULL},
    {NULL, NULL, NULL},
};
