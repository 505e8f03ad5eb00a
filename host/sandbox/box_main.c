/* box_main.c: start of penstock-box: the warden of a box, or the zygote that a warden executes. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/fault.h"
#include "base/text.h"
#include "sandbox/warden.h"
#include "sandbox/zygote.h"

struct role {
    const char *name;
    int (*run)(int fd);
};

static const struct role roles[] = {
    {"warden", warden_main},
    {"zygote", zygote_main},
};

int main(int argc, char **argv)
{
    int64_t fd = -1;
    if (argc == 3 && (text_parse_i64(argv[2], &fd) < 0 || fd > INT32_MAX))
        fd = -1;
    fault_setup();
    for (size_t i = 0; fd >= 0 && i < sizeof roles / sizeof *roles; i++) {
        if (strcmp(argv[1], roles[i].name) == 0)
            return roles[i].run((int)fd);
    }
    fputs("penstock-box is started by penstock-launcher; it does nothing by itself.\n", stderr);
    return 2;
}
