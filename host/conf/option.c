/* option.c: reads, prints and describes one value by its row. Runs in every program that loads the
 * configuration. */
#include "conf/option.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/text.h"
#include "conf/settings.h"

enum { NUMBER_TEXT = 32, QUOTE_MAX = 60, FALLBACK_ITEMS = 16, FALLBACK_TEXT = 256 };

/* How one type is read, printed and described; a list type by its items. */
struct type {
    const char *noun;
    int (*parse)(const struct option *o, const char *text, const char *base, void *field);
    void (*format)(int64_t number, char *out); /* of numbers only; out holds NUMBER_TEXT bytes */
    int (*read_number)(const char *text, int64_t *number);
    bool is_list;
};

static const struct type *type_of(const struct option *o);

static int parse_number(const struct option *o, const char *text, const char *base, void *field)
{
    int64_t number;
    (void)base;
    if (type_of(o)->read_number(text, &number) < 0)
        return -1;
    bool is_zero = number == 0 && (o->flags & OPTION_ZERO) != 0;
    if (!is_zero && (number < o->min || number > o->max))
        return -1;
    *(int64_t *)field = number;
    return 0;
}

static int parse_bool(const struct option *o, const char *text, const char *base, void *field)
{
    static const char *const words[] = {"no", "yes", "false", "true", "off", "on"};
    (void)o;
    (void)base;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcasecmp(text, words[i]) == 0) {
            *(bool *)field = i % 2 == 1;
            return 0;
        }
    }
    return -1;
}

static int parse_enum(const struct option *o, const char *text, const char *base, void *field)
{
    (void)base;
    for (int i = 0; o->words[i] != NULL; i++) {
        if (strcmp(text, o->words[i]) == 0) {
            *(int *)field = i;
            return 0;
        }
    }
    return -1;
}

static int store_string(char *copy, void *field)
{
    if (copy == NULL)
        return -1;
    char **at = field;
    free(*at);
    *at = copy;
    return 0;
}

/* A line break is fine inside of a string (JSON over several lines), other control characters are
 * an accident. */
static bool is_clean_text(const char *text)
{
    for (const char *at = text; *at != '\0'; at++) {
        unsigned char c = (unsigned char)*at;
        if ((c < ' ' && c != '\n' && c != '\t') || c == 0x7f)
            return false;
    }
    return text_is_utf8(text, strlen(text)) != 0;
}

static int parse_string(const struct option *o, const char *text, const char *base, void *field)
{
    (void)o;
    (void)base;
    return is_clean_text(text) ? store_string(strdup(text), field) : -1;
}

static int parse_name(const struct option *o, const char *text, const char *base, void *field)
{
    (void)o;
    (void)base;
    return text[0] == '\0' || text_is_name(text) ? store_string(strdup(text), field) : -1;
}

static int parse_path(const struct option *o, const char *text, const char *base, void *field)
{
    char *copy = NULL;
    (void)o;
    if (!is_clean_text(text) || strchr(text, '\n') != NULL)
        return -1;
    if (text[0] == '/' || text[0] == '\0')
        return store_string(strdup(text), field);
    while (text[0] == '.' && text[1] == '/')
        text += 2;
    if (base == NULL || asprintf(&copy, "%s/%s", strcmp(base, "/") == 0 ? "" : base, text) < 0)
        return -1;
    return store_string(copy, field);
}

static void format_int(int64_t number, char *out)
{
    snprintf(out, NUMBER_TEXT, "%" PRId64, number);
}

