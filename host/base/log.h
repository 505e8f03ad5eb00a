#ifndef PENSTOCK_BASE_LOG_H
#define PENSTOCK_BASE_LOG_H

/*
 * log.h: one event a line on stderr, as text or as a JSON object: words first, then fields.
 *
 *     log_info("task done", LS("task_id", id), LI("run_ms", ms));
 *
 * error = someone must act; warn = we coped; info = lifecycle; debug = the rest. No secrets, no
 * payloads. A line is one write(2); control characters are escaped. The settings below are the only
 * mutable state of this library: they are written once, by log_setup at the start of a program,
 * before any thread.
 */

#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_ERROR = 0, LOG_WARN, LOG_INFO, LOG_DEBUG };
enum log_format { LOG_TEXT, LOG_JSON };

enum log_kind {
    LOG_FIELD_NONE = 0,
    LOG_FIELD_STRING,
    LOG_FIELD_BYTES,
    LOG_FIELD_INT,
    LOG_FIELD_DOUBLE
};

struct log_field {
    const char *key;
    enum log_kind kind;
    const char *s; /* NULL prints as an empty string */
    size_t len;    /* of LOG_FIELD_BYTES */
    int64_t i;
    double d;
};

#define LS(k, v)                                                                                   \
    {                                                                                              \
        .key = (k), .kind = LOG_FIELD_STRING, .s = (v)                                             \
    }
#define LB(k, v, n)                                                                                \
    {                                                                                              \
        .key = (k), .kind = LOG_FIELD_BYTES, .s = (v), .len = (n)                                  \
    }
#define LI(k, v)                                                                                   \
    {                                                                                              \
        .key = (k), .kind = LOG_FIELD_INT, .i = (int64_t)(v)                                       \
    }
#define LD(k, v)                                                                                   \
    {                                                                                              \
        .key = (k), .kind = LOG_FIELD_DOUBLE, .d = (v)                                             \
    }
/* errno's text as field "error". */
#define LE(number)                                                                                 \
    {                                                                                              \
        .key = "error", .kind = LOG_FIELD_STRING, .s = log_errno_text(number)                      \
    }

/* program: the word in each line, a literal; fd: where lines go (normally 2). [main, once] */
void log_setup(const char *program, enum log_level level, enum log_format format, int fd);
/* Another least important level, from now on. [main] */
void log_set_level(enum log_level level);
enum log_level log_threshold(void);
/* "error", "warn", "info", "debug" and "text", "json"; -1 if it is none of them. */
int log_level_parse(const char *word);
int log_format_parse(const char *word);
const char *log_errno_text(int number);

/* The first field is a dummy, so that the macros below work without any field. [any] */
void log_write(enum log_level level, const char *message, const struct log_field *fields, size_t n);

#define LOG_AT(level, message, ...)                                                                \
    do {                                                                                           \
        if ((level) <= log_threshold()) {                                                          \
            const struct log_field log_fields_[] = {{.key = NULL}, __VA_ARGS__};                   \
            log_write((level), (message), log_fields_ + 1,                                         \
                      sizeof log_fields_ / sizeof *log_fields_ - 1);                               \
        }                                                                                          \
    } while (0)
#define log_error(...)               LOG_AT_(LOG_ERROR, __VA_ARGS__, )
#define log_warn(...)                LOG_AT_(LOG_WARN, __VA_ARGS__, )
#define log_info(...)                LOG_AT_(LOG_INFO, __VA_ARGS__, )
#define log_debug(...)               LOG_AT_(LOG_DEBUG, __VA_ARGS__, )
#define LOG_AT_(level, message, ...) LOG_AT(level, message, __VA_ARGS__)

#endif
