/* works.c: TEST PLUGIN: what is allowed and must work: progress, children, files, output on stdout,
 * warm state. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <penstock/ext/files.h>
#include <penstock/ext/next.h>
#include <penstock/ext/progress.h>

#include "misbehave.h"

/* {"n": 10} steps of {"ms": 10} each, reported and logged; stops when it is told to. */
pen_status run_progress(void *self, const pen_host *host, const pen_task *task)
{
    const pen_progress *progress = host->extension(host, PEN_EXT_PROGRESS);
    long n = param_int(task, "n", 10);
    (void)self;
    if (progress == NULL)
        return host->fail(host, PEN_E_INTERNAL, "there is no " PEN_EXT_PROGRESS);
    for (long i = 1; i <= n; i++) {
        char line[64];
        if (wait_ms(host, param_int(task, "ms", 10), 1))
            return host->fail(host, PEN_E_CANCELLED, "stopped");
        snprintf(line, sizeof line, "step %ld of %ld", i, n);
        progress->report(host, (double)i / (double)n, line);
        host->log(host, PEN_LOG_INFO, line);
    }
    return give_int(host, "steps", n);
}

/* Adds {"n": 3} children spin_ms; {"fail": 1}: and then fails. */
pen_status run_next(void *self, const pen_host *host, const pen_task *task)
{
    const pen_next *next = host->extension(host, PEN_EXT_NEXT);
    const pen_bytes params = {"{\"ms\":1}", 8};
    long n = param_int(task, "n", 3);
    pen_status status = PEN_OK;

    (void)self;
    if (next == NULL)
        return host->fail(host, PEN_E_INTERNAL, "there is no " PEN_EXT_NEXT);
    for (long i = 0; i < n && status == PEN_OK; i++)
        status = next->add(host, "spin_ms", params, "spin");
    if (status != PEN_OK)
        return status;
    if (param_int(task, "fail", 0) != 0)
        return host->fail(host, PEN_E_PERMANENT, "no children after all");
    return give_int(host, "added", n);
}

/* {"kb": 1024} KiB of lines on stdout, and as much on stderr. */
pen_status run_stdout(void *self, const pen_host *host, const pen_task *task)
{
    static const char line[] = "this line has sixty-four bytes and comes again and again ......\n";
    long n = param_int(task, "kb", 1024) * 1024 / (long)(sizeof line - 1);
    (void)self;
    for (long i = 0; i < n; i++) {
        fputs(line, stdout);
        fputs(line, stderr);
    }
    fflush(stdout);
    return give_int(host, "lines", n);
}

/* Uses the processor for {"ms": 1} milliseconds. */
pen_status run_spin_ms(void *self, const pen_host *host, const pen_task *task)
{
    long ms = param_int(task, "ms", 1);
    struct timespec start, now;
    (void)self;
    clock_gettime(CLOCK_MONOTONIC, &start);
    do
        clock_gettime(CLOCK_MONOTONIC, &now);
    while ((now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000 < ms);
    return give_int(host, "ms", ms);
}

pen_status open_echo_warm(const pen_host *host, const char *config, void **self)
{
    (void)config;
    *self = calloc(1, sizeof(long));
    return *self == NULL ? host->fail(host, PEN_E_RETRY, "out of memory") : PEN_OK;
}

void close_echo_warm(void *self)
{
    free(self);
}

/* {"calls": n}: how often this process has run it. In fork mode always 1. */
pen_status run_echo_warm(void *self, const pen_host *host, const pen_task *task)
{
    long *calls = self;
    (void)task;
    return give_int(host, "calls", ++*calls);
}

static pen_status copy_file(const pen_host *host, const char *from, const char *to)
{
    FILE *in = fopen(from, "rb");
    FILE *out = fopen(to, "wb");
    char block[4096];
    size_t n;
    int is_good = in != NULL && out != NULL;

    while (is_good && (n = fread(block, 1, sizeof block, in)) > 0)
        is_good = fwrite(block, 1, n, out) == n;
    if (in != NULL)
        fclose(in);
    if (out != NULL && fclose(out) != 0)
        is_good = 0;
    return is_good ? PEN_OK : host->fail(host, PEN_E_INTERNAL, "a file cannot be copied");
}

/* Copies the first input, as a file, to an output, as a file. {"link": 1}: hands over a link to
 * /etc/passwd. */
pen_status run_files(void *self, const pen_host *host, const pen_task *task)
{
    const pen_files *files = host->extension(host, PEN_EXT_FILES);
    const char *from = NULL;
    char to[4096];
    pen_status status;

    (void)self;
    if (files == NULL || task->n_inputs == 0)
        return host->fail(host, PEN_E_INPUT, "give one input and " PEN_EXT_FILES);
    snprintf(to, sizeof to, "%s/copy", files->dir(host));
    from = files->input_path(host, task->inputs[0]->name);
    if (from == NULL)
        return host->fail(host, PEN_E_INTERNAL, "the input has no path");
    if (param_int(task, "link", 0) != 0)
        status = symlink("/etc/passwd", to) == 0 ? PEN_OK : PEN_E_INTERNAL;
    else
        status = copy_file(host, from, to);
    if (status == PEN_OK)
        status = files->output_file(host, "copy", "text/plain", "copy");
    return status == PEN_OK ? give_int(host, "copied", (long)task->inputs[0]->bytes.len) : status;
}
