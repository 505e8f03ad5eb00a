/* doctor.c: `penstock doctor`: looks for what would keep a host from working here, and names
 * remedies. */
#include "doctor.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "cli.h"
#include "commands.h"
#include "settings.h"
#include "terminal.h"

#include "base/buf.h"
#include "base/json.h"
#include "conf/conf.h"
#include "sandbox/guarantee.h"

#include "penstock/plugin.h"

enum { DOCUMENT_MAX = 16 * 1024 * 1024, TEXT_MAX = 2048, NAME_WIDTH = 14, INDENT = 22 };

static const char *const finding_words[] = {"ok", "warn", "fail"};

static void write_finding(struct json_writer *w, enum finding how, const char *name,
                          const char *text, const char *remedy)
{
    json_open(w, '{');
    json_member_str(w, "check", name);
    json_member_str(w, "state", finding_words[how]);
    json_member_str(w, "text", text);
    if (how != FINDING_OK)
        json_member_str(w, "remedy", remedy);
    json_close(w, '}');
}

static void print_finding(const struct cli *cli, enum finding how, const char *name,
                          const char *text, const char *remedy)
{
    static const char *const colors[] = {COLOR_GREEN, COLOR_YELLOW, COLOR_RED};
    struct buf safe = BUF_INIT(8 * TEXT_MAX);
    if (how == FINDING_OK && cli->common.is_quiet)
        return;
    terminal_escape(&safe, text, strlen(text));
    printf("%s%-4s%s  %-*s  ", cli->has_color_out ? colors[how] : "", finding_words[how],
           cli->has_color_out ? COLOR_OFF : "", NAME_WIDTH, name);
    terminal_wrap(stdout, safe.len > 0 ? buf_cstr(&safe) : "", INDENT, terminal_width(stdout));
    if (how != FINDING_OK && remedy != NULL) {
        printf("%*s-> ", INDENT, "");
        terminal_wrap(stdout, remedy, INDENT + 3, terminal_width(stdout));
    }
    fflush(stdout);
    buf_clear(&safe);
}

void finding(struct doctor *d, enum finding how, const char *name, const char *remedy,
             const char *format, ...)
{
    char text[TEXT_MAX];
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    d->counts[how]++;
    if (d->w != NULL)
        write_finding(d->w, how, name, text, remedy);
    else
        print_finding(d->cli, how, name, text, remedy);
}

static void check_versions(struct doctor *d)
{
    struct utsname u;
    finding(d, FINDING_OK, "version", NULL, "penstock %s, plugin ABI %d.%d", PENSTOCK_VERSION,
            PEN_ABI_MAJOR, PEN_ABI_MINOR);
    if (uname(&u) == 0)
        finding(d, FINDING_OK, "kernel", NULL, "%s %s %s", u.sysname, u.release, u.machine);
}

static struct conf *check_config(struct doctor *d)
{
    struct conf_errors errors = {0};
    struct conf *conf = settings_read(d->cli, &errors);
    for (size_t i = 0; i < errors.n; i++)
        finding(d, FINDING_FAIL, "configuration",
                "penstock config reference tells what each key takes", "%s: %s",
                errors.items[i].where, errors.items[i].what);
    for (size_t i = 0; conf != NULL && i < conf_files(conf)->n; i++)
        finding(d, FINDING_OK, "configuration", NULL, "%s", conf_files(conf)->items[i]);
    if (conf != NULL && conf_files(conf)->n == 0)
        finding(d, FINDING_OK, "configuration", NULL, "no file; defaults and environment");
    conf_errors_clear(&errors);
    return conf;
}

static void examine(struct doctor *d)
{
    check_versions(d);
    struct conf *conf = check_config(d);
    if (conf == NULL)
        return;
    d->conf = conf;
    d->host = conf_host(conf);
    doctor_host(d);
    doctor_journal(d);
    doctor_box(d);
    conf_free(conf);
}

static int examine_for_people(struct doctor *d)
{
    examine(d);
    if (!d->cli->common.is_quiet)
        printf("%d ok, %d to look at, %d wrong\n", d->counts[FINDING_OK], d->counts[FINDING_WARN],
               d->counts[FINDING_FAIL]);
    return CLI_OK;
}

static int examine_for_programs(struct doctor *d)
{
    struct buf out = BUF_INIT(DOCUMENT_MAX);
    d->w = &d->writer;
    json_begin(d->w, &out);
    json_open(d->w, '{');
    json_key(d->w, "checks");
    json_open(d->w, '[');
    examine(d);
    json_close(d->w, ']');
    if (d->has_guarantees) {
        json_key(d->w, "guarantees");
        guarantees_write(d->guarantees, d->w);
    }
    json_member_int(d->w, "ok", d->counts[FINDING_OK]);
    json_member_int(d->w, "warn", d->counts[FINDING_WARN]);
    json_member_int(d->w, "fail", d->counts[FINDING_FAIL]);
    json_close(d->w, '}');
    int rc = json_end(d->w);
    if (rc == 0)
        printf("%.*s\n", (int)out.len, (const char *)out.data);
    buf_clear(&out);
    return rc == 0 ? CLI_OK : cli_no_memory(d->cli);
}

static int doctor(struct cli *cli, void *args, char **operands, int n)
{
    struct doctor d = {.cli = cli};
    (void)args;
    (void)operands;
    (void)n;
    int status = cli->common.is_json ? examine_for_programs(&d) : examine_for_people(&d);
    if (d.signo != 0)
        return CLI_SIGNAL + d.signo;
    return status == CLI_OK && d.counts[FINDING_FAIL] > 0 ? CLI_FAIL : status;
}

const struct command doctor_command = {
    .words = "doctor",
    .uses = USES_HOST | USES_CONFIG | USES_JSON,
    .summary = "Check what a host needs here: kernel, walls of a box, folders, sockets, plugins.",
    .text = "It starts a box with a plugin of its own. Run it as the user that runs the host. Exit "
            "status 1: something is "
            "wrong.",
    .run = doctor,
};
