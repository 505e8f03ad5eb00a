/* plugin_trust.c: sealed copies of a plugin's files with their digests; public keys. Runs in the launcher and the
 * command line. */
#include "sandbox/plugin_trust.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/fdutil.h"
#include "base/log.h"

_Static_assert((int)PLUGIN_PARTS_MAX == (int)SIGNATURE_PARTS_MAX, "a signature lists every part");

/* All parts together: they lie in memory until the box has its own copy. */
#define SEALED_MAX ((int64_t)4 * 1024 * 1024 * 1024)

/* A copy that nobody can change, us included; its offset is at its beginning. */
static int seal_file(int from, int64_t *room, char *hex)
{
    const int seals = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
    int fd = memfd_create("penstock-plugin", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    const int64_t n = fd >= 0 ? digest_copy(from, fd, *room, hex) : -1;
    if (n < 0 || lseek(fd, 0, SEEK_SET) < 0 || fcntl(fd, F_ADD_SEALS, seals) < 0)
        fd_close(&fd);
    *room -= n;
    return fd;
}

int plugin_source_seal(struct plugin_source *s, struct signed_parts *parts, char *why)
{
    int64_t room = SEALED_MAX;
    parts->n = 0;
    for (uint32_t i = 0; i < s->n; i++) {
        struct plugin_part *from = &s->parts[i];
        struct signed_part *to = &parts->items[parts->n++];
        *to = (struct signed_part){.name = ""};
        snprintf(to->name, sizeof to->name, "%s", from->name);
        snprintf(to->link, sizeof to->link, "%s", from->link);
        if (from->fd < 0)
            continue;
        const int copy = seal_file(from->fd, &room, to->sha256);
        if (copy < 0) {
            const int saved = errno;
            snprintf(why, PLUGIN_WHY, "%s: a copy of it cannot be made: %s", from->name,
                     log_errno_text(errno));
            errno = saved;
            return -1;
        }
        fd_close(&from->fd);
        from->fd = copy;
    }
    return 0;
}

int plugin_key_read(const char *path, bool is_lenient, struct public_key *key, char *why)
{
    struct buf text = BUF_INIT(KEY_FILE_MAX);
    int rc = plugin_text_read(path, is_lenient, &text, why);
    if (rc == 0 && public_key_parse(key, (const char *)text.data, text.len) < 0) {
        snprintf(why, PLUGIN_WHY,
                 "%s: expected a public key as penstock plugin keygen writes it (NAME.pub)", path);
        errno = EINVAL;
        rc = -1;
    }
    buf_clear(&text);
    return rc;
}
