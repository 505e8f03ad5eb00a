/* fuzz_allowed.c: a list of allowed keys, as whoever may write it might: what is taken can be found again, and is the
 * same when it is written anew. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "wire/allowed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool claim)
{
    if (!claim)
        abort();
}

static void look_up(const struct allowed *a)
{
    for (size_t i = 0; i < allowed_count(a); i++) {
        const struct allowed_key *k = allowed_at(a, i);
        struct curve_key key;
        check(allowed_find(a, k->hex, strlen(k->hex)) == k && allowed_find_name(a, k->name) == k);
        check(curve_key_parse(&key, k->hex, strlen(k->hex)) == 0);
        check(memcmp(&key, &k->key, sizeof key) == 0 && k->tenant[0] != '\0' && k->line > 0);
    }
}

static void write_anew(const struct allowed *a)
{
    struct buf text = BUF_INIT(ALLOWED_FILE_MAX);
    char why[ALLOWED_WHY];
    for (size_t i = 0; i < allowed_count(a); i++) {
        const struct allowed_key *k = allowed_at(a, i);
        check(buf_printf(&text, "%s %s tenant=%s\n", k->hex, k->name, k->tenant) == 0);
    }
    struct allowed *again = allowed_parse((const char *)text.data, text.len, why);
    check(again != NULL && allowed_count(again) == allowed_count(a));
    allowed_free(again);
    buf_clear(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char why[ALLOWED_WHY] = "";
    struct allowed *a = allowed_parse((const char *)data, size, why);
    if (a != NULL) {
        look_up(a);
        write_anew(a);
    } else {
        check(strncmp(why, "line ", 5) == 0 && strlen(why) < sizeof why);
    }
    allowed_free(a);
    return 0;
}
