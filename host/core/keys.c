/* keys.c: who may come in over TCP. Runs in penstock-core. */
#include "core/keys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "core/peers.h"
#include "loop/loop.h"
#include "sandbox/plugin_file.h"
#include "wire/zap.h"

/* Who is not let in tries again ten times a second: one line tells of many. */
enum { LOOK_MS = 1000, TELL_MS = 10000 };

struct keys {
    struct curve_pair pair;
    struct zap *zap;
    struct allowed *allowed;
    struct stat read;     /* of the file as it was read last */
    struct stat changing; /* of the file that was written to, at the last look */
    struct loop_timer *look;
    bool has_told;
    int64_t told_ms; /* monotonic: of the last line about one who was not let in */
    int64_t n_untold;
};

/* ---- the list
 * ------------------------------------------------------------------------------------- */

static bool is_same_time(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool is_same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static bool is_same(const struct stat *a, const struct stat *b)
{
    return is_same_file(a, b) && a->st_size == b->st_size && a->st_mode == b->st_mode &&
           a->st_uid == b->st_uid && is_same_time(a->st_mtim, b->st_mtim) &&
           is_same_time(a->st_ctim, b->st_ctim);
}

/* All zero: there is none. */
static struct stat state_of(const char *path)
{
    struct stat st;
    if (stat(path, &st) < 0)
        memset(&st, 0, sizeof st);
    return st;
}

/* NULL: logged, and why (PLUGIN_WHY bytes) says it too. */
static struct allowed *read_list(const char *path, char *why)
{
    struct buf text = BUF_INIT(ALLOWED_FILE_MAX);
    struct allowed *a = NULL;
    if (plugin_text_read(path, false, &text, why) < 0)
        log_error("the list of allowed keys cannot be used", LS("why", why));
    else if ((a = allowed_parse((const char *)text.data, text.len, why)) == NULL)
        log_error("the list of allowed keys is wrong", LS("file", path), LS("why", why));
    buf_clear(&text);
    return a;
}

/* found: what the file looked like before it is read. */
static bool take_list(struct core *c, const struct stat *found, char *why)
{
    struct keys *k = c->keys;
    k->read = *found;
    struct allowed *a = read_list(c->host->allowed_keys, why);
    if (a == NULL)
        return false;
    allowed_free(k->allowed);
    k->allowed = a;
    log_info("clients with keys may come in over TCP", LS("file", c->host->allowed_keys),
             LI("keys", allowed_count(a)));
    peers_revoke(c);
    return true;
}

/* A file that was put in the place of the old one is whole. */
static void look(struct core *c, bool is_tick)
{
    struct keys *k = c->keys;
    char why[PLUGIN_WHY];
    const struct stat found = state_of(c->host->allowed_keys);
    if (is_same(&found, &k->read))
        return;
    if (!is_same_file(&found, &k->read) || (is_tick && is_same(&found, &k->changing)))
        take_list(c, &found, why);
    else if (is_tick)
        k->changing = found;
}

static void on_look(void *arg)
{
    struct core *c = arg;
    look(c, true);
    loop_timer_after(c->keys->look, LOOK_MS);
}

int keys_reload(struct core *c, struct refusal *r)
{
    char why[PLUGIN_WHY];
    if (c->keys == NULL)
        return 0;
    const struct stat found = state_of(c->host->allowed_keys);
    return take_list(c, &found, why) ? 0 : refuse_at(r, "host.allowed_keys", "%s", why);
}

/* ---- who comes
 * ------------------------------------------------------------------------------------ */

static void tell_refused(struct core *c, const struct zap_request *request, const char *hex)
{
    struct keys *k = c->keys;
    const int64_t now = loop_now_ms(c->loop);
    if (k->has_told && now < k->told_ms + TELL_MS) {
        k->n_untold++;
        return;
    }
    log_warn("a client is not let in: its key is not in the list", LS("address", request->address),
             LS("key", hex), LI("others_since_the_last_line", k->n_untold));
    k->has_told = true;
    k->told_ms = now;
    k->n_untold = 0;
}

static bool on_peer(void *arg, const struct zap_request *request)
{
    struct core *c = arg;
    char hex[CURVE_HEX];
    curve_key_hex(&request->key, hex);
    look(c, false);
    const struct allowed_key *found = keys_find(c, hex);
    if (found == NULL) {
        c->stats.keys_refused++;
        tell_refused(c, request, hex);
        return false;
    }
    c->stats.keys_admitted++;
    log_debug("a client is let in", LS("name", found->name), LS("address", request->address));
    return true;
}

const struct allowed_key *keys_find(const struct core *c, const char *hex)
{
    return c->keys != NULL ? allowed_find(c->keys->allowed, hex, strlen(hex)) : NULL;
}

const struct curve_pair *keys_pair(const struct core *c)
{
    return c->keys != NULL ? &c->keys->pair : NULL;
}

/* ---- the start and the end
 * ------------------------------------------------------------------------ */

static int read_own_key(struct core *c)
{
    char why[CURVE_WHY], hex[CURVE_HEX];
    if (curve_pair_read(c->host->curve_key_file, &c->keys->pair, why) < 0) {
        c->is_refused = true; /* starting again does not make it */
        const bool is_absent = errno == ENOENT;
        log_error("the host's key for TCP cannot be used", LS("why", why),
                  LS("help", is_absent ? "penstock key new --host makes it" : ""));
        return -1;
    }
    curve_key_hex(&c->keys->pair.public_part, hex);
    log_info("TCP is encrypted; clients know the host by this key", LS("server_key", hex));
    return 0;
}

int keys_init(struct core *c)
{
    if (c->host->tcp[0] == '\0' || c->host->allowed_keys[0] == '\0')
        return 0;
    c->keys = calloc(1, sizeof *c->keys);
    if (c->keys == NULL) {
        log_error("no memory to start");
        return -1;
    }
    return read_own_key(c);
}

int keys_open(struct core *c)
{
    struct keys *k = c->keys;
    char why[PLUGIN_WHY];
    if (k == NULL)
        return 0;
    const struct stat found = state_of(c->host->allowed_keys);
    if (!take_list(c, &found, why)) {
        c->is_refused = true;
        return -1;
    }
    k->zap = zap_new(c->loop, c->zmq, on_peer, c);
    k->look = k->zap != NULL ? loop_timer_new(c->loop, on_look, c) : NULL;
    if (k->look == NULL) {
        log_error("keys over TCP cannot be checked", LE(errno));
        return -1;
    }
    loop_timer_after(k->look, LOOK_MS);
    return 0;
}

void keys_clear(struct core *c)
{
    struct keys *k = c->keys;
    if (k == NULL)
        return;
    zap_free(k->zap);
    loop_timer_free(k->look);
    allowed_free(k->allowed);
    curve_pair_clear(&k->pair);
    free(k);
    c->keys = NULL;
}
