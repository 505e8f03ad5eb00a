/* told.c: the tasks whose results were delivered lately, in a ring. Runs in penstock-shim. */
#include "shim/told.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/table.h"

enum { TOLD_MAX = 1024 };

struct told {
    struct table *by_id; /* the ring's texts */
    char *ring[TOLD_MAX];
    size_t next;
};

struct told *told_new(void)
{
    struct told *t = calloc(1, sizeof *t);
    if (t == NULL)
        return NULL;
    t->by_id = table_new();
    if (t->by_id != NULL)
        return t;
    free(t);
    return NULL;
}

void told_free(struct told *t)
{
    if (t == NULL)
        return;
    for (size_t i = 0; i < TOLD_MAX; i++)
        free(t->ring[i]);
    table_free(t->by_id);
    free(t);
}

/* An id that was taken out and put in again stands in the ring twice: only the newer text counts. */
static void forget(struct told *t, char *text)
{
    if (text != NULL && table_get(t->by_id, text, strlen(text)) == text)
        table_take(t->by_id, text, strlen(text));
    free(text);
}

void told_add(struct told *t, const char *task_id)
{
    char *text = strdup(task_id);
    if (text == NULL || table_put(t->by_id, text, strlen(text), text) < 0) {
        free(text);
        return;
    }
    forget(t, t->ring[t->next]);
    t->ring[t->next] = text;
    t->next = (t->next + 1) % TOLD_MAX;
}

bool told_has(const struct told *t, const char *task_id)
{
    return table_get(t->by_id, task_id, strlen(task_id)) != NULL;
}

void told_remove(struct told *t, const char *task_id)
{
    table_take(t->by_id, task_id, strlen(task_id));
}
