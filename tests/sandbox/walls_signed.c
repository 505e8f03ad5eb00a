/* walls_signed.c: the launcher and signatures of plugins: whose it takes, what they must fit, and
 * keys that it does not start with. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fdutil.h"
#include "sandbox/plugin_trust.h"
#include "walls_kit.h"

/* plugins/echo/echo.so, a library and a link beside it, signed by good. */
struct place {
    char dir[PATH_MAX];
    char file[PATH_MAX + 32], sig[PATH_MAX + 32], library[PATH_MAX + 32];
    char key[PATH_MAX + 32], stranger[PATH_MAX + 32];
    struct secret_key good, bad;
};

static void write_key(const char *path, const struct secret_key *secret)
{
    struct buf text = BUF_INIT(KEY_FILE_MAX);
    struct public_key key;
    secret_key_public(secret, &key);
    assert_int_equal(public_key_write(&key, &text), 0);
    kit_write(path, buf_cstr(&text), 0644);
    buf_clear(&text);
}

static void sign(const struct place *p, const struct secret_key *key)
{
    struct buf text = BUF_INIT(SIGNATURE_FILE_MAX);
    struct plugin_source source;
    struct signed_parts *parts = calloc(1, sizeof *parts);
    struct signature *s = calloc(1, sizeof *s);
    char why[PLUGIN_WHY] = "";
    assert_true(parts != NULL && s != NULL);
    if (plugin_source_open(&source, p->file, true, NULL, why) < 0 ||
        plugin_source_seal(&source, parts, why) < 0 || signature_make(s, parts, key, why) < 0)
        fail_msg("%s", why);
    plugin_source_close(&source);
    assert_int_equal(signature_write(s, &text), 0);
    kit_write(p->sig, buf_cstr(&text), 0644);
    buf_clear(&text);
    free(parts);
    free(s);
}

static void make_place(struct place *p)
{
    char echo[PATH_MAX], link[PATH_MAX + 32];
    snprintf(p->dir, sizeof p->dir, "%s/signed-XXXXXX",
             getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
    assert_non_null(mkdtemp(p->dir));
    assert_int_equal(chmod(p->dir, 0755), 0);
    snprintf(p->file, sizeof p->file, "%s/echo", p->dir);
    assert_int_equal(mkdir(p->file, 0755), 0);
    snprintf(p->file, sizeof p->file, "%s/echo/echo.so", p->dir);
    snprintf(p->sig, sizeof p->sig, "%s/echo/echo.so.sig", p->dir);
    snprintf(p->library, sizeof p->library, "%s/echo/libx.so.1", p->dir);
    snprintf(p->key, sizeof p->key, "%s/good.pub", p->dir);
    snprintf(p->stranger, sizeof p->stranger, "%s/bad.pub", p->dir);
    snprintf(link, sizeof link, "%s/echo/libx.so", p->dir);
    kit_path(echo, "plugins/echo.so");
    kit_copy(echo, p->file, 0644);
    kit_write(p->library, "not loaded", 0644);
    assert_int_equal(symlink("libx.so.1", link), 0);
    secret_key_new(&p->good);
    secret_key_new(&p->bad);
    write_key(p->key, &p->good);
    write_key(p->stranger, &p->bad);
    sign(p, &p->good);
}

/* "" if a box came to be, else why not. */
static void try_scan(const struct kit *k, const struct place *p, char *why)
{
    struct launch_start spec;
    union kit_message m;
    int fds[3] = {-1, -1, -1};
    size_t n = 3;
    *why = '\0';
    kit_spec(&spec, 1, p->file, BOX_SCAN, 1);
    kit_send_start(k, &spec, NULL);
    if (kit_receive(k->channel, &m, fds, &n) == LAUNCH_FAILED) {
        assert_int_equal(m.failed.is_plugin_fault, 1);
        snprintf(why, BOX_TEXT_MAX, "%s", m.failed.text);
        return;
    }
    assert_int_equal(m.head.type, LAUNCH_STARTED);
    kit_expect(k->channel, LAUNCH_ENDED, &m);
    assert_int_equal(m.ended.wait_status, 0);
    for (size_t i = 0; i < n; i++)
        fd_close(&fds[i]);
}

/* ---- what is done to a signed plugin ---- */

static void nothing(struct place *p)
{
    (void)p;
}

static void unsigned_one(struct place *p)
{
    assert_int_equal(unlink(p->sig), 0);
}

static void by_a_stranger(struct place *p)
{
    sign(p, &p->bad);
}

static void appended_to(const char *path)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    assert_int_equal(fd_write_all(fd, "x", 1), 0);
    fd_close(&fd);
}

static void plugin_changed(struct place *p)
{
    appended_to(p->file);
}

static void library_changed(struct place *p)
{
    appended_to(p->library);
}

static void library_gone(struct place *p)
{
    assert_int_equal(unlink(p->library), 0);
}

static void library_more(struct place *p)
{
    char path[PATH_MAX + 64];
    snprintf(path, sizeof path, "%s/echo/libmore.so", p->dir);
    kit_write(path, "more", 0644);
}

static void signature_changed(struct place *p)
{
    appended_to(p->sig);
}

static void signature_empty(struct place *p)
{
    kit_write(p->sig, "", 0644);
}

static void signature_writable(struct place *p)
{
    assert_int_equal(chmod(p->sig, 0664), 0);
}

static void signature_is_a_pipe(struct place *p)
{
    unsigned_one(p);
    assert_int_equal(mkfifo(p->sig, 0644), 0);
}

