/* catalogue_load.c: plugin files that are not what they should be. */
#include "suite.h"

static const struct attack_case cases[] = {
    TRY("46", "fine", &box_plain, IN_OPEN, "no such attack"),
};

const struct catalogue catalogue_load = {cases, sizeof cases / sizeof *cases};
