#ifndef PENSTOCK_BASE_TABLE_H
#define PENSTOCK_BASE_TABLE_H

/* table.h: a hash table from byte strings to pointers. Keys are copied; values stay the caller's.
 */

#include <stddef.h>
#include <stdint.h>

struct table;

struct table *table_new(void);
/* Does not free values. NULL is fine. */
void table_free(struct table *t);
size_t table_count(const struct table *t);
/* The value, or NULL. */
void *table_get(const struct table *t, const void *key, size_t n);
/* Puts or replaces; value must not be NULL. -1: ENOMEM, nothing changed. */
int table_put(struct table *t, const void *key, size_t n, void *value);
/* Takes the entry out and returns its value, or NULL. */
void *table_take(struct table *t, const void *key, size_t n);
/* Calls fn for each value in no order; fn may take out the entry it is called with, nothing else.
 */
void table_each(struct table *t, void (*fn)(void *value, void *arg), void *arg);

/* The keyed hash the table uses: fast, and not to be steered without the seed; no digest. Pure. */
uint64_t table_hash(uint64_t seed, const void *bytes, size_t n);

#endif
