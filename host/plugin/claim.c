/* claim.c: a result against the plugin's own promises. Runs in the core and in the command line. */
#include "plugin/claim.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "plugin/catalog.h"
#include "plugin/schema.h"

struct words {
    char *at;
    size_t size;
};

static void first_problem(void *arg, const char *pointer, const char *message)
{
    struct words *w = arg;
    if (w->at[0] == '\0')
        snprintf(w->at, w->size, "the result breaks its schema: %.100s: %.150s",
                 pointer[0] != '\0' ? pointer : "/", message);
}

static int check_data(const struct catalog_pipeline *p, const char *data, size_t len,
                      struct words *w)
{
    struct json_doc doc = JSON_DOC_INIT;
    struct json_fault fault;
    int rc = json_scan(&doc, len > 0 ? data : "null", len > 0 ? len : 4, &fault);
    if (rc < 0)
        snprintf(w->at, w->size, "the result is not JSON: %s", fault.what);
    else if (schema_check(p->result, &doc, 0, first_problem, w) != 0)
        rc = -1;
    json_doc_clear(&doc);
    return rc;
}

int claim_check(const struct catalog_pipeline *p, const char *status, const char *data, size_t len,
                char *message, size_t size)
{
    struct words w = {.at = message, .size = size};
    message[0] = '\0';
    if (!catalog_has_status(p, status)) {
        snprintf(message, size, "the status \"%.64s\" is not among the plugin's output_statuses",
                 status);
        return -1;
    }
    return strcmp(status, "success") == 0 && p->result != NULL ? check_data(p, data, len, &w) : 0;
}
