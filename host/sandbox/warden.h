#ifndef PENSTOCK_SANDBOX_WARDEN_H
#define PENSTOCK_SANDBOX_WARDEN_H

/* warden.h: the process that builds a box and watches what runs in it: the first half of
 * penstock-box. */

#include <stddef.h>

/* setup_fd: a memfd with struct warden_setup. Returns the status to exit with. */
int warden_main(int setup_fd);

/* Names of the steps that build a box, in their order, for tests; NULL past the last. A step fails
 * where PENSTOCK_FAULT is "warden.<name>", and in the launcher's probe where it is "probe.<name>".
 */
const char *warden_step_name(size_t i);

#endif
