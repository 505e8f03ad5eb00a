#ifndef PENSTOCK_CORE_KEYS_H
#define PENSTOCK_CORE_KEYS_H

/*
 * keys.h: who may come in over TCP. With host.allowed_keys connections over TCP are encrypted by
 * CURVE, and libzmq asks us about each key. All are [loop]; where the host has no such list they do
 * nothing.
 *
 * The list is read anew when its file has changed: at once when another file lies in its place, and
 * when a file that was written to has stood still for a second. A list that is wrong leaves the old
 * one in force. Connections of a key that is no longer in it get one REFUSED and are ignored from
 * then on: libzmq cannot drop one.
 */

#include <stdbool.h>

#include "core/core.h"
#include "core/refusal.h"
#include "wire/allowed.h"

/* Reads the host's secret key; as root, if root has started us. -1: logged. */
int keys_init(struct core *c);
/* Reads the list, as who we are from now on, and begins to answer libzmq: before the first door. -1: logged. */
int keys_open(struct core *c);
/* The host's own; NULL: TCP is not encrypted. */
const struct curve_pair *keys_pair(const struct core *c);
/* NULL: not in the list. Borrowed for the turn. */
const struct allowed_key *keys_find(const struct core *c, const char *hex);
/* Reads the list anew, changed or not. -1: it is wrong (logged, and r says why), and the old one stays. */
int keys_reload(struct core *c, struct refusal *r);
/* When all doors are closed. */
void keys_clear(struct core *c);

#endif
