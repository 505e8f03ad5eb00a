/* fuzz_submit.c: the header of a SUBMIT: JSON scanner and member table. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/submit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct submit s;
    struct json_doc doc = JSON_DOC_INIT;
    struct json_fault fault;
    struct refusal r = REFUSAL_INIT;
    if (json_scan(&doc, (const char *)data, size, &fault) == 0 &&
        json_kind(&doc, 0) == JSON_OBJECT) {
        int rc = submit_read(&s, &doc, 3, &r);
        if (rc == 0 ? s.pipeline == 0 || s.n_inputs > SUBMIT_INPUTS_MAX
                    : r.code == CODE_OK || r.message[0] == '\0')
            abort();
    }
    refusal_clear(&r);
    json_doc_clear(&doc);
    return 0;
}
