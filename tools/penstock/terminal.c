/* terminal.c: what is known of the terminal. Part of the command line. */
#include "terminal.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "cli.h"

#include "base/buf.h"
#include "base/text.h"

enum { WIDTH = 80, WIDTH_MIN = 20, WIDTH_MAX = 1000 };

/* The variable's value, "" if it is not set. */
static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value != NULL ? value : "";
}

static int is_dumb(void)
{
    const char *term = getenv("TERM");
    return term == NULL || strcmp(term, "dumb") == 0;
}

static int wants_color(const struct cli *cli, int fd)
{
    if (strcmp(cli->common.color, "auto") != 0)
        return strcmp(cli->common.color, "always") == 0;
    if (variable("NO_COLOR")[0] != '\0')
        return 0;
    const char *force = variable("CLICOLOR_FORCE");
    if (*force != '\0' && strcmp(force, "0") != 0)
        return 1;
    return isatty(fd) && !is_dumb();
}

void terminal_colors(struct cli *cli)
{
    cli->has_color_out = wants_color(cli, STDOUT_FILENO);
    cli->has_color_err = wants_color(cli, STDERR_FILENO);
}

int terminal_width(FILE *stream)
{
    const char *columns = getenv("COLUMNS");
    struct winsize size;
    int64_t n;
    if (columns != NULL && text_parse_i64(columns, &n) == 0 && n >= WIDTH_MIN && n <= WIDTH_MAX)
        return (int)n;
    if (ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col < WIDTH_MIN ? WIDTH_MIN : size.ws_col;
    return WIDTH;
}

int terminal_can_redraw(FILE *stream)
{
    return isatty(fileno(stream)) && !is_dumb();
}

/* Length of the UTF-8 sequence at text, 0 if it is none or must not reach a terminal (C0, DEL, C1).
 */
static size_t harmless(const char *text, size_t n)
{
    unsigned char c = (unsigned char)*text;
    size_t len = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    if (c < 0x20 || c == 0x7f || len > n || !text_is_utf8(text, len))
        return 0;
    if (c == 0xc2 && (unsigned char)text[1] < 0xa0)
        return 0;
    return len;
}

void terminal_escape(struct buf *out, const char *text, size_t n)
{
    for (size_t i = 0; i < n;) {
        size_t len = harmless(text + i, n - i);
        if (len > 0)
            buf_append(out, text + i, len);
        else if (text[i] == '\t')
            buf_append_char(out, ' ');
        else
            buf_printf(out, "\\x%02x", (unsigned char)text[i]);
        i += len > 0 ? len : 1;
    }
}

void terminal_print(FILE *stream, const char *text, size_t n)
{
    struct buf out = BUF_INIT(4 * n + 1);
    terminal_escape(&out, text, n);
    fwrite(out.data, 1, out.len, stream);
    buf_clear(&out);
}

void terminal_print_json(FILE *stream, const char *json, size_t n)
{
    size_t from = 0;
    for (size_t i = 0; isatty(fileno(stream)) && i < n; i++) {
        unsigned char c = (unsigned char)json[i], next = i + 1 < n ? (unsigned char)json[i + 1] : 0;
        size_t len = c == 0x7f ? 1 : c == 0xc2 && next >= 0x80 && next < 0xa0 ? 2 : 0;
        if (len == 0)
            continue;
        fwrite(json + from, 1, i - from, stream);
        fprintf(stream, "\\u00%02x", len == 1 ? c : next);
        i += len - 1;
        from = i + 1;
    }
    fwrite(json + from, 1, n - from, stream);
}

size_t terminal_fit(const char *text, size_t n, int columns)
{
    mbstate_t state = {0};
    size_t at = 0;
    while (at < n) {
        wchar_t c;
        size_t len = mbrtowc(&c, text + at, n - at, &state);
        int width = len == 0 || len > n - at ? 1 : wcwidth(c);
        if (len == 0 || len > n - at) {
            len = 1;
            memset(&state, 0, sizeof state);
        }
        columns -= width > 0 ? width : 0;
        if (columns < 0)
            break;
        at += len;
    }
    return at;
}

void terminal_wrap(FILE *stream, const char *text, int indent, int width)
{
    int room = width - indent, column = 0;
    while (*text != '\0') {
        int len = (int)strcspn(text, " \n");
        if (column > 0 && column + 1 + len > room) {
            fprintf(stream, "\n%*s", indent, "");
            column = 0;
        }
        fprintf(stream, "%s%.*s", column > 0 ? " " : "", len, text);
        column += len + (column > 0);
        text += len;
        if (*text == '\n') {
            fprintf(stream, "\n%*s", text[1] != '\0' ? indent : 0, "");
            column = 0;
        }
        text += *text != '\0';
    }
    fputc('\n', stream);
}
