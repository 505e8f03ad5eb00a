#ifndef PENSTOCK_DOCTOR_H
#define PENSTOCK_DOCTOR_H

/* doctor.h: what the parts of `penstock doctor` share: findings. */

#include <stdbool.h>
#include <stddef.h>

#include "base/json.h"
#include "sandbox/chan.h"

struct cli;
struct conf;
struct conf_host;

enum finding { FINDING_OK, FINDING_WARN, FINDING_FAIL };

struct doctor {
    const struct cli *cli;
    const struct conf *conf;
    const struct conf_host *host;
    struct json_writer *w; /* NULL: for people; else points to writer */
    struct json_writer writer;
    int counts[3]; /* by enum finding */
    int signo;     /* that ended it early, 0: none */
    bool has_guarantees;
    struct guarantee_state guarantees[GUARANTEES];
};

/* One line, "ok  name  text", and the remedy under it unless it is NULL or all is well. */
void finding(struct doctor *d, enum finding how, const char *name, const char *remedy,
             const char *format, ...) __attribute__((format(printf, 5, 6)));

/* doctor_host.c: folders, sockets, limits, and the host if it runs. */
void doctor_host(struct doctor *d);
/* doctor_journal.c: tasks and sizes of the journal, and whether this program knows it. */
void doctor_journal(struct doctor *d);
/* doctor_box.c: what boxes hold here, tried by a launcher of our own; a real box with a plugin of
 * ours; then every plugin file. */
void doctor_box(struct doctor *d);

#endif
