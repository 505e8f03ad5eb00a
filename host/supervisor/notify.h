#ifndef PENSTOCK_SUPERVISOR_NOTIFY_H
#define PENSTOCK_SUPERVISOR_NOTIFY_H

/* notify.h: tells systemd how we are (sd_notify's protocol). Without NOTIFY_SOCKET nothing happens.
 */

/* state: "READY=1", "STOPPING=1", "STATUS=...". Best effort: a service manager that does not listen
 * is not our failure. */
void notify_manager(const char *state);

#endif
