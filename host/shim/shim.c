/* shim.c: puts a shim together, and takes it apart in time. Runs in penstock-shim. */
#include "shim/shim.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/privileges.h"
#include "conf/conf.h"
#include "conf/users.h"
#include "loop/loop.h"
#include "net/http.h"
#include "shim/identity.h"
#include "shim/resume.h"

enum {
    HURRY_MS = 5000, /* before the end of the drain, to answer for what is left */
    TOKEN_MAX = 512,
};

static void on_pipelines(void *arg)
{
    struct shim *s = arg;
    s->dialect->pipelines(s->self);
}

static void on_room(void *arg)
{
    struct shim *s = arg;
    s->dialect->room(s->self);
}

static void on_progress(void *arg, void *context, double fraction, const char *message)
{
    struct shim *s = arg;
    s->dialect->progress(s->self, context, fraction, message);
}

static void *on_found(void *arg, struct bridge_task *t, const struct bridge_found *f)
{
    struct shim *s = arg;
    return s->dialect->found(s->self, t, f);
}

static void on_result(void *arg, void *context, const struct bridge_outcome *o)
{
    struct shim *s = arg;
    s->dialect->result(s->self, context, o);
}

static const struct bridge_calls bridge_calls = {on_pipelines, on_room, on_progress, on_found,
                                                 on_result};

static char *read_token(const struct conf_shim *conf)
{
    struct buf token = BUF_INIT(TOKEN_MAX), why = BUF_INIT(1024);
    char *text = NULL;
    if (conf_shim_token(conf, &token, &why) < 0)
        log_error("the token cannot be read", LS("reason", buf_cstr(&why)));
    else
        text = token.len > 0 ? buf_detach(&token) : strdup("");
    buf_clear(&token);
    buf_clear(&why);
    return text;
}

static char *url_without_slash(const char *url)
{
    size_t n = strlen(url);
    while (n > 0 && url[n - 1] == '/')
        n--;
    return strndup(url, n);
}

static int read_settings(struct shim *s)
{
    const struct conf_shim *conf = s->conf;
    s->dialect = dialect_find(conf->dialect);
    if (s->dialect == NULL) {
        log_error("there is no such dialect", LS("dialect", conf->dialect),
                  LS("known", dialect_names()));
        return -1;
    }
    s->token = read_token(conf);
    if (s->token == NULL)
        return -1;
    if (s->token[0] == '\0')
        log_warn("no token is configured: messages go without credentials and unsigned");
    s->url = url_without_slash(conf->url);
    s->worker_type = conf->worker_type[0] != '\0' ? conf->worker_type : s->dialect->worker_type;
    s->worker_id = conf->worker_id[0] != '\0' ? strdup(conf->worker_id)
                                              : identity_worker_id(s->host->state_dir, conf->name);
    return s->url != NULL && s->worker_id != NULL ? 0 : -1;
}

static int start(struct shim *s, const char *endpoint)
{
    const struct http_options http = {.user_agent = "penstock-shim/" PENSTOCK_VERSION};
    const struct bridge_options bridge = {.endpoint = endpoint,
                                          .name = s->conf->name,
                                          .resume = s->resume,
                                          .wanted = &s->conf->pipelines,
                                          .calls = &bridge_calls,
                                          .arg = s};
    s->http = http_new(s->loop, &http);
    s->bridge = s->http != NULL ? bridge_new(s->loop, &bridge) : NULL;
    s->self = s->bridge != NULL ? s->dialect->start(s) : NULL;
    if (s->self == NULL)
        log_error("the shim cannot start", LE(errno));
    return s->self != NULL ? 0 : -1;
}

static int open_secret(struct shim *s, uid_t user)
{
    s->resume = resume_open(s->host->state_dir, s->conf->name, user, user);
    return s->resume != NULL ? 0 : -1;
}

/* Configuration, token and worker id have been read; from here on we read what others send. */
static int give_up_root(const struct shim *s, uid_t user)
{
    const char *step = "group";
    gid_t group;
    if (geteuid() != 0)
        return 0;
    if (users_tasks_group(s->host, &group) < 0 || privileges_drop(user, group, 0, &step) < 0) {
        log_error("the shim cannot give up root", LS("step", step), LI("uid", user), LE(errno));
        return -1;
    }
    log_info("the shim has given up root", LI("uid", user), LI("gid", group));
    return 0;
}

int shim_init(struct shim *s, struct loop *loop, const struct conf *conf,
              const struct conf_shim *section, uid_t user, const char *endpoint)
{
    *s = (struct shim){.loop = loop, .host = conf_host(conf), .conf = section};
    if (read_settings(s) < 0 || open_secret(s, user) < 0 || give_up_root(s, user) < 0)
        return -1;
    return start(s, endpoint);
}

void shim_clear(struct shim *s)
{
    if (s->dialect != NULL)
        s->dialect->free(s->self);
    bridge_free(s->bridge);
    http_free(s->http);
    resume_free(s->resume);
    loop_timer_free(s->timer);
    free(s->url);
    free(s->token);
    free(s->worker_id);
}

static void on_timer(void *arg)
{
    struct shim *s = arg;
    if (s->is_hurrying) {
        log_warn("stopping with answers unsent: the time to drain is over");
        loop_stop(s->loop);
        return;
    }
    log_warn("the time to drain is nearly over: what still runs is given back");
    s->is_hurrying = true;
    loop_timer_after(s->timer, HURRY_MS);
    s->dialect->hurry(s->self);
}

void shim_drain(struct shim *s)
{
    int64_t patience = s->host->drain_timeout_ms;
    if (s->is_draining)
        return;
    s->is_draining = true;
    bridge_stop(s->bridge);
    s->timer = loop_timer_new(s->loop, on_timer, s);
    if (s->timer != NULL)
        loop_timer_after(s->timer, patience > 2 * HURRY_MS ? patience - HURRY_MS : patience / 2);
    s->dialect->drain(s->self);
}

void shim_end(struct shim *s)
{
    log_info("finished");
    loop_stop(s->loop);
}
