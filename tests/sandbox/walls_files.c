/* walls_files.c: the launcher and the plugin's file: which files it takes and which it refuses, and
 * that what it looked at is what is loaded. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/fdutil.h"
#include "walls_kit.h"

static void echo_path(char *path)
{
    kit_path(path, "plugins/echo.so");
}

/* ---- owner, mode, kind, name ---- */

struct place {
    char dir[PATH_MAX];
    char file[PATH_MAX + 200];
};

/* A directory of the test's own with a copy of the plugin in it. */
static void make_place(struct place *p, const struct kit *k, const char *name)
{
    char echo[PATH_MAX];
    echo_path(echo);
    snprintf(p->dir, sizeof p->dir, "%s/plugins-XXXXXX",
             getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
    assert_non_null(mkdtemp(p->dir));
    assert_int_equal(chmod(p->dir, 0755), 0);
    snprintf(p->file, sizeof p->file, "%s/%s", p->dir, name);
    kit_copy(echo, p->file, 0644);
    (void)k;
}

static void world_writable(struct place *p)
{
    assert_int_equal(chmod(p->file, 0666), 0);
}

static void group_writable(struct place *p)
{
    assert_int_equal(chmod(p->file, 0664), 0);
}

static void writable_parent(struct place *p)
{
    assert_int_equal(chmod(p->dir, 0777), 0);
}

static void foreign(struct place *p)
{
    assert_int_equal(chown(p->file, 4242, 4242), 0);
}

static void missing(struct place *p)
{
    assert_int_equal(unlink(p->file), 0);
}

static void directory(struct place *p)
{
    missing(p);
    assert_int_equal(mkdir(p->file, 0755), 0);
}

static void fifo(struct place *p)
{
    missing(p);
    assert_int_equal(mkfifo(p->file, 0644), 0);
}

static void link_to_file(struct place *p)
{
    char other[PATH_MAX + 240];
    snprintf(other, sizeof other, "%s.real", p->file);
    assert_int_equal(rename(p->file, other), 0);
    assert_int_equal(symlink(other, p->file), 0);
}

static void character_device(struct place *p)
{
    missing(p);
    assert_int_equal(mknod(p->file, S_IFCHR | 0644, makedev(1, 3)), 0);
}

static void unix_socket(struct place *p)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    missing(p);
    assert_true(snprintf(at.sun_path, sizeof at.sun_path, "%s", p->file) < (int)sizeof at.sun_path);
    assert_int_equal(bind(fd, (const struct sockaddr *)&at, sizeof at), 0);
    fd_close(&fd);
}

/* Sticky, but its owner may replace what lies in it. */
static void sticky_of_a_stranger(struct place *p)
{
    assert_int_equal(chmod(p->dir, 01777), 0);
    assert_int_equal(chown(p->dir, 4242, 4242), 0);
}

static void foreign_parent(struct place *p)
{
    assert_int_equal(chown(p->dir, 4242, 4242), 0);
}

static void empty_path(struct place *p)
{
    p->file[0] = '\0';
}

static void long_name(struct place *p)
{
    p->file[0] = '/';
    memset(p->file + 1, 'a', PATH_MAX - 2);
    strcpy(p->file + PATH_MAX - 4, ".so");
}

static void relative(struct place *p)
{
    snprintf(p->file, sizeof p->file, "plugins/echo.so");
}

static void slash_behind(struct place *p)
{
    strcat(p->file, "/..");
}

static void nothing(struct place *p)
{
    (void)p;
}

struct refusal {
    const char *name;
    void (*spoil)(struct place *p);
    const char *said;
    bool needs_root;
};

static const struct refusal refusals[] = {
    {"echo.so", world_writable, "only its owner may write it, found mode 0666", false},
    {"echo.so", group_writable, "only its owner may write it, found mode 0664", false},
    {"echo.so", writable_parent, "only its owner may write it, found mode 0777", false},
    {"echo.so", foreign, "expected owner 0, found 4242", true},
    {"echo.so", missing, "No such file or directory", false},
    {"echo.so", directory, "expected a regular file, found a directory", false},
    {"echo.so", fifo, "expected a regular file, found a pipe", false},
    {"echo.so", link_to_file, "expected a regular file, found a link", false},
    {"echo.so", character_device, "expected a regular file, found a device", true},
    {"echo.so", unix_socket, "expected a regular file, found a socket", false},
    {"echo.so", sticky_of_a_stranger, "expected owner 0, found 4242", true},
    {"echo.so", foreign_parent, "expected owner 0, found 4242", true},
    {"echo.so", empty_path, "expected an absolute path", false},
    {"echo.so", long_name, "expected a path of at most", false},
    {"echo.so", relative, "expected an absolute path", false},
    {"echo.so", slash_behind, "expected a name like", false},
    {"echo.txt", nothing, "expected a name like", false},
    {".so", nothing, "expected a name like", false},
    {"-rf.so", nothing, "expected a name like", false},
    {"e cho.so", nothing, "expected a name like", false},
    {"ech\303\266.so", nothing, "expected a name like", false},
    {"echo\n.so", nothing, "expected a name like", false},
};

