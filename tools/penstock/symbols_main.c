/*
 * symbols_main.c: penstock-symbols: finds functions and lines of addresses in ELF files. Started by
 * `penstock` (symbolize.c), with the files open.
 *
 * The files belong to plugins, which may have made them to break whoever reads them. So this is a
 * process without secrets, environment or rights: it sees no memory of `penstock`, can open nothing,
 * and make nothing but memory and its answer. A wall that does not stand ends it without an answer.
 */
#include <elfutils/libdwfl.h>
#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "symbols.h"

enum { EXIT_WALL = 125, CPU_S = 5, MEMORY_MAX = 1 << 30 };

/* ---- walls ---- */

static int limit(int resource, rlim_t most)
{
    const struct rlimit l = {most, most};
    return setrlimit((__rlimit_resource_t)resource, &l);
}

static int set_limits(void)
{
    return limit(RLIMIT_CPU, CPU_S) == 0 && limit(RLIMIT_AS, MEMORY_MAX) == 0 &&
                   limit(RLIMIT_FSIZE, 0) == 0 && limit(RLIMIT_CORE, 0) == 0 &&
                   limit(RLIMIT_NPROC, 0) == 0
               ? 0
               : -1;
}

/* What reading open files and answering needs; anything else, open above all, is refused. */
static int load_filter(void)
{
    static const int calls[] = {
        SCMP_SYS(read),       SCMP_SYS(pread64),   SCMP_SYS(write),        SCMP_SYS(lseek),
        SCMP_SYS(close),      SCMP_SYS(fstat),     SCMP_SYS(newfstatat),   SCMP_SYS(mmap),
        SCMP_SYS(munmap),     SCMP_SYS(mremap),    SCMP_SYS(brk),          SCMP_SYS(madvise),
        SCMP_SYS(futex),      SCMP_SYS(getrandom), SCMP_SYS(rt_sigreturn), SCMP_SYS(exit),
        SCMP_SYS(exit_group),
    };
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    int rc = filter != NULL ? 0 : -1;
    for (size_t i = 0; rc == 0 && i < sizeof calls / sizeof *calls; i++)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0);
    /* fcntl: whether a descriptor is open, and a second one for it. */
    if (rc == 0)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1,
                              SCMP_A1(SCMP_CMP_MASKED_EQ, ~(scmp_datum_t)3, 0));
    if (rc == 0)
        rc = seccomp_load(filter);
    seccomp_release(filter);
    return rc;
}

static int build_walls(void)
{
    return prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) == 0 && set_limits() == 0 ? load_filter()
                                                                                : -1;
}

/* ---- one file ---- */

/* There are no other files to look at. */
static int find_nothing(Dwfl_Module *module, void **data, const char *name, Dwarf_Addr base,
                        const char *file, const char *link, GElf_Word crc, char **found)
{
    (void)module;
    (void)data;
    (void)name;
    (void)base;
    (void)file;
    (void)link;
    (void)crc;
    (void)found;
    return -1;
}

static void put_text(char *out, size_t size, const char *text)
{
    snprintf(out, size, "%s", text != NULL ? text : "");
}

/* Compilers that leave .debug_aranges out (clang) make this walk through the units necessary. */
static Dwarf_Line *line_by_units(Dwfl_Module *module, Dwarf_Addr at)
{
    Dwarf_Addr bias = 0;
    for (Dwarf_Die *unit = NULL; (unit = dwfl_module_nextcu(module, unit, &bias)) != NULL;) {
        if (dwarf_haspc(unit, at - bias) > 0)
            return dwarf_getsrc_die(unit, at - bias);
    }
    return NULL;
}

