#ifndef PENSTOCK_BASE_TEXT_H
#define PENSTOCK_BASE_TEXT_H

/* text.h: values as people write them (durations, sizes), names, near misses, ids. Pure but for
 * id_new. */

#include <stddef.h>
#include <stdint.h>

/* "30s", "500ms", "2m", "1h", "1d", "0"; a bare number other than 0 is refused. 0, or -1. */
int text_parse_duration(const char *s, int64_t *ms);
/* "512M" (k K M G: powers of 1000; Ki Mi Gi: of 1024; optional B), "4096". 0, or -1 also on
 * overflow. */
int text_parse_size(const char *s, int64_t *bytes);
/* A whole decimal number, nothing behind it. 0, or -1. */
int text_parse_i64(const char *s, int64_t *value);
/* The shortest exact spelling that text_parse_duration or text_parse_size takes back; out holds 32
 * bytes. */
void text_format_duration(int64_t ms, char *out);
void text_format_size(int64_t bytes, char *out);

/* A name of pipelines, plugins, shims: [A-Za-z0-9][A-Za-z0-9._-]{0,62}. */
int text_is_name(const char *s);
/* Length of the well-formed UTF-8 sequence at s (n > 0 bytes are there), or 0; 0 for NUL too. */
size_t text_utf8_sequence(const unsigned char *s, size_t n);
/* Valid UTF-8 without NUL. */
int text_is_utf8(const char *s, size_t n);
/* Number of edits (insert, delete, replace, swap) between two short words; 64 at most. */
int text_distance(const char *a, const char *b);
/* The word of the list nearest to s, or NULL if none is near enough for a "did you mean". */
const char *text_nearest(const char *s, const char *const *words, size_t n);

/* A UUIDv7 (time-ordered) in text form; out holds ID_TEXT bytes. */
enum { ID_TEXT = 37 };
void id_new(char *out);
/* n random bytes as 2n hex digits and a NUL. */
void id_secret(char *out, size_t n);

#endif