static void refuse(const struct kit *k, const struct place *p, const struct refusal *r)
{
    struct launch_start spec;
    union kit_message m;
    kit_spec(&spec, 1, p->file, BOX_SCAN, 1);
    kit_send_start(k, &spec, NULL);
    kit_expect(k->channel, LAUNCH_FAILED, &m);
    assert_int_equal(m.failed.is_plugin_fault, 1);
    assert_int_not_equal(m.failed.error, 0);
    if (strstr(m.failed.text, r->said) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", m.failed.text, r->said);
}

static void files_refused(void **state)
{
    struct kit k;
    int fds = -1;
    (void)state;
    kit_start(&k, geteuid() == 0 ? AS_ROOT : AS_USER, NULL);
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        struct place p = {"", ""};
        if (refusals[i].needs_root && geteuid() != 0)
            continue;
        make_place(&p, &k, refusals[i].name);
        refusals[i].spoil(&p);
        refuse(&k, &p, &refusals[i]);
        if (fds >= 0)
            assert_int_equal(kit_launcher_fds(&k), fds);
        fds = kit_launcher_fds(&k);
    }
    assert_int_equal(kit_stop(&k), 0);
}

/* In a sticky directory of root nobody replaces what belongs to another. */
static void sticky_directories_of_root_pass(void **state)
{
    struct kit k;
    struct place p = {"", ""};
    (void)state;
    if (geteuid() != 0)
        skip();
    kit_start(&k, AS_ROOT, NULL);
    make_place(&p, &k, "echo.so");
    assert_int_equal(chmod(p.dir, 01777), 0);
    kit_scan(&k, p.file);
    assert_int_equal(kit_stop(&k), 0);
}

static void lenient_files_taken(void **state)
{
    static const struct kit_options options = {.args = {"--lenient-files"}};
    void (*const spoils[])(struct place *) = {world_writable, writable_parent, link_to_file};
    struct kit k;
    (void)state;
    kit_start(&k, AS_USER, &options);
    for (size_t i = 0; i < sizeof spoils / sizeof *spoils; i++) {
        struct place p = {"", ""};
        make_place(&p, &k, "echo.so");
        spoils[i](&p);
        kit_scan(&k, p.file);
    }
    assert_int_equal(kit_stop(&k), 0);
}

static void links_among_the_parents(void **state)
{
    struct kit k;
    struct place p = {"", ""};
    char link[PATH_MAX + 16], path[PATH_MAX + 64];
    (void)state;
    kit_start(&k, geteuid() == 0 ? AS_ROOT : AS_USER, NULL);
    make_place(&p, &k, "echo.so");
    snprintf(link, sizeof link, "%s.link", p.dir);
    assert_int_equal(symlink(p.dir, link), 0);
    snprintf(path, sizeof path, "%s/../%s/./echo.so", link, strrchr(link, '/') + 1);
    kit_scan(&k, path);
    /* A loop ends, and a link of a stranger is not followed. */
    unlink(link);
    assert_int_equal(symlink(link, link), 0);
    snprintf(p.file, sizeof p.file, "%s/echo.so", link);
    const struct refusal loop = {"echo.so", nothing, "few links", false};
    refuse(&k, &p, &loop);
    if (geteuid() == 0) {
        const struct refusal stranger = {"echo.so", nothing, "expected owner 0, found 4242", true};
        unlink(link);
        assert_int_equal(symlink(p.dir, link), 0);
        assert_int_equal(lchown(link, 4242, 4242), 0);
        refuse(&k, &p, &stranger);
    }
    assert_int_equal(kit_stop(&k), 0);
}

