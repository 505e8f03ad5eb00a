/* journal_main.c: penstock-journal, which reads the host's journal for `penstock journal`: the command
 * line itself does not know SQLite.
 *
 * usage: penstock-journal [--json] [--output FILE] check|status|export DIR
 *        penstock-journal [--json] backup DIR TO
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/fdutil.h"
#include "base/json.h"
#include "base/log.h"
#include "journal/journal_tools.h"

enum { EXIT_FINE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, DOCUMENT_MAX = 64 * 1024 * 1024 };

struct request {
    bool is_json;
    const char *output; /* NULL: standard output */
    const char *dir, *to;
};

static int fail(const char *why)
{
    fprintf(stderr, "penstock: %s\n", why);
    return EXIT_FAILED;
}

/* A document for programs; status is what comes of it if it can be printed. */
static int print_document(struct json_writer *w, struct buf *out, int status)
{
    if (json_end(w) < 0)
        status = fail("no memory");
    else
        printf("%.*s\n", (int)out->len, (const char *)out->data);
    buf_clear(out);
    return status;
}

/* ---- check ---- */

struct check {
    const struct request *request;
    struct json_writer w;
};

static void on_finding(void *arg, const char *line)
{
    struct check *c = arg;
    if (c->request->is_json)
        json_put_str(&c->w, line);
    else
        puts(line);
}

static int check(const struct request *r)
{
    char why[JOURNAL_WHY];
    struct buf out = BUF_INIT(DOCUMENT_MAX);
    struct check c = {.request = r};
    json_begin(&c.w, &out);
    json_open(&c.w, '{');
    json_key(&c.w, "findings");
    json_open(&c.w, '[');
    int n = journal_check(r->dir, on_finding, &c, why);
    json_close(&c.w, ']');
    json_close(&c.w, '}');
    int status = n == 0 ? EXIT_FINE : EXIT_FAILED;
    if (n >= 0 && r->is_json)
        return print_document(&c.w, &out, status);
    buf_clear(&out);
    if (n < 0)
        return fail(why);
    if (n == 0)
        printf("%s: all is well\n", r->dir);
    else
        printf("%d to look at: put a backup back, or start without: move %s away\n", n, r->dir);
    return status;
}

/* ---- status ---- */

static const char *const phases[] = {"open", "unacknowledged", "closed", "dead"};

static int print_status(const struct journal_summary *s, const struct request *r)
{
    struct buf out = BUF_INIT(DOCUMENT_MAX);
    struct json_writer w;
    json_begin(&w, &out);
    json_open(&w, '{');
    json_member_str(&w, "dir", r->dir);
    json_member_int(&w, "version", s->version);
    json_member_int(&w, "known_version", s->known_version);
    json_key(&w, "tasks");
    json_open(&w, '{');
    for (size_t i = 0; i < sizeof phases / sizeof *phases; i++)
        json_member_int(&w, phases[i], s->tasks[i]);
    json_close(&w, '}');
    json_member_int(&w, "file_bytes", s->file_bytes);
    json_member_int(&w, "wal_bytes", s->wal_bytes);
    json_member_int(&w, "spool_bytes", s->spool_bytes);
    json_member_int(&w, "ballast_bytes", s->ballast_bytes);
    json_member_int(&w, "free_bytes", s->free_bytes);
    json_close(&w, '}');
    return print_document(&w, &out, EXIT_FINE);
}

static int status(const struct request *r)
{
    char why[JOURNAL_WHY];
    struct journal_summary s;
    if (journal_summarize(r->dir, &s, why) < 0)
        return fail(why);
    if (r->is_json)
        return print_status(&s, r);
    printf("%s, version %d\n", r->dir, s.version);
    for (size_t i = 0; i < sizeof phases / sizeof *phases; i++)
        printf("%-15s %lld\n", phases[i], (long long)s.tasks[i]);
    printf("%-15s %lld bytes, log %lld, spool %lld, ballast %lld, free %lld\n", "files",
           (long long)s.file_bytes, (long long)s.wal_bytes, (long long)s.spool_bytes,
           (long long)s.ballast_bytes, (long long)s.free_bytes);
    return EXIT_FINE;
}

/* ---- backup ---- */

static int backup(const struct request *r)
{
    char why[JOURNAL_WHY];
    if (r->to == NULL)
        return EXIT_USAGE;
    if (journal_backup(r->dir, r->to, why) < 0)
        return fail(why);
    if (!r->is_json) {
        printf("%s: a copy of %s\n", r->to, r->dir);
        return EXIT_FINE;
    }
    struct buf out = BUF_INIT(DOCUMENT_MAX);
    struct json_writer w;
    json_begin(&w, &out);
    json_open(&w, '{');
    json_member_str(&w, "from", r->dir);
    json_member_str(&w, "to", r->to);
    json_close(&w, '}');
    return print_document(&w, &out, EXIT_FINE);
}

/* ---- export ---- */

static int on_line(void *arg, const char *json, size_t len)
{
    FILE *f = arg;
    return fwrite(json, 1, len, f) == len && fputc('\n', f) != EOF ? 0 : -1;
}

static FILE *open_output(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    /* One that was there before may have been for others too. */
    FILE *f = fd >= 0 && fchmod(fd, 0600) == 0 ? fdopen(fd, "w") : NULL;
    if (f == NULL)
        fd_close(&fd);
    return f;
}

static int export(const struct request *r)
{
    char why[JOURNAL_WHY];
    FILE *f = r->output != NULL ? open_output(r->output) : stdout;
    if (f == NULL) {
        snprintf(why, sizeof why, "%.150s: %s", r->output, log_errno_text(errno));
        return fail(why);
    }
    int rc = journal_export(r->dir, on_line, f, why);
    if ((f == stdout ? fflush(f) : fclose(f)) != 0 && rc == 0) {
        snprintf(why, sizeof why, "the lines could not be written: %s", log_errno_text(errno));
        rc = -1;
    }
    return rc < 0 ? fail(why) : EXIT_FINE;
}

/* ---- main ---- */

static const struct {
    const char *name;
    int (*run)(const struct request *r);
} verbs[] = {{"check", check}, {"status", status}, {"backup", backup}, {"export", export}};

static int usage(void)
{
    fputs("usage: penstock-journal [--json] [--output FILE] check|status|export DIR\n"
          "       penstock-journal [--json] backup DIR TO\n",
          stderr);
    return EXIT_USAGE;
}

int main(int argc, char **argv)
{
    static const struct option rows[] = {{"json", no_argument, NULL, 'j'},
                                         {"output", required_argument, NULL, 'o'},
                                         {NULL, 0, NULL, 0}};
    struct request r = {.is_json = false};
    for (int c; (c = getopt_long(argc, argv, "", rows, NULL)) != -1;) {
        if (c == '?')
            return usage();
        r.is_json |= c == 'j';
        r.output = c == 'o' ? optarg : r.output;
    }
    if (argc - optind < 2 || argc - optind > 3)
        return usage();
    r.dir = argv[optind + 1];
    r.to = argc - optind == 3 ? argv[optind + 2] : NULL;
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        if (strcmp(argv[optind], verbs[i].name) == 0) {
            int rc = verbs[i].run(&r);
            return rc == EXIT_USAGE ? usage() : rc;
        }
    }
    return usage();
}