static const struct type types[] = {
    [OPTION_DURATION] = {.noun = "a duration such as 30s",
                         .parse = parse_number,
                         .format = text_format_duration,
                         .read_number = text_parse_duration},
    [OPTION_SIZE] = {.noun = "a size such as 512M or 64Ki",
                     .parse = parse_number,
                     .format = text_format_size,
                     .read_number = text_parse_size},
    [OPTION_INT] = {.noun = "a whole number",
                    .parse = parse_number,
                    .format = format_int,
                    .read_number = text_parse_i64},
    [OPTION_BOOL] = {.noun = "yes or no", .parse = parse_bool},
    [OPTION_ENUM] = {.noun = "one of", .parse = parse_enum},
    [OPTION_STRING] = {.noun = "a text", .parse = parse_string},
    [OPTION_NAME] = {.noun = "a name (letters, digits, . _ -, at most 63)", .parse = parse_name},
    [OPTION_PATH] = {.noun = "a path", .parse = parse_path},
    [OPTION_NAMES] = {.noun = "a list of names (letters, digits, . _ -, at most 63)",
                      .parse = parse_name,
                      .is_list = true},
    [OPTION_PATHS] = {.noun = "a list of paths", .parse = parse_path, .is_list = true},
};

static const struct type *type_of(const struct option *o)
{
    return &types[o->type];
}

int option_is_list(const struct option *o)
{
    return type_of(o)->is_list;
}

static void *field_of(const struct option *o, void *data)
{
    return (char *)data + o->offset;
}

static void list_clear(struct conf_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        free(list->items[i]);
    free(list->items);
    *list = (struct conf_list){.n = 0};
}

static bool is_text(const struct option *o)
{
    return type_of(o)->parse == parse_string || type_of(o)->parse == parse_name ||
           type_of(o)->parse == parse_path;
}

void option_clear(const struct option *o, void *data)
{
    void *field = field_of(o, data);
    if (type_of(o)->is_list) {
        list_clear(field);
    } else if (is_text(o)) {
        free(*(char **)field);
        *(char **)field = NULL;
    }
}

static int append_range(const struct option *o, struct buf *out)
{
    char low[NUMBER_TEXT], high[NUMBER_TEXT];
    type_of(o)->format(o->min, low);
    type_of(o)->format(o->max, high);
    const char *zero = (o->flags & OPTION_ZERO) != 0 ? ", or 0" : "";
    return buf_printf(out, ", from %s to %s%s", low, high, zero);
}

int option_describe(const struct option *o, struct buf *out)
{
    if (buf_append_str(out, type_of(o)->noun) < 0)
        return -1;
    if (type_of(o)->format != NULL)
        return append_range(o, out);
    for (int i = 0; o->words != NULL && o->words[i] != NULL; i++) {
        if (buf_printf(out, "%s%s", i == 0 ? " " : ", ", o->words[i]) < 0)
            return -1;
    }
    return 0;
}

int option_quote(const char *text, struct buf *out)
{
    size_t n = strlen(text), shown = n > QUOTE_MAX ? QUOTE_MAX : n;
    while (shown < n && shown > 0 && ((unsigned char)text[shown] & 0xc0) == 0x80)
        shown--; /* no half of a UTF-8 sequence */
    if (buf_append_char(out, '"') < 0)
        return -1;
    for (size_t i = 0; i < shown; i++) {
        unsigned char c = (unsigned char)text[i];
        if (buf_append_char(out, c < ' ' || c == 0x7f ? '?' : (char)c) < 0)
            return -1;
    }
    return buf_append_str(out, shown < n ? "...\"" : "\"");
}

static int say_found(const struct option *o, const char *text, struct buf *why)
{
    buf_append_str(why, ", found ");
    if ((o->flags & OPTION_SECRET) != 0)
        buf_append_str(why, "something else");
    else
        option_quote(text, why);
    return -1;
}

static int refuse(const struct option *o, const char *text, struct buf *why)
{
    buf_append_str(why, "expected ");
    option_describe(o, why);
    return say_found(o, text, why);
}

static int check_text(const struct option *o, const char *text, struct buf *why)
{
    if (o->check == NULL || text[0] == '\0')
        return 0;
    int rc = o->check(text, why);
    return rc == -1 ? say_found(o, text, why) : rc;
}

