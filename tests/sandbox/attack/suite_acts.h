#ifndef PENSTOCK_TESTS_SUITE_ACTS_H
#define PENSTOCK_TESTS_SUITE_ACTS_H

/* suite_acts.h: what the suite does itself: each is a case's act and writes what it found. */

#include "suite.h"

/* suite_files.c: plugin files. */
void act_built(struct suite *s, const struct attack_case *c, char *found);
void act_broken(struct suite *s, const struct attack_case *c, char *found);
void act_named(struct suite *s, const struct attack_case *c, char *found);
void act_placed(struct suite *s, const struct attack_case *c, char *found);
void act_changed(struct suite *s, const struct attack_case *c, char *found);
void act_swapped(struct suite *s, const struct attack_case *c, char *found);

/* suite_kills.c: processes of a box that die, lie, or live side by side. */
void act_lie(struct suite *s, const struct attack_case *c, char *found);
void act_kill(struct suite *s, const struct attack_case *c, char *found);
void act_neighbour(struct suite *s, const struct attack_case *c, char *found);
void act_flood(struct suite *s, const struct attack_case *c, char *found);
void act_flat(struct suite *s, const struct attack_case *c, char *found);
void act_core(struct suite *s, const struct attack_case *c, char *found);
void act_require(struct suite *s, const struct attack_case *c, char *found);

#endif