static void signature_is_endless(struct place *p)
{
    assert_int_equal(truncate(p->sig, SIGNATURE_FILE_MAX + 1), 0);
}

struct row {
    void (*change)(struct place *p);
    const char *required; /* what is said where a signature is required; "": it is taken */
    const char *wanted;   /* where a key is trusted only */
};

static const struct row rows[] = {
    {nothing, "", ""},
    {unsigned_one, "echo.so: not signed", ""},
    {signature_empty, "echo.so: not signed", ""},
    {by_a_stranger, "which is not trusted", ""},
    {plugin_changed, "echo.so was changed after it was signed", "echo.so was changed"},
    {library_changed, "libx.so.1 was changed after it was signed", "libx.so.1 was changed"},
    {library_gone, "libx.so.1 was signed too, and is missing", "is missing"},
    {library_more, "libmore.so was not signed", "libmore.so was not signed"},
    {signature_changed, "is no signature", "is no signature"},
    {signature_writable, "echo.so.sig: expected that only its owner may write it",
     "only its owner may write it"},
    {signature_is_a_pipe, "echo.so.sig: expected a regular file, found a pipe", "found a pipe"},
    {signature_is_endless, "echo.so.sig: Message too long", "Message too long"},
};

static void try_rows(bool is_required)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct place p;
        struct kit k;
        char key[PATH_MAX + 64], why[BOX_TEXT_MAX];
        const char *expected = is_required ? rows[i].required : rows[i].wanted;
        make_place(&p);
        rows[i].change(&p);
        snprintf(key, sizeof key, "--trusted-key=%s", p.key);
        const struct kit_options options = {
            .args = {key, is_required ? "--require-signature" : NULL}};
        kit_start(&k, geteuid() == 0 ? AS_ROOT : AS_USER, &options);
        try_scan(&k, &p, why);
        if ((expected[0] == '\0') != (why[0] == '\0') || strstr(why, expected) == NULL)
            fail_msg("%zu: \"%s\" does not say \"%s\"", i, why, expected);
        const int fds = kit_launcher_fds(&k);
        try_scan(&k, &p, why);
        if (why[0] != '\0')
            assert_int_equal(kit_launcher_fds(&k), fds);
        assert_int_equal(kit_stop(&k), 0);
    }
}

static void a_signature_is_required(void **state)
{
    (void)state;
    try_rows(true);
}

static void a_key_is_trusted(void **state)
{
    (void)state;
    try_rows(false);
}

static void one_of_several_keys(void **state)
{
    struct place p;
    struct kit k;
    char first[PATH_MAX + 64], second[PATH_MAX + 64], why[BOX_TEXT_MAX];
    (void)state;
    make_place(&p);
    snprintf(first, sizeof first, "--trusted-key=%s", p.stranger);
    snprintf(second, sizeof second, "--trusted-key=%s", p.key);
    const struct kit_options options = {.args = {first, second, "--require-signature"}};
    kit_start(&k, AS_USER, &options);
    try_scan(&k, &p, why);
    assert_string_equal(why, "");
    sign(&p, &p.bad);
    try_scan(&k, &p, why);
    assert_string_equal(why, "");
    assert_int_equal(kit_stop(&k), 0);
}

/* ---- keys ---- */

static void key_writable(struct place *p)
{
    assert_int_equal(chmod(p->key, 0666), 0);
}

static void key_missing(struct place *p)
{
    assert_int_equal(unlink(p->key), 0);
}

static void key_is_secret(struct place *p)
{
    struct buf text = BUF_INIT(KEY_FILE_MAX);
    assert_int_equal(secret_key_write(&p->good, &text), 0);
    kit_write(p->key, buf_cstr(&text), 0600);
    buf_clear(&text);
}

static void key_of_a_stranger(struct place *p)
{
    assert_int_equal(chown(p->key, 4242, 4242), 0);
}

static void key_is_a_link(struct place *p)
{
    key_missing(p);
    assert_int_equal(symlink(p->stranger, p->key), 0);
}

static void folder_writable(struct place *p)
{
    assert_int_equal(chmod(p->dir, 0777), 0);
}

static void keys_that_it_does_not_start_with(void **state)
{
    static const struct {
        void (*change)(struct place *p);
        bool needs_root;
    } bad[] = {{key_writable, false},     {key_missing, false},   {key_is_secret, false},
               {key_of_a_stranger, true}, {key_is_a_link, false}, {folder_writable, false}};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct place p;
        struct kit k;
        char key[PATH_MAX + 64];
        if (bad[i].needs_root && geteuid() != 0)
            continue;
        make_place(&p);
        bad[i].change(&p);
        snprintf(key, sizeof key, "--trusted-key=%s", p.key);
        const struct kit_options options = {.args = {key}};
        kit_start(&k, geteuid() == 0 ? AS_ROOT : AS_USER, &options);
        const int status = kit_wait(&k);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    }
}

static void a_signature_without_a_key(void **state)
{
    static const struct kit_options options = {.args = {"--require-signature"}};
    struct kit k;
    (void)state;
    kit_start(&k, AS_USER, &options);
    const int status = kit_wait(&k);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
}

#define TEST(name) cmocka_unit_test_teardown(name, kit_teardown)

/* Patterns of test names may be given. */
int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(a_signature_is_required),   TEST(a_key_is_trusted),
        TEST(one_of_several_keys),       TEST(keys_that_it_does_not_start_with),
        TEST(a_signature_without_a_key),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
