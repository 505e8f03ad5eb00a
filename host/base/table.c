/* table.c: a hash table with chains. */
#include "base/table.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct entry {
    struct entry *next;
    void *value;
    uint64_t hash;
    size_t n;
    unsigned char key[];
};

struct table {
    struct entry **buckets;
    size_t n_buckets; /* a power of two */
    size_t count;
    uint64_t seed;
};

enum { FIRST_BUCKETS = 16 };

/* A keyed multiply-rotate hash over 8-byte words: peers choose keys, so the seed is random. */
uint64_t table_hash(uint64_t seed, const void *bytes, size_t n)
{
    const unsigned char *at = bytes;
    uint64_t h = seed ^ (n * 0x9e3779b97f4a7c15u);
    while (n > 0) {
        uint64_t word = 0;
        size_t step = n < 8 ? n : 8;
        memcpy(&word, at, step);
        h = (h ^ word ^ (seed >> 7)) * 0xff51afd7ed558ccdu;
        h ^= h >> 32;
        h = h * 0xc4ceb9fe1a85ec53u + seed;
        at += step;
        n -= step;
    }
    return h ^ (h >> 29);
}

struct table *table_new(void)
{
    struct table *t = calloc(1, sizeof *t);
    if (t == NULL)
        return NULL;
    t->n_buckets = FIRST_BUCKETS;
    t->buckets = calloc(t->n_buckets, sizeof(struct entry *));
    if (t->buckets == NULL || getrandom(&t->seed, sizeof t->seed, 0) != sizeof t->seed) {
        table_free(t);
        return NULL;
    }
    return t;
}

void table_free(struct table *t)
{
    if (t == NULL)
        return;
    for (size_t i = 0; t->buckets != NULL && i < t->n_buckets; i++) {
        for (struct entry *e = t->buckets[i], *next; e != NULL; e = next) {
            next = e->next;
            free(e);
        }
    }
    free(t->buckets);
    free(t);
}

size_t table_count(const struct table *t)
{
    return t->count;
}

/* The link that points at the entry, or at the NULL where it would be. */
static struct entry **find(const struct table *t, uint64_t hash, const void *key, size_t n)
{
    struct entry **link = &t->buckets[hash & (t->n_buckets - 1)];
    while (*link != NULL) {
        struct entry *e = *link;
        if (e->hash == hash && e->n == n && memcmp(e->key, key, n) == 0)
            break;
        link = &e->next;
    }
    return link;
}

/* Growth that finds no memory is put off: the table only gets slower. */
static void grow(struct table *t)
{
    size_t n = t->n_buckets * 2;
    struct entry **buckets = calloc(n, sizeof(struct entry *));
    if (buckets == NULL)
        return;
    for (size_t i = 0; i < t->n_buckets; i++) {
        for (struct entry *e = t->buckets[i], *next; e != NULL; e = next) {
            next = e->next;
            e->next = buckets[e->hash & (n - 1)];
            buckets[e->hash & (n - 1)] = e;
        }
    }
    free(t->buckets);
    t->buckets = buckets;
    t->n_buckets = n;
}

void *table_get(const struct table *t, const void *key, size_t n)
{
    struct entry *e = *find(t, table_hash(t->seed, key, n), key, n);
    return e != NULL ? e->value : NULL;
}

int table_put(struct table *t, const void *key, size_t n, void *value)
{
    uint64_t hash = table_hash(t->seed, key, n);
    struct entry *old = *find(t, hash, key, n);
    if (old != NULL) {
        old->value = value;
        return 0;
    }
    struct entry *e = malloc(sizeof *e + n);
    if (e == NULL)
        return -1;
    *e = (struct entry){.value = value, .hash = hash, .n = n};
    memcpy(e->key, key, n);
    if (t->count >= t->n_buckets)
        grow(t);
    struct entry **bucket = &t->buckets[hash & (t->n_buckets - 1)];
    e->next = *bucket;
    *bucket = e;
    t->count++;
    return 0;
}

void *table_take(struct table *t, const void *key, size_t n)
{
    struct entry **link = find(t, table_hash(t->seed, key, n), key, n);
    struct entry *e = *link;
    if (e == NULL)
        return NULL;
    void *value = e->value;
    *link = e->next;
    free(e);
    t->count--;
    return value;
}

void table_each(struct table *t, void (*fn)(void *value, void *arg), void *arg)
{
    for (size_t i = 0; i < t->n_buckets; i++) {
        for (struct entry *e = t->buckets[i], *next; e != NULL; e = next) {
            next = e->next;
            fn(e->value, arg);
        }
    }
}
