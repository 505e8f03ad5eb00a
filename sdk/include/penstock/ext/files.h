#ifndef PENSTOCK_EXT_FILES_H
#define PENSTOCK_EXT_FILES_H

/*
 * penstock/ext/files.h: "pen.files/1", the task's own directory, for libraries that want paths. A
 * pipeline lists PEN_EXT_FILES in its needs and asks for it in run: host->extension(host,
 * PEN_EXT_FILES). Everything in the directory is removed after the task; its size and number of
 * files are limited.
 */

#include <penstock/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PEN_EXT_FILES "pen.files/1"

typedef struct pen_files {
    uint32_t size;

    /* Absolute path of the directory, empty at the start of a task. Never NULL; borrowed until run
     * returns. [run] */
    const char *(*dir)(const pen_host *host);

    /* Absolute path of an input as a read-only file, written when first asked for. Borrowed until
     * run returns. NULL: there is no such input, or it cannot be written (no space). [run] */
    const char *(*input_path)(const pen_host *host, const char *name);

    /* Hands over a regular file below dir as an output, as host->output does with bytes. path is
     * absolute or relative to dir. From here on the file is the host's: do not change it.
     * PEN_E_INTERNAL: as output, or the path leads out of dir, is a link, or is no regular file.
     * [run] */
    pen_status (*output_file)(const pen_host *host, const char *name, const char *media_type,
                              const char *path);
} pen_files;

#ifdef __cplusplus
}
#endif

#endif
