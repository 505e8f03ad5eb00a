/* suite_host.c: the launcher of a setting, and one attack in a box of it. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fdutil.h"
#include "suite.h"

#define AS_NOBODY                                                                                  \
    "/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all"

/* The floors are what runs today: fewer cases mean that some were lost, not that some are skipped. */
static const struct setting settings[] = {
    {"root", ROOT, {NULL}, false, 745, 1, ALL_PLACES},
    {"user", USER, {AS_NOBODY, NULL}, true, 745, 1, ALL_PLACES},
    {"user_bare", USER_BARE, {AS_NOBODY, "@tests/no_namespaces", NULL}, true, 735, 1, ALL_PLACES},
    {"container", CONTAINER, {"@tests/container_standin", NULL}, false, 735, 1, ALL_PLACES},
    {"container_user",
     CONTAINER_USER,
     {"@tests/container_standin", "--user", NULL},
     true,
     670,
     1,
     ALL_PLACES},
    /* A box takes a tenth of a second there. */
    {"uml", UML, {NULL}, false, 0, 4, IN_RUN | BY_SUITE},
    {"uml_user", UML_USER, {AS_NOBODY, NULL}, true, 0, 4, IN_RUN | BY_SUITE},
};

const struct setting *suite_setting(const char *name)
{
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        if (strcmp(settings[i].name, name) == 0)
            return &settings[i];
    }
    return NULL;
}

/* ---- the launcher ---- */

static int copy_file(const char *from, const char *to)
{
    struct buf b = BUF_INIT((size_t)64 << 20);
    int rc = buf_read_file(&b, from);
    int fd = rc == 0 ? open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755) : -1;
    rc = fd >= 0 ? fd_write_all(fd, b.data, b.len) : -1;
    fd_close(&fd);
    buf_clear(&b);
    return rc;
}

static int make_dir(struct suite *s)
{
    char from[4096], text[400];
    snprintf(s->dir, sizeof s->dir, "%s/attack-XXXXXX",
             getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    if (mkdtemp(s->dir) == NULL || chmod(s->dir, 0755) < 0)
        return -1;
    host_build_path(from, sizeof from, "tests/plugins/attack_plugin.so");
    snprintf(s->plugin, sizeof s->plugin, "%s/attack", s->dir);
    snprintf(text, sizeof text, "%s.so", s->plugin);
    if (copy_file(from, text) < 0)
        return -1;
    /* What everybody may read, and nobody in a box; and where everybody may write. */
    snprintf(text, sizeof text, "%s/canary", s->dir);
    int fd = open(text, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    const int rc = fd >= 0 ? fd_write_all(fd, "canary", 6) : -1;
    fd_close(&fd);
    snprintf(text, sizeof text, "%s/open", s->dir);
    return rc < 0 || mkdir(text, 0777) < 0 || chmod(text, 0777) < 0 ? -1 : 0;
}

static int listen_at(int fd, const struct sockaddr *at, socklen_t n)
{
    if (fd < 0 || bind(fd, at, n) < 0 || listen(fd, 8) < 0)
        return -1;
    return 0;
}

static int listen_on_port(int *fd)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof at;
    *fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listen_at(*fd, (const struct sockaddr *)&at, n) < 0 ||
        getsockname(*fd, (struct sockaddr *)&at, &n) < 0)
        return -1;
    return ntohs(at.sin_port);
}

/* Somebody who is there to be talked to: two ports, and a name that is no file. */
static int make_listeners(struct suite *s)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    const int n = snprintf(at.sun_path + 1, sizeof at.sun_path - 1, "penstock-attack-%d", getpid());
    s->allowed_port = listen_on_port(&s->listeners[0]);
    s->refused_port = listen_on_port(&s->listeners[1]);
    s->listeners[2] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return listen_at(s->listeners[2], (const struct sockaddr *)&at,
                     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n));
}

const char *suite_path(const struct suite *s, const char *path)
{
    static char text[512];
    const struct {
        const char *name, *format, *text;
        int number;
    } names[] = {
        {"%canary", "%s/canary", s->dir, 0},
        {"%dir", "%s", s->dir, 0},
        {"%open", "%s/open", s->dir, 0},
        {"%state", "%s", s->host.state, 0},
        {"%boxes", "%s/boxes", s->host.state, 0},
        {"%allowed-port", "%.0s%d", "", s->allowed_port},
        {"%refused-port", "%.0s%d", "", s->refused_port},
        {"%abstract", "%.0s@penstock-attack-%d", "", getpid()},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(names[i].name, path) == 0) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
            snprintf(text, sizeof text, names[i].format, names[i].text, names[i].number);
#pragma GCC diagnostic pop
            return text;
        }
    }
    return path;
}