static void find_line(Dwfl_Module *module, Dwarf_Addr at, struct symbols_answer *a)
{
    int number = 0;
    const char *source = NULL;
    Dwfl_Line *line = dwfl_module_getsrc(module, at);
    Dwarf_Line *other = line == NULL ? line_by_units(module, at) : NULL;
    if (line != NULL) {
        source = dwfl_lineinfo(line, NULL, &number, NULL, NULL, NULL);
    } else if (other != NULL && dwarf_lineno(other, &number) == 0) {
        source = dwarf_linesrc(other, NULL, NULL);
    }
    if (source == NULL || number <= 0)
        return;
    put_text(a->source, sizeof a->source, source);
    a->line = (uint32_t)number;
}

static void find_frame(Dwfl_Module *module, GElf_Addr bias, const struct symbols_frame *f,
                       struct symbols_answer *a)
{
    const Dwarf_Addr at = bias + f->offset - (f->is_return != 0 ? 1 : 0);
    GElf_Off inside;
    GElf_Sym symbol;
    if (a->function[0] == '\0')
        put_text(a->function, sizeof a->function,
                 dwfl_module_addrinfo(module, at, &inside, &symbol, NULL, NULL, NULL));
    if (a->line == 0)
        find_line(module, at, a);
}

static bool has_id(Dwfl_Module *module, const struct symbols_frame *f)
{
    const unsigned char *id;
    GElf_Addr where;
    const int n = dwfl_module_build_id(module, &id, &where);
    return n > 0 && f->build_id_len > 0 && f->build_id_len <= SYMBOLS_ID_MAX &&
           (uint32_t)n == f->build_id_len && memcmp(id, f->build_id, f->build_id_len) == 0;
}

static void read_module(Dwfl_Module *module, const struct symbols_request *r,
                        struct symbols_answer *answers)
{
    GElf_Addr bias;
    if (dwfl_module_getelf(module, &bias) == NULL)
        return;
    for (uint32_t i = 0; i < r->n_frames; i++) {
        if (has_id(module, &r->frames[i]))
            find_frame(module, bias, &r->frames[i], &answers[i]);
    }
}

static void read_file(int fd, const struct symbols_request *r, struct symbols_answer *answers)
{
    static const Dwfl_Callbacks callbacks = {.find_debuginfo = find_nothing,
                                             .section_address = dwfl_offline_section_address};
    Dwfl *session = dwfl_begin(&callbacks);
    if (session == NULL)
        return;
    Dwfl_Module *module = dwfl_report_offline(session, "file", "file", fd);
    dwfl_report_end(session, NULL, NULL);
    if (module != NULL)
        read_module(module, r, answers);
    dwfl_end(session);
}

/* ---- main ---- */

static int read_request(struct symbols_request *r)
{
    return read(STDIN_FILENO, r, sizeof *r) == (ssize_t)sizeof *r && r->magic == SYMBOLS_MAGIC &&
                   r->n_frames <= SYMBOLS_FRAMES_MAX && r->n_files <= SYMBOLS_FILES_MAX
               ? 0
               : -1;
}

/* Told as soon as it is complete: what a later file does to us does not take it back. */
static void answer(struct symbols_answer *answers, uint32_t n, bool is_last)
{
    for (uint32_t i = 0; i < n; i++) {
        struct symbols_answer *a = &answers[i];
        const bool is_complete = a->function[0] != '\0' && a->line != 0;
        if (a->frame != UINT32_MAX && (is_complete || (is_last && a->function[0] != '\0'))) {
            (void)!write(STDOUT_FILENO, a, sizeof *a);
            a->frame = UINT32_MAX;
        }
    }
}

int main(void)
{
    static struct symbols_answer answers[SYMBOLS_FRAMES_MAX];
    struct symbols_request request;
    if (build_walls() < 0)
        return EXIT_WALL;
    if (read_request(&request) < 0)
        return EXIT_FAILURE;
    for (uint32_t i = 0; i < request.n_frames; i++)
        answers[i].frame = i;
    for (uint32_t i = 0; i < request.n_files; i++) {
        read_file(SYMBOLS_FIRST_FD + (int)i, &request, answers);
        answer(answers, request.n_frames, i + 1 == request.n_files);
    }
    return EXIT_SUCCESS;
}
