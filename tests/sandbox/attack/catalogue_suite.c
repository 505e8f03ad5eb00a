/* catalogue_suite.c: what the suite does itself. */
#include "suite.h"

static const struct attack_case cases[] = {
    TRY("46", "fine", &box_plain, IN_RUN, "fine"),
};

const struct catalogue catalogue_suite = {cases, sizeof cases / sizeof *cases};
