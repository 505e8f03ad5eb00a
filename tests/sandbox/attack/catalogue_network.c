/* catalogue_network.c: attacks of plugin_network.c and what must come of them. */
#include "suite.h"

static const struct attack_case cases[] = {
    TRY("19", "socket_tcp", &box_plain, ANYWHERE, "EPERM"),
    TRY("19", "socket_udp", &box_plain, IN_RUN | IN_OPEN, "EPERM"),
    TRY("19", "socket_tcp6", &box_plain, IN_RUN, "EPERM"),
    TRY("19", "socket_ping", &box_plain, IN_RUN, "EPERM"),
    TRY("19", "socket_raw", &box_plain, IN_RUN | IN_OPEN, "EPERM"),
    TRY("19", "socket_mptcp", &box_plain, IN_RUN, "EPERM"),
    TRY("19", "socket_sctp", &box_plain, IN_RUN, "EPERM"),
    TRY("19", "socket_unix", &box_plain, ANYWHERE, "EPERM"),
    TRY("19", "socket_netlink", &box_plain, IN_RUN | IN_OPEN, "EPERM"),
    TRY("19", "socket_uevent", &box_plain, IN_RUN, "EPERM"),
    TRY("19", "socket_packet", &box_plain, IN_RUN, "EPERM"),
    TRY("19", "socket_vsock", &box_plain, ANYWHERE, "EPERM"),
    TRY("19", "socket_alg", &box_plain, IN_RUN, "EPERM"),
    TRY("19", "socket_key", &box_plain, IN_RUN, "EPERM"),
    TRY("19", "socket_bluetooth", &box_plain, IN_RUN, "EPERM"),
    TRY("19", "socket_can", &box_plain, IN_RUN, "EPERM"),
    TRY("19", "socket_xdp", &box_plain, IN_RUN, "EPERM"),
    TRY("19", "socketpair", &box_plain, IN_RUN | IN_OPEN, "EPERM"),
    TRY("19", "send_descriptor", &box_plain, IN_RUN | IN_THREAD, "EPERM"),

    TRY_PATH("19", "connect_port", &box_plain, IN_RUN | IN_OPEN, "%allowed-port",
             "EPERM|EACCES|ENETUNREACH"),
    TRY_PATH("19", "send_udp", &box_plain, IN_RUN | IN_OPEN, "%allowed-port", "EPERM|ENETUNREACH"),
    TRY_PATH("19", "connect_unix", &box_plain, IN_RUN | IN_OPEN, "%abstract", "EPERM|ECONNREFUSED"),

    /* With the network: what it may, and what not even then. */
    TRY_PATH("19", "connect_port", &box_network, IN_RUN, "%allowed-port", "done"),
    TRY_PATH_IF(WALL_LANDLOCK, "19", "connect_port", &box_network, IN_RUN, "%refused-port",
                "EACCES"),
    TRY("19", "bind_port", &box_network, IN_RUN, "EPERM|EACCES"),
    TRY("19", "listen_port", &box_network, IN_RUN, "EPERM"),
    TRY_PATH_IF(WALL_LANDLOCK, "19", "connect_unix", &box_network, IN_RUN, "%abstract", "EPERM"),
    TRY("19", "socket_mptcp", &box_network, IN_RUN | IN_OPEN, "EPERM"),
    TRY("19", "socket_sctp", &box_network, IN_RUN, "EPERM|!SANDBOX_VIOLATION(socket)"),
    TRY("19", "socket_raw", &box_network, IN_RUN, "EPERM"),
    TRY("19", "socket_uevent", &box_network, IN_RUN, "EPERM|!SANDBOX_VIOLATION(socket)"),
    TRY("19", "socket_packet", &box_network, IN_RUN, "!SANDBOX_VIOLATION(socket)"),
    TRY("19", "socket_vsock", &box_network, IN_RUN | IN_OPEN, "!SANDBOX_VIOLATION(socket)"),
    TRY("19", "socket_alg", &box_network, IN_RUN, "!SANDBOX_VIOLATION(socket)"),
    TRY("19", "socket_key", &box_network, IN_RUN, "!SANDBOX_VIOLATION(socket)"),
};

const struct catalogue catalogue_network = {cases, sizeof cases / sizeof *cases};
