/* sdk_catalog.c: fuzz target: a report from a hostile scan child into the core's catalogue. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/json.h"
#include "plugin/catalog.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct catalog *c = catalog_new();
    const struct catalog_plugin *p;

    if (c == NULL || catalog_add(c, "/a.so", (const char *)data, size) < 0 ||
        catalog_add_broken(c, "/b.so", "broken") < 0 || catalog_settle(c) < 0)
        abort();
    p = catalog_file(c, "/a.so");
    if (p->state == CATALOG_OK) {
        for (size_t i = 0; i < p->n_pipelines; i++) {
            if (catalog_find(c, p->pipelines[i].slug) != &p->pipelines[i])
                abort();
        }
    } else if (p->reason == NULL || p->n_pipelines != 0) {
        abort();
    }
    catalog_unref(c);
    return 0;
}