static int set_one(const struct option *o, const char *text, const char *base, void *field,
                   struct buf *why)
{
    if (check_text(o, text, why) < 0)
        return -1;
    errno = 0;
    if (type_of(o)->parse(o, text, base, field) == 0)
        return 0;
    return errno == ENOMEM ? -1 : refuse(o, text, why);
}

static int set_list(const struct option *o, const struct option_text *text, void *field,
                    struct buf *why)
{
    struct conf_list list = {.items = calloc(text->n + 1, sizeof(char *))};
    if (list.items == NULL)
        return -1;
    while (list.n < text->n) {
        const char *item = text->items[list.n];
        if (item[0] == '\0') {
            refuse(o, item, why);
            goto fail;
        }
        if (set_one(o, item, text->base, &list.items[list.n], why) < 0)
            goto fail;
        list.n++;
    }
    list_clear(field);
    *(struct conf_list *)field = list;
    return 0;
fail:
    list_clear(&list);
    return -1;
}

int option_set(const struct option *o, const struct option_text *text, void *data, struct buf *why)
{
    void *field = field_of(o, data);
    if (type_of(o)->is_list)
        return set_list(o, text, field, why);
    return set_one(o, text->n > 0 ? text->items[0] : "", text->base, field, why);
}

/* The default of a list: items with commas. */
static size_t split_list(char *text, const char **items)
{
    size_t n = 0;
    char *rest = NULL;
    for (char *at = strtok_r(text, ", ", &rest); at != NULL && n < FALLBACK_ITEMS;
         at = strtok_r(NULL, ", ", &rest))
        items[n++] = at;
    return n;
}

int option_init(const struct option *o, void *data)
{
    struct buf why = BUF_INIT(1024);
    char copy[FALLBACK_TEXT];
    const char *items[FALLBACK_ITEMS];
    struct option_text text = {.items = &o->fallback, .n = 1};
    if (type_of(o)->is_list) {
        snprintf(copy, sizeof copy, "%s", o->fallback);
        text = (struct option_text){.items = items, .n = split_list(copy, items)};
    }
    int rc = option_set(o, &text, data, &why);
    buf_clear(&why);
    return rc;
}

/* What was read once is read again, paths too: they are absolute by now. */
int option_copy(const struct option *o, const void *from, void *to)
{
    const void *field = (const char *)from + o->offset;
    const struct conf_list *list = field;
    struct option_text text = {.items = field, .n = 1};
    struct buf why = BUF_INIT(1024);
    if (type_of(o)->is_list)
        text = (struct option_text){.items = (const char *const *)list->items, .n = list->n};
    else if (type_of(o)->parse == parse_bool)
        *(bool *)field_of(o, to) = *(const bool *)field;
    else if (type_of(o)->parse == parse_enum)
        *(int *)field_of(o, to) = *(const int *)field;
    else if (!is_text(o))
        *(int64_t *)field_of(o, to) = *(const int64_t *)field;
    int rc = type_of(o)->is_list || is_text(o) ? option_set(o, &text, to, &why) : 0;
    buf_clear(&why);
    return rc;
}

static int print_list(const struct conf_list *list, struct buf *out)
{
    for (size_t i = 0; i < list->n; i++) {
        if (buf_printf(out, "%s%s", i > 0 ? ", " : "", list->items[i]) < 0)
            return -1;
    }
    return 0;
}

int option_print(const struct option *o, const void *data, struct buf *out)
{
    const void *field = (const char *)data + o->offset;
    const struct type *type = type_of(o);
    char number[NUMBER_TEXT];
    if (type->is_list)
        return print_list(field, out);
    if (type->parse == parse_bool)
        return buf_append_str(out, *(const bool *)field ? "yes" : "no");
    if (type->parse == parse_enum)
        return buf_append_str(out, o->words[*(const int *)field]);
    if (type->format == NULL)
        return buf_append_str(out, *(char *const *)field);
    type->format(*(const int64_t *)field, number);
    return buf_append_str(out, number);
}