static void fill_wrapper(struct suite *s)
{
    static char paths[HOST_ARGS][4096];
    size_t n = 0;
    for (size_t i = 0; s->setting->wrapper[i] != NULL; i++) {
        const char *word = s->setting->wrapper[i];
        /* Who is no root already needs nobody to become one. */
        if (geteuid() != 0 && word[0] != '@')
            continue;
        if (word[0] == '@') {
            host_build_path(paths[i], sizeof paths[i], word + 1);
            word = paths[i];
        }
        s->options.wrapper[n++] = word;
    }
    s->options.wrapper[n] = NULL;
}

/* A build below a folder that only root enters cannot be tried as somebody else. */
static bool nobody_reaches_the_build(void)
{
    char path[4096];
    int status = -1;
    host_build_path(path, sizeof path, "bin/penstock-launcher");
    const pid_t pid = fork();
    if (pid == 0)
        _exit(setresuid(HOST_USER, HOST_USER, HOST_USER) == 0 && access(path, X_OK) == 0 ? 0 : 1);
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

/* What a host's environment may hold, and a box must not see. */
static void poison_environment(void)
{
    setenv("PENSTOCK_SECRET", "must not reach a box", 1);
    setenv("LD_PRELOAD", "libm.so.6", 1);
    setenv("GLIBC_TUNABLES", "glibc.malloc.check=3", 1);
    setenv("LD_AUDIT", "", 1);
}

int suite_begin(struct suite *s, const char **why)
{
    *why = "needs root";
    if (geteuid() != 0 && (s->setting->bit & (ROOT | CONTAINER | CONTAINER_USER)) != 0)
        return -1;
    *why = "another user cannot reach the build";
    if (s->setting->is_user && geteuid() == 0 && !nobody_reaches_the_build())
        return -1;
    *why = "the launcher or its surroundings cannot be made";
    fill_wrapper(s);
    s->options.is_strict = true;
    s->options.owner = s->setting->is_user && geteuid() == 0 ? HOST_USER : 0;
    if (make_dir(s) < 0 || make_listeners(s) < 0)
        return -1;
    poison_environment();
    return host_start_with(&s->host, &s->options);
}

void suite_end(struct suite *s)
{
    suite_end_box(s);
    host_stop(&s->host);
    for (size_t i = 0; i < 3; i++)
        fd_close(&s->listeners[i]);
}

/* ---- one attack ---- */

void suite_end_box(struct suite *s)
{
    if (s->host.box != NULL)
        host_end_box(&s->host);
    s->box_of = NULL;
}

/* Constructors are asked by the name of their file. */
static const char *plugin_for(const struct suite *s, const struct attack_case *c, uint32_t place)
{
    static char path[300];
    char from[320], to[320];
    if (place != IN_CONSTRUCTOR)
        return s->plugin;
    snprintf(path, sizeof path, "%s/ctor-%s", s->dir, c->attack);
    snprintf(from, sizeof from, "%s.so", s->plugin);
    snprintf(to, sizeof to, "%s.so", path);
    if (link(from, to) < 0 && errno != EEXIST)
        suite_say(s, "%s: %s", to, strerror(errno));
    return path;
}

static uint32_t slower(const struct suite *s, uint32_t ms)
{
    return ms * s->setting->slow;
}

static void set_limits(struct suite *s, const struct attack_box *b)
{
    struct box_spec *spec = &s->host.spec;
    struct box_limits *l = &spec->limits;
    spec->rights = b->rights;
    if ((b->rights & BOX_MAY_NETWORK) != 0) {
        spec->n_ports = 1;
        spec->ports[0] = (uint16_t)s->allowed_port;
    }
    l->cpu_ms = b->cpu_ms > 0 ? slower(s, b->cpu_ms) : l->cpu_ms;
    l->load_timeout_ms = slower(s, b->load_ms > 0 ? b->load_ms : l->load_timeout_ms);
    l->threads = b->threads > 0 ? b->threads : l->threads;
    l->files = b->files > 0 ? b->files : l->files;
    l->memory_bytes = b->memory_bytes > 0 ? b->memory_bytes : l->memory_bytes;
    l->file_bytes = b->file_bytes > 0 ? b->file_bytes : l->file_bytes;
    l->dir_bytes = b->dir_bytes;
    l->dir_files = b->dir_files;
}

static bool is_warm(const struct attack_case *c, uint32_t place)
{
    return c->box->mode == BOX_WARM || place == IN_THREAD || place == IN_CLOSE;
}

void suite_box(struct suite *s, const struct attack_case *c, uint32_t place, const char *config)
{
    suite_end_box(s);
    host_spec(&s->host, plugin_for(s, c, place), "attack", is_warm(c, place) ? BOX_WARM : BOX_FORK,
              c->box->slots > 0 ? c->box->slots : 1);
    set_limits(s, c->box);
    s->host.spec.config = config;
    if (place == IN_CLOSE)
        s->host.spec.limits.recycle_after = 1;
    host_box(&s->host);
    if (s->host.box == NULL)
        return;
    s->walls = s->host.walls;
    s->box_of = c;
    s->box_place = place;
    left_count(s, &s->with_box);
}

/* The answer, the verdict, or how the box ended. */
void suite_outcome(const struct suite *s, char *found)
{
    static const char got[] = "{\"got\":\"";
    const struct host_outcome *o = &s->host.last;
    if (s->host.box == NULL && s->host.n_done == 0)
        snprintf(found, FOUND, "!%s: %s", code_name(s->host.ended_code), s->host.ended_text);
    else if (o->code != CODE_OK)
        snprintf(found, FOUND, "!%s: %.1000s %.2900s", code_name(o->code), o->message, o->details);
    else if (strncmp(o->data, got, sizeof got - 1) == 0)
        snprintf(found, FOUND, "%.*s", (int)strcspn(o->data + sizeof got - 1, "\""),
                 o->data + sizeof got - 1);
    else
        snprintf(found, FOUND, "%.100s", o->data);
}

void suite_task(struct suite *s, const struct attack_box *box, const char *params, char *found)
{
    host_params(&s->host, params, slower(s, box->timeout_ms > 0 ? box->timeout_ms : 5000));
    suite_outcome(s, found);
}

static void write_config(const struct suite *s, const struct attack_case *c, uint32_t place,
                         char *config, size_t size)
{
    const char *key = place == IN_OPEN     ? "open"
                      : place == IN_CLOSE  ? "close"
                      : place == IN_THREAD ? "thread"
                                           : "nothing";
    snprintf(config, size, "{\"%s\":\"%s\",\"path\":\"%s\"}", key,
             place == IN_THREAD ? "1" : c->attack,
             c->path != NULL && (place & (IN_OPEN | IN_CLOSE)) != 0 ? suite_path(s, c->path) : "");
}

/* In close nobody is left to answer to, but for standard output. */
static void found_in_close(struct suite *s, char *found)
{
    const char *at;
    suite_task(s, s->box_of->box, "{\"do\":\"fine\"}", found);
    host_wait_free(&s->host);
    at = strstr(s->host.logs, "close got ");
    if (at != NULL)
        snprintf(found, FOUND, "%.*s", (int)strcspn(at + 10, "\n"), at + 10);
    else if (strstr(s->host.logs, "close begins") != NULL)
        snprintf(found, FOUND, "!SANDBOX_VIOLATION: the worker died in close");
    else
        snprintf(found, FOUND, "close was not called");
}

static bool can_share(const struct suite *s, const struct attack_case *c, uint32_t place)
{
    return s->host.box != NULL && s->box_of != NULL && s->box_of->box == c->box &&
           !c->box->is_own && s->box_place == place && (place == IN_RUN || place == IN_THREAD);
}

void suite_attack(struct suite *s, const struct attack_case *c, uint32_t place, char *found)
{
    char config[512], params[512];
    write_config(s, c, place, config, sizeof config);
    if (!can_share(s, c, place))
        suite_box(s, c, place, config);
    if (s->host.box == NULL) {
        suite_outcome(s, found);
        return;
    }
    if (place == IN_CLOSE) {
        found_in_close(s, found);
        return;
    }
    snprintf(params, sizeof params, "{\"do\":\"%s\",\"in\":\"%s\",\"path\":\"%s\"}",
             (place & IN_ZYGOTE) != 0 ? "before" : c->attack, place == IN_THREAD ? "thread" : "run",
             c->path != NULL ? suite_path(s, c->path) : "");
    suite_task(s, c->box, params, found);
}

/* ---- what was expected ---- */

/* "!CODE" or "!CODE(words)"; n is its length. */
static bool is_verdict(const char *expected, size_t n, const char *found)
{
    char text[128], *words;
    snprintf(text, sizeof text, "%.*s", (int)n, expected);
    words = strchr(text, '(');
    if (words != NULL) {
        *words++ = '\0';
        *strrchr(words, ')') = '\0';
    }
    const size_t len = strlen(text);
    return strncmp(found, text, len) == 0 && found[len] == ':' &&
           (words == NULL || strstr(found, words) != NULL);
}

static bool is_one(const char *expected, size_t n, uint32_t place, const char *found)
{
    static const char violation[] = "!SANDBOX_VIOLATION";
    if (n == 0 || expected[0] != '!')
        return strlen(found) == n && strncmp(expected, found, n) == 0;
    if ((place & IN_ZYGOTE) != 0 && strncmp(expected, violation, sizeof violation - 1) == 0)
        return is_verdict("!PLUGIN_LOAD_FAILED(SIGSYS)", 27, found);
    if (place == IN_CLOSE)
        return strncmp(found, violation, sizeof violation - 1) == 0;
    return is_verdict(expected, n, found);
}

bool suite_is_expected(const struct attack_case *c, uint32_t place, const char *found)
{
    const char *at = (place & IN_ZYGOTE) != 0 && c->in_zygote != NULL ? c->in_zygote : c->expected;
    for (;;) {
        const size_t n = strcspn(at, "|");
        if (is_one(at, n, place, found))
            return true;
        if (at[n] == '\0')
            return false;
        at += n + 1;
    }
}