/* plugins/foo/foo.so: what else is called .so goes along, and what is not stays. */
static void libraries_beside_the_plugin(void **state)
{
    struct kit k;
    struct kit_box b;
    struct launch_start spec;
    union kit_message m;
    struct place p = {"", ""};
    char path[PATH_MAX + 128], copies[64];
    (void)state;
    kit_start(&k, AS_USER_BARE, NULL);
    make_place(&p, &k, "echo.so");
    snprintf(path, sizeof path, "%s/echo", p.dir);
    assert_int_equal(mkdir(path, 0755), 0);
    snprintf(path, sizeof path, "%s/echo/echo.so", p.dir);
    assert_int_equal(rename(p.file, path), 0);
    snprintf(path, sizeof path, "%s/echo/libx.so.1.2", p.dir);
    kit_write(path, "not loaded", 0644);
    snprintf(path, sizeof path, "%s/echo/libx.so", p.dir);
    assert_int_equal(symlink("libx.so.1.2", path), 0);
    snprintf(path, sizeof path, "%s/echo/readme.txt", p.dir);
    kit_write(path, "stays", 0644);
    snprintf(path, sizeof path, "%s/echo/echo.so", p.dir);
    kit_spec(&spec, 5, path, BOX_FORK, 1);
    kit_box(&k, &b, &spec, NULL);
    kit_control(&b, CONTROL_READY, &m);
    snprintf(copies, sizeof copies, "copies/5");
    assert_int_equal(kit_count(&k, copies), 3);
    assert_int_equal(kit_box_stop(&k, &b), 0);

    const struct refusal writable = {"echo.so", nothing, "libx.so.1.2: expected that only", false};
    snprintf(p.file, sizeof p.file, "%s", path);
    snprintf(path, sizeof path, "%s/echo/libx.so.1.2", p.dir);
    assert_int_equal(chmod(path, 0666), 0);
    refuse(&k, &p, &writable);
    const struct refusal outside = {"echo.so", nothing, "expected a link within", false};
    assert_int_equal(chmod(path, 0644), 0);
    snprintf(path, sizeof path, "%s/echo/liby.so", p.dir);
    assert_int_equal(symlink("/usr/lib/liby.so", path), 0);
    refuse(&k, &p, &outside);
    assert_int_equal(kit_stop(&k), 0);
}

/* ---- the digest ---- */

static void digest_of(const char *path, char *hex)
{
    struct buf b = BUF_INIT((size_t)64 * 1024 * 1024);
    assert_int_equal(buf_read_file(&b, path), 0);
    digest_sha256(b.data, b.len, hex);
    buf_clear(&b);
}

/* What a scan of the file came to: the digest it was told, or why it was refused. */
struct scanned {
    bool is_refused;
    char sha256[BOX_DIGEST_MAX];
    char text[BOX_TEXT_MAX];
    struct buf descriptor;
};

static void read_descriptor(int fd, struct buf *out)
{
    struct data_head head;
    assert_int_equal(fd_read_all(fd, &head, sizeof head), 0);
    assert_int_equal(head.type, DATA_DESCRIPTOR);
    assert_int_equal(buf_reserve(out, head.len), 0);
    assert_int_equal(fd_read_all(fd, out->data, head.len), 0);
    out->len = head.len;
}

static void scan_with(const struct kit *k, const char *path, const char *sha256, uint32_t flags,
                      struct scanned *s)
{
    struct launch_start spec;
    union kit_message m;
    int fds[3] = {-1, -1, -1};
    size_t n = 3;
    *s = (struct scanned){.descriptor = BUF_INIT(65536)};
    kit_spec(&spec, 1, path, BOX_SCAN, 1);
    spec.flags = flags;
    snprintf(spec.sha256, sizeof spec.sha256, "%s", sha256);
    kit_send_start(k, &spec, NULL);
    const int type = kit_receive(k->channel, &m, fds, &n);
    if (type == LAUNCH_FAILED) {
        assert_int_equal(m.failed.is_plugin_fault, 1);
        s->is_refused = true;
        snprintf(s->text, sizeof s->text, "%s", m.failed.text);
        return;
    }
    assert_int_equal(type, LAUNCH_STARTED);
    memcpy(s->sha256, m.started.sha256, sizeof s->sha256);
    read_descriptor(fds[1], &s->descriptor);
    kit_expect(k->channel, LAUNCH_ENDED, &m);
    for (size_t i = 0; i < n; i++)
        fd_close(&fds[i]);
}

