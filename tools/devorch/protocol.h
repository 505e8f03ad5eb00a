#ifndef DEVORCH_PROTOCOL_H
#define DEVORCH_PROTOCOL_H

/* protocol.h: the constants of Avtomatika's worker protocol (rxon) that this server speaks. */

#define PROTOCOL_VERSION "1.0b17"

enum {
    PROTOCOL_BODY_MAX = 1024 * 1024,
    PROTOCOL_CLOCK_S = 60, /* how far a message's timestamp may be off */
    PROTOCOL_NONCE_S = 65, /* how long a message is remembered, so that it counts once */
    PROTOCOL_ID_MAX = 128, /* of a worker id */
    PROTOCOL_TASK_ID = 42, /* "task-", a UUID, a NUL */
};

#endif
