/* launcher_report.c: what boxes guarantee here, for the log and for whoever starts them; and
 * whether that is enough. Runs in the launcher, once, after its probe. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sandbox/guarantee.h"
#include "sandbox/guarantee_judge.h"
#include "sandbox/launcher.h"
#include "sandbox/walls.h"

/* A weak one is worth a look: it comes with a remedy. */
static void log_guarantee(uint32_t i, const struct guarantee_state *s)
{
    const enum log_level level = s->level == LEVEL_STRONG ? LOG_INFO : LOG_WARN;
    LOG_AT(level, "guarantee", LS("name", guarantee_name(i)),
           LS("level", guarantee_level_name(s->level)), LS("by", s->by), LS("reason", s->reason),
           LS("remedy", s->remedy));
}

static void log_table(const struct launch_report *r)
{
    char text[WALLS_TEXT];
    walls_text(r->walls, r->landlock_abi, text);
    log_info("walls of boxes", LS("walls", text));
    for (uint32_t i = 0; i < GUARANTEES; i++)
        log_guarantee(i, &r->guarantees[i]);
}

/* Without these a box would hold nothing back, whatever is required. What a test has taken away is
 * judged by `require` alone. */
static bool lacks_least(const struct launch *l, char *why, size_t size)
{
    const uint32_t own_uid = geteuid() == 0 ? WALL_OWN_UID : 0;
    const uint32_t missing = (WALL_SECCOMP | WALL_NO_CAPS | own_uid) & ~l->walls & ~l->without;
    char text[WALLS_TEXT];
    if (missing == 0)
        return false;
    walls_text(missing, 0, text);
    snprintf(why, size, "no box can do without these walls, and they cannot be built here: %s%s",
             text,
             (missing & WALL_OWN_UID) != 0
                 ? "; remedy: box_uid_base, a range of user ids that exist here"
                 : "");
    return true;
}

static void fill(const struct launch *l, const struct guarantee_facts *f, struct launch_report *r)
{
    r->walls = l->walls;
    r->landlock_abi = l->landlock_abi;
    guarantees_judge(f, r->guarantees);
    log_table(r);
    r->is_refused = lacks_least(l, r->why, sizeof r->why) ||
                    guarantees_refused(r->guarantees, l->options.require, l->options.require_strong,
                                       r->why, sizeof r->why);
}

int launch_report(const struct launch *l, const struct guarantee_facts *f, const char *why)
{
    struct launch_report r = {
        .head = {.magic = CHAN_MAGIC, .version = CHAN_VERSION, .type = LAUNCH_REPORT},
        .is_refused = 1};
    if (f != NULL)
        fill(l, f, &r);
    else
        snprintf(r.why, sizeof r.why, "%s", why);
    launch_send(l, &r, sizeof r, NULL, 0);
    if (r.is_refused == 0)
        return 0;
    /* An error for whoever reads the report: he says it, and once is enough. */
    log_info("boxes do not hold what they must", LS("why", r.why));
    return -1;
}
