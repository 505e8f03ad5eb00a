/* hints.c: from reasons to remedies. Pure. */
#include "hints.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* "libvips.so.42" lies in libvips42, "libfoo-1.so.2" in libfoo-1-2: Debian's rule for names of
 * library packages. */
static void package_of(const char *soname, char *out, size_t size)
{
    const char *so = strstr(soname, ".so");
    size_t stem = so != NULL ? (size_t)(so - soname) : strlen(soname), n;
    const char *version = so != NULL && so[3] == '.' ? so + 4 : "";
    snprintf(out, size, "%.*s%s%s", (int)stem, soname,
             stem > 0 && isdigit((unsigned char)soname[stem - 1]) && *version != '\0' ? "-" : "",
             version);
    n = strlen(out);
    for (size_t i = 0; i < n; i++)
        out[i] = out[i] == '_' ? '-' : (char)tolower((unsigned char)out[i]);
}

static int missing_library(const char *reason, char *out, size_t size)
{
    static const char mark[] = "it needs the library ";
    char soname[128], package[160];
    const char *at = strstr(reason, mark);
    if (at == NULL)
        return 0;
    at += sizeof mark - 1;
    snprintf(soname, sizeof soname, "%.*s", (int)strcspn(at, ", "), at);
    package_of(soname, package, sizeof package);
    snprintf(out, size,
             "the package %s may have it (apt-file search %s tells); or put it beside the plugin, "
             "which is linked with "
             "-Wl,-rpath,'$ORIGIN'",
             package, soname);
    return 1;
}

/* The first word that is found in the reason counts. */
static const struct {
    const char *word, *hint;
} hints[] = {
    {"__asan_",
     "it was built with AddressSanitizer, whose runtime is not loaded here: build it without"},
    {"__tsan_",
     "it was built with ThreadSanitizer, whose runtime is not loaded here: build it without"},
    {"__ubsan_", "build it with -fsanitize-undefined-trap-on-error, or without the sanitizer"},
    {"GLIBCXX_",
     "it was built with a newer C++ library: build it on the oldest system that shall run it"},
    {"GLIBC_", "it was built on a newer system: build it on the oldest one that shall run it"},
    {"it needs the symbol",
     "link the library that has it; -Wl,--no-undefined finds this when the plugin is built"},
    {"wrong ELF class", "it was built for another kind of processor (32 bits)"},
    {"invalid ELF header", "the file is no shared library"},
    {"file too short", "the file is no shared library, or was cut off while it was copied"},
    {"no symbol pen_plugin_entry",
     "sdk/template shows how a plugin exports it: const pen_plugin pen_plugin_entry = {...}"},
    {"changed after it was signed", "sign it again if that was meant: penstock plugin sign"},
    {"expected sha256",
     "if this is the file that it should be, put its digest into plugin \"ID\" { sha256 = ... }"},
    {"not signed", "penstock plugin sign FILE.so --key KEY signs it"},
    {"which is not trusted", "host.trusted_keys names the public keys of those who may sign"},
    {"expected owner", "chown makes it right"},
    {"only its owner may write", "chmod go-w makes it right"},
    {"killed by signal", "its constructors and open run then: try them under a debugger"},
};

const char *hint_for_reason(const char *reason, char *out, size_t size)
{
    *out = '\0';
    if (missing_library(reason, out, size))
        return out;
    for (size_t i = 0; i < sizeof hints / sizeof *hints; i++) {
        if (strstr(reason, hints[i].word) != NULL) {
            snprintf(out, size, "%s", hints[i].hint);
            break;
        }
    }
    return out;
}