static void the_digest_must_fit(void **state)
{
    static const char wrong[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    struct kit k;
    struct scanned s;
    char path[PATH_MAX], right[DIGEST_HEX];
    (void)state;
    echo_path(path);
    digest_of(path, right);
    kit_start(&k, AS_USER, NULL);
    /* Nobody asks, nobody is told. */
    scan_with(&k, path, "", 0, &s);
    assert_string_equal(s.sha256, "");
    buf_clear(&s.descriptor);
    scan_with(&k, path, "", LAUNCH_DIGEST, &s);
    assert_string_equal(s.sha256, right);
    buf_clear(&s.descriptor);
    scan_with(&k, path, right, 0, &s);
    assert_false(s.is_refused);
    assert_string_equal(s.sha256, right);
    buf_clear(&s.descriptor);
    assert_int_equal(kit_stop(&k), 0);

    kit_start(&k, AS_USER, NULL);
    scan_with(&k, path, wrong, 0, &s);
    const int fds = kit_launcher_fds(&k);
    scan_with(&k, path, wrong, 0, &s);
    assert_true(s.is_refused);
    assert_non_null(strstr(s.text, wrong));
    assert_non_null(strstr(s.text, right));
    assert_int_equal(kit_launcher_fds(&k), fds);
    assert_int_equal(kit_stop(&k), 0);
}

/* Boxes of every kind load the copy that was looked at. */
static void boxes_of_a_digest(void **state)
{
    char path[PATH_MAX], right[DIGEST_HEX];
    (void)state;
    echo_path(path);
    digest_of(path, right);
    for (int setting = AS_USER; setting <= AS_USER_BARE; setting += AS_USER_BARE - AS_USER) {
        struct kit k;
        struct kit_box b;
        struct launch_start spec;
        union kit_message m;
        kit_start(&k, (enum setting)setting, NULL);
        kit_spec(&spec, 1, path, BOX_FORK, 2);
        memcpy(spec.sha256, right, sizeof spec.sha256);
        kit_box(&k, &b, &spec, NULL);
        kit_control(&b, CONTROL_READY, &m);
        assert_int_equal(kit_box_stop(&k, &b), 0);
        assert_int_equal(kit_stop(&k), 0);
    }
}

/* Puts other files in the place of the plugin, and other bytes into it, until it is killed. */
__attribute__((noreturn)) static void swap_for_ever(const struct place *p, const char *good,
                                                    const char *bad)
{
    char next[PATH_MAX + 240];
    snprintf(next, sizeof next, "%s.next", p->file);
    for (unsigned i = 0;; i++) {
        kit_copy(i % 2 == 0 ? bad : good, next, 0644);
        if (i % 4 == 0) {
            int fd = open(next, O_WRONLY | O_CLOEXEC);
            if (rename(next, p->file) < 0 || pwrite(fd, "\177ELF and nonsense", 18, 4096) < 0)
                _exit(1);
            fd_close(&fd);
        } else if (rename(next, p->file) < 0) {
            _exit(1);
        }
    }
}

/* The rename race: whatever lies there in between, only what has the digest is ever loaded. */
static void a_plugin_that_is_swapped_all_the_time(void **state)
{
    enum { RACE_MS = 2000 };
    struct kit k;
    struct place p = {"", ""};
    char echo[PATH_MAX], other[PATH_MAX], right[DIGEST_HEX];
    int n_taken = 0, n_refused = 0, status;
    (void)state;
    echo_path(echo);
    kit_path(other, "tests/plugins/dup_a.so");
    digest_of(echo, right);
    kit_start(&k, geteuid() == 0 ? AS_ROOT : AS_USER, NULL);
    make_place(&p, &k, "echo.so");
    const pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        swap_for_ever(&p, echo, other);
    const int64_t end = clock_mono_ms() + RACE_MS;
    while (clock_mono_ms() < end || n_taken == 0 || n_refused == 0) {
        struct scanned s;
        scan_with(&k, p.file, right, 0, &s);
        n_refused += s.is_refused;
        n_taken += !s.is_refused;
        if (s.is_refused) {
            assert_non_null(strstr(s.text, right));
            continue;
        }
        assert_string_equal(s.sha256, right);
        if (strstr(buf_cstr(&s.descriptor), "\"echo\"") == NULL)
            fail_msg("another plugin was loaded: %s", buf_cstr(&s.descriptor));
        buf_clear(&s.descriptor);
    }
    assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    print_message("%d taken, %d refused\n", n_taken, n_refused);
    assert_int_equal(kit_stop(&k), 0);
}

#define TEST(name) cmocka_unit_test_teardown(name, kit_teardown)

/* Patterns of test names may be given. */
int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(files_refused),
        TEST(sticky_directories_of_root_pass),
        TEST(lenient_files_taken),
        TEST(links_among_the_parents),
        TEST(libraries_beside_the_plugin),
        TEST(the_digest_must_fit),
        TEST(boxes_of_a_digest),
        TEST(a_plugin_that_is_swapped_all_the_time),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
