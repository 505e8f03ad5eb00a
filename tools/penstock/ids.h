#ifndef PENSTOCK_CLI_IDS_H
#define PENSTOCK_CLI_IDS_H

/* ids.h: a task as a person names it: the host's uid, or its client's task_id. */

#include "session.h"

/* Whether the word has the form of a uid (a UUID). */
int id_is_uid(const char *word);
/* Appends {"uid": word} or {"task_id": word} to the buffer. -1 with errno. */
int id_header(struct buf *out, const char *word, int as_uid);
/* QUERY by uid if the word may be one, else (or if that finds nothing) by task_id. out holds the
 * INFO; its member "task" is an object. CLI_NOT_FOUND is told. */
int id_query(struct session *s, const char *word, struct answer *out);
/* The same, with the member "history": what the host noted about each attempt. */
int id_query_history(struct session *s, const char *word, struct answer *out);

#endif
