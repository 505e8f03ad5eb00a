/* base_privileges.c: what is left of root after it has been given up. Each try is a child process. */
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmocka_all.h"

#include "base/fault.h"
#include "base/privileges.h"

enum { USER = 1899990001, GROUP = 1899990002, REFUSED = 7 };

static bool is_root(void)
{
    return geteuid() == 0;
}

/* The exit status of a child that does this. */
static int in_child(int (*what)(void))
{
    int status = 0;
    const pid_t pid = fork();
    if (pid == 0)
        _exit(what());
    assert_true(pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int drop(uint64_t kept)
{
    const char *step;
    if (privileges_drop(USER, GROUP, kept, &step) == 0)
        return 0;
    fprintf(stderr, "step %s\n", step);
    return REFUSED;
}

static uint64_t caps(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];
    return syscall(SYS_capget, &head, data) == 0
               ? data[0].permitted | (uint64_t)data[1].permitted << 32
               : UINT64_MAX;
}

static uint64_t bounding_set(void)
{
    uint64_t set = 0;
    for (unsigned cap = 0; cap < 64; cap++)
        set |= prctl(PR_CAPBSET_READ, (unsigned long)cap, 0L, 0L, 0L) == 1 ? PRIVILEGE(cap) : 0;
    return set;
}

static bool is_user(void)
{
    uid_t r, e, s;
    gid_t rg, eg, sg;
    return getresuid(&r, &e, &s) == 0 && getresgid(&rg, &eg, &sg) == 0 && r == USER && e == USER &&
           s == USER && rg == GROUP && eg == GROUP && sg == GROUP && getgroups(0, NULL) == 0;
}

static int nothing_is_left(void)
{
    const gid_t group = 5;
    if (setgroups(1, &group) < 0 || drop(0) != 0)
        return REFUSED;
    const bool is_gone = is_user() && caps() == 0 && bounding_set() == 0 &&
                         prctl(PR_GET_NO_NEW_PRIVS, 0L, 0L, 0L, 0L) == 1;
    return is_gone && setresuid(0, 0, 0) < 0 && errno == EPERM ? 0 : 1;
}

static int some_is_kept(void)
{
    const uint64_t kept = PRIVILEGE(CAP_KILL) | PRIVILEGE(CAP_CHOWN);
    if (drop(kept) != 0)
        return REFUSED;
    return is_user() && caps() == kept && bounding_set() == kept ? 0 : 1;
}

/* Root of a container that was not given all of them. */
static int what_is_not_there_is_not_kept(void)
{
    const char *step;
    const uint64_t kill_only = PRIVILEGE(CAP_KILL);
    if (privileges_drop(0, 0,
                        PRIVILEGE(CAP_KILL) | PRIVILEGE(CAP_SETUID) | PRIVILEGE(CAP_SETGID) |
                            PRIVILEGE(CAP_SETPCAP),
                        &step) < 0)
        return REFUSED;
    return drop(kill_only | PRIVILEGE(CAP_SYS_ADMIN)) == 0 && caps() == kill_only ? 0 : 1;
}

static int death_signal_stays(void)
{
    int signo = 0;
    if (prctl(PR_SET_PDEATHSIG, (long)SIGUSR2, 0L, 0L, 0L) < 0 || drop(0) != 0)
        return REFUSED;
    return prctl(PR_GET_PDEATHSIG, &signo) == 0 && signo == SIGUSR2 ? 0 : 1;
}

/* It has not the right to; so it has to say so, and not to go on as it is. */
static int a_user_cannot_change(void)
{
    if (is_root() && setresuid(USER, USER, USER) < 0)
        return 1;
    return drop(0) == REFUSED ? 0 : 1;
}

static int broken_user_step(void)
{
    setenv("PENSTOCK_FAULT", "privileges.user", 1);
    fault_setup();
    return drop(0) == REFUSED ? 0 : 1;
}

static int broken_last_step(void)
{
    setenv("PENSTOCK_FAULT", "privileges.verifying", 1);
    fault_setup();
    return drop(0) == REFUSED ? 0 : 1;
}

static void test_each(void **state)
{
    static const struct {
        const char *name;
        int (*what)(void);
        bool needs_root;
    } tries[] = {
        {"nothing is left", nothing_is_left, true},
        {"some is kept", some_is_kept, true},
        {"what is not there is not kept", what_is_not_there_is_not_kept, true},
        {"the death signal stays", death_signal_stays, true},
        {"a user cannot change", a_user_cannot_change, false},
        {"a broken step is told", broken_user_step, true},
        {"a broken last step is told", broken_last_step, true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
        if (tries[i].needs_root && !is_root()) {
            print_message("left out without root: %s\n", tries[i].name);
            continue;
        }
        print_message("%s\n", tries[i].name);
        assert_int_equal(in_child(tries[i].what), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
