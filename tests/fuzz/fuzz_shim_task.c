/* fuzz_shim_task.c: fuzz target: what an orchestrator and a core send to a shim: a task, its params
 * with files, a result, a list of plugins. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "conf/settings.h"
#include "shim/avtomatika_map.h"
#include "shim/bridge_internal.h"
#include "shim/file_params.h"
#include "shim/pipelines.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int claim)
{
    if (!claim)
        abort();
}

/* What is left of params is an object still. */
static void split(const struct json_doc *doc)
{
    struct json_doc left = JSON_DOC_INIT;
    struct json_fault fault;
    struct file_refs refs;
    struct buf rest = BUF_INIT(1 << 24);
    if (file_params_split(doc, 0, "http://o/files/", &rest, &refs) == 0) {
        require(json_scan(&left, (const char *)rest.data, rest.len, &fault) == 0);
        require(left.tokens[0].count + refs.n == doc->tokens[0].count);
        file_refs_clear(&refs);
    } else {
        require(errno == EINVAL);
    }
    json_doc_clear(&left);
    buf_clear(&rest);
}

static void read_outcome(const struct json_doc *doc)
{
    const struct wire_view body[] = {{"a", 1}};
    const struct corelink_message m = {.verb = WIRE_RESULT, .doc = doc, .body = body, .n_body = 1};
    struct outcome_reader *r = calloc(1, sizeof *r);
    if (r == NULL)
        return;
    outcome_read(r, &m);
    require(r->outcome.status != NULL &&
            (r->outcome.code == CODE_OK || r->outcome.message != NULL));
    outcome_clear(r);
    free(r);
}

static void read_plugins(const struct json_doc *doc)
{
    struct pipelines p;
    const struct conf_list all = {.n = 0};
    if (pipelines_read(doc, &all, &p) == 0)
        pipelines_clear(&p);
}

/* Sent as data of a result it stays an object, and is signed or refused. */
static void send_back(struct json_span text)
{
    struct buf b = BUF_INIT(1 << 24);
    require(avt_data(text, (struct json_span){"{}", 2}, &b) == 0);
    require(avt_sign("secret", "w", &b, NULL) == 0 || errno == EMSGSIZE || errno == EINVAL);
    buf_clear(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *why = NULL, *text = (const char *)data;
    struct avt_order order;
    struct json_doc doc = JSON_DOC_INIT;
    struct json_fault fault;
    if (avt_order_read(text, size, &order, &why) == 0)
        require(order.task_id != NULL && order.job_id != NULL && order.type != NULL &&
                order.params != NULL && order.priority >= 0 && order.priority <= 9);
    else
        require(why != NULL);
    avt_order_clear(&order);
    if (json_scan(&doc, text, size, &fault) == 0) {
        avt_why_not(&doc, 0, 1);
        send_back(json_at(&doc, 0));
        if (json_kind(&doc, 0) == JSON_OBJECT) {
            split(&doc);
            read_outcome(&doc);
            read_plugins(&doc);
        }
    }
    json_doc_clear(&doc);
    return 0;
}
