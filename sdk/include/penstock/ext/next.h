#ifndef PENSTOCK_EXT_NEXT_H
#define PENSTOCK_EXT_NEXT_H

/*
 * penstock/ext/next.h: "pen.next/1", tasks that follow from this one. A pipeline lists PEN_EXT_NEXT
 * in its needs and asks for it in run: host->extension(host, PEN_EXT_NEXT).
 */

#include <penstock/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PEN_EXT_NEXT "pen.next/1"

typedef struct pen_next {
    uint32_t size;

    /* Adds a child task of the named pipeline; params is JSON; all is copied. Its id is
     * <parent>-<step>-<n>, n counting the task's children from 0 in the order they were added: a
     * retry that adds the same children adds none twice. step NULL: the pipeline's name. Children
     * are published together with a successful result, and dropped with a failure. At most 1000 a
     * task, 8 generations deep.
     * PEN_E_INTERNAL: bad name, params not JSON, too many, outside run; the task then fails. [run]
     */
    pen_status (*add)(const pen_host *host, const char *pipeline, pen_bytes params,
                      const char *step);
} pen_next;

#ifdef __cplusplus
}
#endif

#endif
