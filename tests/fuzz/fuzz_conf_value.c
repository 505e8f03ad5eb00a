/*
 * fuzz_conf_value.c: the first byte picks an option, the rest is its value: what is taken prints as
 * something that is taken again and prints the same; what is refused has a reason and changes
 * nothing.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "conf/tables.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct option *pick(uint8_t byte, const struct section **section)
{
    size_t n = byte;
    for (;;) {
        for (int kind = 0; kind < SECTION_KINDS; kind++) {
            *section = &sections[kind];
            if (n < (*section)->n_options)
                return &(*section)->options[n];
            n -= (*section)->n_options;
        }
    }
}

static int set(const struct option *o, const char *text, void *fields, struct buf *printed)
{
    struct buf why = BUF_INIT(65536);
    struct option_text value = {.items = &text, .n = 1, .base = "/base"};
    int rc = option_set(o, &value, fields, &why);
    if ((rc < 0) != (why.len > 0))
        abort();
    buf_reset(printed);
    if (option_print(o, fields, printed) < 0)
        abort();
    buf_clear(&why);
    return rc;
}

static void try_value(const struct option *o, const char *text, void *fields)
{
    struct buf before = BUF_INIT(1 << 20), first = BUF_INIT(1 << 20), second = BUF_INIT(1 << 20);
    if (option_init(o, fields) < 0 || option_print(o, fields, &before) < 0)
        abort();
    if (set(o, text, fields, &first) < 0) {
        if (strcmp(buf_cstr(&before), buf_cstr(&first)) != 0)
            abort();
    } else if (set(o, buf_cstr(&first), fields, &second) < 0 ||
               strcmp(buf_cstr(&first), buf_cstr(&second)) != 0) {
        abort();
    }
    option_clear(o, fields);
    buf_clear(&before);
    buf_clear(&first);
    buf_clear(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct section *section;
    if (size < 1)
        return 0;
    const struct option *o = pick(data[0], &section);
    void *fields = calloc(1, section->size);
    char *text = malloc(size);
    if (fields == NULL || text == NULL)
        abort();
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    try_value(o, text, fields);
    free(fields);
    free(text);
    return 0;
}
