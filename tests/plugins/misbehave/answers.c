/* answers.c: TEST PLUGIN, bad on purpose: wrong and unusual answers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "misbehave.h"

pen_status run_noresult(void *self, const pen_host *host, const pen_task *task)
{
    (void)self;
    (void)host;
    (void)task;
    return PEN_OK;
}

/* Two results; what the second call says is not passed on. */
pen_status run_twice(void *self, const pen_host *host, const pen_task *task)
{
    (void)self;
    (void)task;
    give_int(host, "n", 1);
    give_int(host, "n", 2);
    return PEN_OK;
}

/* A JSON string of {"mb": n} MiB, 64 without it. */
pen_status run_bigresult(void *self, const pen_host *host, const pen_task *task)
{
    size_t n = (size_t)param_int(task, "mb", 64) << 20;
    char *json = malloc(n + 2);
    pen_bytes bytes = {json, n + 2};
    pen_status status;

    (void)self;
    if (json == NULL)
        return host->fail(host, PEN_E_RETRY, "out of memory");
    memset(json, 'x', n + 2);
    json[0] = json[n + 1] = '"';
    status = host->result(host, "success", bytes);
    free(json);
    return status;
}

/* Not JSON, and PEN_OK all the same. */
pen_status run_badjson(void *self, const pen_host *host, const pen_task *task)
{
    static const char text[] = "{\"a\": 1, \"a\": }";
    const pen_bytes bytes = {text, sizeof text - 1};
    (void)self;
    (void)task;
    host->result(host, "success", bytes);
    return PEN_OK;
}

/* Status "partial"; {"unknown": 1}: one that the pipeline does not list. */
pen_status run_status(void *self, const pen_host *host, const pen_task *task)
{
    const pen_bytes bytes = {"{\"half\":true}", 13};
    (void)self;
    return host->result(host, param_int(task, "unknown", 0) != 0 ? "sideways" : "partial", bytes);
}

pen_status run_fail_input(void *self, const pen_host *host, const pen_task *task)
{
    (void)self;
    (void)task;
    return host->fail(host, PEN_E_INPUT, "the input is not to my liking");
}

/* Fails until attempt {"until": n}, for ever without it. */
pen_status run_fail_retry(void *self, const pen_host *host, const pen_task *task)
{
    long until = param_int(task, "until", 0);
    (void)self;
    if (until > 0 && task->attempt >= until)
        return give_int(host, "attempt", task->attempt);
    return host->fail(host, PEN_E_RETRY, "not now");
}

/* fail, then PEN_OK: the failure counts. */
pen_status run_fail_permanent(void *self, const pen_host *host, const pen_task *task)
{
    (void)self;
    (void)task;
    host->fail(host, PEN_E_PERMANENT, "never");
    return PEN_OK;
}

/* {"n": 3} outputs of {"kb": 1} KiB each. */
pen_status run_outputs(void *self, const pen_host *host, const pen_task *task)
{
    long n = param_int(task, "n", 3);
    size_t size = (size_t)param_int(task, "kb", 1) << 10;
    char *block = calloc(1, size);
    pen_bytes bytes = {block, size};
    pen_status status = block == NULL ? PEN_E_RETRY : PEN_OK;

    (void)self;
    for (long i = 0; i < n && status == PEN_OK; i++) {
        char name[32];
        snprintf(name, sizeof name, "out-%ld", i);
        status = host->output(host, name, "application/x-zeros", bytes);
    }
    free(block);
    return status == PEN_OK ? give_int(host, "n", n) : status;
}

/* An output whose name leads out of everything. */
pen_status run_bad_output(void *self, const pen_host *host, const pen_task *task)
{
    const pen_bytes bytes = {"x", 1};
    (void)self;
    (void)task;
    host->output(host, "../../etc/passwd", NULL, bytes);
    return give_int(host, "n", 1);
}
