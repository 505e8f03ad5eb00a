/* cli.c: what the command line says to stderr. */
#include "cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

#include "terminal.h"

#include "base/buf.h"

enum { LINE_MAX_BYTES = 64 * 1024 };

/* One line, written at once. */
static void say(const struct cli *cli, const char *color, const char *label, const char *hint,
                const char *format, va_list ap)
{
    struct buf words = BUF_INIT(LINE_MAX_BYTES), line = BUF_INIT(8 * LINE_MAX_BYTES);
    int is_colored = cli->has_color_err && color != NULL;
    buf_vprintf(&words, format, ap);
    if (is_colored)
        buf_append_str(&line, color);
    buf_append_str(&line, label);
    if (is_colored)
        buf_append_str(&line, COLOR_OFF);
    terminal_escape(&line, (const char *)words.data, words.len);
    if (hint != NULL) {
        buf_append_str(&line, ": ");
        terminal_escape(&line, hint, strlen(hint));
    }
    buf_append_char(&line, '\n');
    fflush(stdout); /* keeps the order where both go to one terminal */
    fwrite(line.data, 1, line.len, stderr);
    buf_clear(&words);
    buf_clear(&line);
}

int cli_fail(const struct cli *cli, int status, const char *hint, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    say(cli, COLOR_RED, "penstock: ", hint, format, ap);
    va_end(ap);
    return status;
}

void cli_warn(const struct cli *cli, const char *format, ...)
{
    va_list ap;
    if (cli->common.is_quiet)
        return;
    va_start(ap, format);
    say(cli, COLOR_YELLOW, "penstock: warning: ", NULL, format, ap);
    va_end(ap);
}

void cli_note(const struct cli *cli, const char *format, ...)
{
    va_list ap;
    if (cli->common.is_quiet)
        return;
    va_start(ap, format);
    say(cli, NULL, "", NULL, format, ap);
    va_end(ap);
}

int cli_no_memory(const struct cli *cli)
{
    return cli_fail(cli, CLI_FAIL, NULL, "out of memory");
}
