/* fuzz_conf_file.c: any bytes as plugins.conf: no crash, no leak, and either a reason or a usable
 * configuration. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "conf/derive.h"
#include "conf/sources.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int look(void *arg, const struct conf_item *item)
{
    size_t *total = arg;
    *total +=
        strlen(item->section) + strlen(item->key) + strlen(item->value) + strlen(item->origin);
    return 0;
}

static void use(const struct conf *c)
{
    size_t total = 0;
    if (conf_each_value(c, look, &total) != 0 || total == 0)
        abort();
    if (conf_host(c)->max_concurrent < 1 || conf_pipeline(c, "a", "b")->load_timeout_ms < 1)
        abort();
    for (size_t i = 0; i < conf_shim_count(c); i++) {
        if (conf_shim_find(c, conf_shim_at(c, i)->name) != conf_shim_at(c, i))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const variables[] = {"HOME=/h", NULL};
    const struct conf_request request = {.variables = variables, .root = "/nonexistent"};
    struct conf_errors errors = {.n = 0};
    struct conf *c = store_new();
    char *text = malloc(size + 1);
    if (c == NULL || text == NULL)
        abort();
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    source_text_read(c, "fuzz", text, size, "/base", &errors);
    if (!errors_any(&errors))
        derive_and_check(c, &request, &errors);
    if (!errors_any(&errors))
        use(c);
    for (size_t i = 0; i < errors.n; i++) {
        if (strlen(errors.items[i].where) == 0 || strlen(errors.items[i].what) == 0)
            abort();
    }
    conf_errors_clear(&errors);
    conf_free(c);
    free(text);
    return 0;
}
