/* json_tree.c: checked texts as cJSON trees. A file of its own, so that programs which need no
 * trees do not link cJSON. */
#include "base/json.h"

#include <cjson/cJSON.h>

struct cJSON *json_tree(const char *text, size_t len, struct json_fault *fault)
{
    struct json_doc doc = JSON_DOC_INIT;
    int rc = json_scan(&doc, text, len, fault);
    json_doc_clear(&doc);
    if (rc < 0)
        return NULL;
    struct cJSON *tree = cJSON_ParseWithLength(text, len);
    if (tree == NULL)
        *fault = (struct json_fault){.offset = 0, .what = "out of memory"};
    return tree;
}
