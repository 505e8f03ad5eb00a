/*
 * crash_frames.c: where a process is, from inside one of its signal handlers. Runs in zygote, tasks
 * and warm workers.
 *
 * Nothing here takes a lock: what an address lies in is told by _dl_find_object, which glibc makes
 * for unwinders and promises to be safe in handlers. It knows libraries that the plugin has opened
 * a moment ago too, so that no table of them has to be kept. Build-ids are read from the mapped
 * headers. The unwinder asks the same function.
 */
#include "sandbox/crash_frames.h"

#include <dlfcn.h>
#include <elf.h>
#include <execinfo.h>
#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "sandbox/chan.h"

/* Its name in reports: the linker's list has none for it. */
#define PROGRAM "penstock-box"

enum {
    HANDLER_FRAMES = 8 /* of the handler and the kernel's trampoline; fewer with optimisation */
};

static uint64_t pc_of(const ucontext_t *u)
{
#if defined(__x86_64__)
    return (uint64_t)u->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
    return u->uc_mcontext.pc;
#else
    (void)u;
    return 0;
#endif
}

/* Where a call has come from that went astray before its first instruction. */
static uint64_t caller_of(const ucontext_t *u)
{
#if defined(__x86_64__)
    return *(const uint64_t *)(uintptr_t)u->uc_mcontext.gregs[REG_RSP];
#elif defined(__aarch64__)
    return u->uc_mcontext.regs[30];
#else
    (void)u;
    return 0;
#endif
}

/* ---- what an address lies in ---- */

static bool find(uint64_t address, struct dl_find_object *o)
{
    return _dl_find_object((void *)(uintptr_t)address, o) == 0;
}

static bool is_inside(const struct dl_find_object *o, uintptr_t at, size_t n)
{
    const uintptr_t start = (uintptr_t)o->dlfo_map_start, end = (uintptr_t)o->dlfo_map_end;
    return at >= start && at <= end && n <= end - at;
}

/* Linkers put the ELF header and the program headers into the first page of an object. NULL: not
 * here. */
static const ElfW(Phdr) * program_headers(const struct dl_find_object *o, size_t *n)
{
    const ElfW(Ehdr) *e = o->dlfo_map_start;
    if (!is_inside(o, (uintptr_t)e, sizeof *e) || memcmp(e->e_ident, ELFMAG, SELFMAG) != 0 ||
        e->e_phentsize != sizeof(ElfW(Phdr)))
        return NULL;
    *n = e->e_phnum;
    const uintptr_t at = (uintptr_t)e + e->e_phoff;
    return is_inside(o, at, *n * sizeof(ElfW(Phdr))) ? (const ElfW(Phdr) *)at : NULL;
}

static size_t padded(size_t n, size_t align)
{
    return (n + align - 1) / align * align;
}

static void take_build_id(struct crash_module *m, const unsigned char *id, size_t n)
{
    m->build_id_len = (uint32_t)(n < CRASH_BUILD_ID_MAX ? n : CRASH_BUILD_ID_MAX);
    memcpy(m->build_id, id, m->build_id_len);
}

static void read_notes(struct crash_module *m, const unsigned char *at, size_t n, size_t align)
{
    const ElfW(Nhdr) * note;
    while (n >= sizeof *note) {
        note = (const void *)at;
        const size_t name = sizeof *note, id = name + padded(note->n_namesz, align);
        const size_t next = id + padded(note->n_descsz, align);
        if (next > n)
            return;
        if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == sizeof ELF_NOTE_GNU &&
            memcmp(at + name, ELF_NOTE_GNU, sizeof ELF_NOTE_GNU) == 0)
            take_build_id(m, at + id, note->n_descsz);
        at += next;
        n -= next;
    }
}

static void read_build_id(struct crash_module *m, const struct dl_find_object *o)
{
    size_t n = 0;
    const ElfW(Phdr) *headers = program_headers(o, &n);
    for (size_t i = 0; headers != NULL && i < n && m->build_id_len == 0; i++) {
        const ElfW(Phdr) *h = &headers[i];
        const uintptr_t at = o->dlfo_link_map->l_addr + h->p_vaddr;
        if (h->p_type == PT_NOTE && is_inside(o, at, h->p_memsz))
            read_notes(m, (const void *)at, h->p_memsz, h->p_align == 8 ? 8 : 4);
    }
}

static void put_name(struct crash_module *m, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    if (*name == '\0')
        name = PROGRAM;
    const size_t n = strnlen(name, CRASH_NAME_MAX - 1);
    memcpy(m->name, name, n);
    m->name[n] = '\0';
}

static uint32_t module_of(struct crash_report *c, uint64_t address)
{
    struct dl_find_object o;
    if (!find(address, &o))
        return CRASH_NO_MODULE;
    const uint64_t bias = o.dlfo_link_map->l_addr;
    for (uint32_t i = 0; i < c->n_modules; i++) {
        if (c->modules[i].bias == bias)
            return i;
    }
    if (c->n_modules == CRASH_MODULES_MAX)
        return CRASH_NO_MODULE;
    struct crash_module *m = &c->modules[c->n_modules];
    m->bias = bias;
    m->build_id_len = 0;
    put_name(m, o.dlfo_link_map->l_name);
    read_build_id(m, &o);
    return c->n_modules++;
}

/* ---- frames ---- */

static void put_frame(struct crash_report *c, uint64_t address)
{
    struct crash_frame *f = &c->frames[c->n_frames];
    f->address = address;
    f->module = module_of(c, address);
    c->n_frames++;
}

/* Fills frames from the one at pc on. 0: the unwinder did not come by there. */
static int unwind(void **frames, int size, uint64_t pc)
{
    int n = backtrace(frames, size), first = 0;
    while (first < n && (uint64_t)(uintptr_t)frames[first] != pc)
        first++;
    memmove(frames, frames + first, (size_t)(n - first) * sizeof *frames);
    return n - first;
}

void crash_frames_prepare(void)
{
    void *frame;
    backtrace(&frame, 1);
}

void crash_frames_first(struct crash_report *c, const ucontext_t *context)
{
    c->frames[0] = (struct crash_frame){pc_of(context), CRASH_NO_MODULE, 0};
    c->n_frames = 1;
    c->n_modules = 0;
}

void crash_frames_all(struct crash_report *c, const ucontext_t *context)
{
    void *frames[CRASH_FRAMES_MAX + HANDLER_FRAMES];
    struct dl_find_object o;
    const uint64_t pc = pc_of(context);
    if (!find(pc, &o)) {
        /* A jump to nowhere: the unwinder would look for code there, and fall over it. */
        if (find(caller_of(context), &o))
            put_frame(c, caller_of(context));
        return;
    }
    c->frames[0].module = module_of(c, pc);
    int n = unwind(frames, CRASH_FRAMES_MAX + HANDLER_FRAMES, pc);
    for (int i = 1; i < n && i < CRASH_FRAMES_MAX; i++)
        put_frame(c, (uint64_t)(uintptr_t)frames[i]);
}

/* ---- as text ---- */

/* What has called the plugin is always the same. */
static uint32_t frames_of_plugin(const struct crash_report *c)
{
    uint32_t n = c->n_frames;
    for (; n > 0; n--) {
        const uint32_t m = c->frames[n - 1].module;
        if (m != CRASH_NO_MODULE && strcmp(c->modules[m].name, PROGRAM) != 0 &&
            strncmp(c->modules[m].name, "libc.so", 7) != 0)
            return n;
    }
    return c->n_frames;
}

/* snprintf may take memory, and locks. */
static size_t put_hex(char *out, uint64_t v)
{
    size_t n = 0;
    for (int shift = 60; shift >= 0; shift -= 4) {
        const unsigned digit = (unsigned)(v >> shift) & 15;
        if (n > 0 || digit != 0 || shift == 0)
            out[n++] = "0123456789abcdef"[digit];
    }
    return n;
}

static void print_frame(const struct crash_report *c, const struct crash_frame *f, int fd)
{
    char text[CRASH_NAME_MAX + 24];
    size_t n = 0;
    const struct crash_module *m = f->module != CRASH_NO_MODULE ? &c->modules[f->module] : NULL;
    text[n++] = ' ';
    if (m != NULL) {
        const size_t len = strlen(m->name);
        memcpy(text + n, m->name, len);
        n += len;
        text[n++] = '+';
    }
    memcpy(text + n, "0x", 2);
    n += 2;
    n += put_hex(text + n, f->address - (m != NULL ? m->bias : 0));
    (void)!write(fd, text, n);
}

void crash_frames_print(const struct crash_report *c, int fd)
{
    enum { MOST = 8 };
    const uint32_t n = frames_of_plugin(c);
    (void)!write(fd, "crashed at", 10);
    for (uint32_t i = 0; i < n && i < MOST; i++)
        print_frame(c, &c->frames[i], fd);
    (void)!write(fd, "\n", 1);
}
