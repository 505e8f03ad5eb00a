/* spec.c: from configuration and catalogue to a box. Runs in the core and the command line. */
#include "sandbox/spec.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "conf/conf.h"
#include "conf/extra_calls.h"
#include "plugin/catalog.h"

enum { SCAN_MEMORY = 1 << 30, SCAN_FILES = 64, SCAN_THREADS = 64 };

static const uint32_t profile_rights[] = {
    [CONF_PROFILE_STRICT] = 0,
    [CONF_PROFILE_DEFAULT] = BOX_MAY_PROC,
    [CONF_PROFILE_NETWORK] = BOX_MAY_PROC | BOX_MAY_NETWORK,
    [CONF_PROFILE_GPU] = BOX_MAY_PROC | BOX_MAY_GPU,
    [CONF_PROFILE_OFF] = BOX_MAY_PROC | BOX_MAY_NETWORK | BOX_MAY_JIT | BOX_MAY_GPU | BOX_MAY_ALL,
};

static const enum box_mode modes[] = {
    [CONF_MODE_FORK] = BOX_FORK,
    [CONF_MODE_WARM] = BOX_WARM,
    [CONF_MODE_EXEC] = BOX_EXEC,
};

static uint32_t rights_of(const struct conf_pipeline *c)
{
    return profile_rights[c->profile] | (c->jit ? (uint32_t)BOX_MAY_JIT : 0);
}

__attribute__((format(printf, 2, 3))) static int refuse(char *why, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    vsnprintf(why, SPEC_WHY, format, ap);
    va_end(ap);
    return -1;
}

struct need {
    const char *word;
    uint32_t right;
    const char *setting;
};

static const struct need needs[] = {
    {"network", BOX_MAY_NETWORK, "profile = network"},
    {"gpu", BOX_MAY_GPU, "profile = gpu"},
    {"jit", BOX_MAY_JIT, "jit = yes"},
};

static int check_needs(const struct catalog_pipeline *p, uint32_t rights, char *why)
{
    for (size_t i = 0; i < sizeof needs / sizeof *needs; i++) {
        if ((rights & needs[i].right) != 0 || !catalog_needs(p, needs[i].word))
            continue;
        return refuse(why,
                      "pipeline %s needs \"%s\", which its configuration does not give: set %s in "
                      "plugin \"%s\" { pipeline \"%s\" { ... } }",
                      p->slug, needs[i].word, needs[i].setting, p->plugin->id, p->slug);
    }
    return 0;
}

/* ---- what the configuration names ---- */

static int set_inputs(const struct conf_pipeline *c, struct box_spec *spec, char *why)
{
    if (c->profile == CONF_PROFILE_STRICT && c->inputs.n > 0)
        return refuse(why,
                      "pipeline %s has inputs (%s ...), which the profile strict does not allow: "
                      "take them away, or set profile = default",
                      spec->slug, c->inputs.items[0]);
    spec->inputs = (const char *const *)c->inputs.items;
    spec->n_inputs = c->inputs.n;
    return 0;
}

/* The check of the option has seen each of them already. */
static int set_ports(const struct conf_pipeline *c, struct box_spec *spec, char *why)
{
    if ((spec->rights & BOX_MAY_NETWORK) == 0)
        return 0;
    if (c->connect_ports.n > BOX_PORTS_MAX)
        return refuse(why, "pipeline %s has more than %d connect_ports; 0 stands for all of them",
                      spec->slug, BOX_PORTS_MAX);
    for (size_t i = 0; i < c->connect_ports.n; i++) {
        int64_t port = 0;
        if (text_parse_i64(c->connect_ports.items[i], &port) < 0 || port < 0 || port > UINT16_MAX)
            return refuse(why, "pipeline %s: %s is no port", spec->slug, c->connect_ports.items[i]);
        spec->ports[spec->n_ports++] = (uint16_t)port;
    }
    return 0;
}

static int set_extra_calls(const struct conf_pipeline *c, struct box_spec *spec, char *why)
{
    for (size_t i = 0; i < c->extra_syscalls.n; i++) {
        const uint64_t bit = extra_call_bit(c->extra_syscalls.items[i]);
        if (bit == 0)
            return refuse(why, "pipeline %s: %s is not in the catalogue of extra_syscalls",
                          spec->slug, c->extra_syscalls.items[i]);
        spec->extra_calls |= bit;
    }
    return 0;
}

/* ---- the whole ---- */

static uint32_t clamp32(int64_t v)
{
    return v > UINT32_MAX ? UINT32_MAX : (uint32_t)v;
}

static struct box_limits limits_of(const struct conf_host *host, const struct conf_pipeline *c)
{
    return (struct box_limits){
        .memory_bytes = (uint64_t)c->memory_bytes,
        .file_bytes = (uint64_t)c->max_file_bytes,
        .log_bytes = (uint64_t)host->max_log_bytes,
        .cpu_ms = clamp32(c->cpu_limit_ms),
        .load_timeout_ms = clamp32(c->load_timeout_ms),
        .files = clamp32(c->max_files),
        .threads = clamp32(c->max_threads),
        .recycle_after = clamp32(c->recycle_after),
        .recycle_ms = clamp32(c->recycle_age_ms),
        .recycle_growth_bytes = (uint64_t)c->recycle_growth_bytes,
        .dir_bytes = (uint64_t)c->max_scratch_bytes,
        .dir_files = clamp32(c->max_scratch_files),
    };
}

int spec_of(const struct conf *conf, const struct catalog_pipeline *p, struct box_spec *out,
            char *why)
{
    const struct conf_host *host = conf_host(conf);
    const struct conf_plugin *plugin = conf_plugin(conf, p->plugin->id);
    const struct conf_pipeline *c = conf_pipeline(conf, p->plugin->id, p->slug);
    *out = (struct box_spec){
        .plugin_path = p->plugin->path,
        .plugin_id = p->plugin->id,
        .slug = p->slug,
        .config = plugin->config[0] != '\0' ? plugin->config : NULL,
        .sha256 = plugin->sha256[0] != '\0' ? plugin->sha256 : NULL,
        .mode = modes[c->mode],
        .slots = 1,
        .rights = rights_of(c),
        .flags = c->scratch == CONF_SCRATCH_DISK ? (uint32_t)LAUNCH_DISK_SCRATCH : 0,
        .limits = limits_of(host, c),
        .result_max = (size_t)host->max_result_bytes,
        .outputs_max = (size_t)host->max_outputs_bytes,
    };
    if (check_needs(p, out->rights, why) < 0 || set_inputs(c, out, why) < 0 ||
        set_ports(c, out, why) < 0)
        return -1;
    return set_extra_calls(c, out, why);
}

bool spec_is_weak(const struct box_spec *spec, char *what)
{
    static const struct {
        uint32_t right;
        const char *words;
    } more[] = {
        {BOX_MAY_ALL, "all that the box's user may on the host"},
        {BOX_MAY_NETWORK, "the host's network"},
        {BOX_MAY_GPU, "the accelerator's devices"},
        {BOX_MAY_JIT, "code made while it runs"},
    };
    size_t n = 0;
    what[0] = '\0';
    for (size_t i = 0; i < sizeof more / sizeof *more; i++) {
        if ((spec->rights & more[i].right) != 0)
            n += (size_t)snprintf(what + n, SPEC_WHY - n, "%s%s", n > 0 ? ", " : "", more[i].words);
        if (more[i].right == BOX_MAY_ALL && n > 0)
            return true; /* the others are part of it */
    }
    if (spec->extra_calls != 0)
        n += (size_t)snprintf(what + n, SPEC_WHY - n, "%sextra system calls", n > 0 ? ", " : "");
    return n > 0;
}

struct box_spec spec_of_scan(const struct conf *conf, const char *path)
{
    return (struct box_spec){
        .plugin_path = path,
        .mode = BOX_SCAN,
        .slots = 1,
        .flags = conf_has_digests(conf) ? (uint32_t)LAUNCH_DIGEST : 0,
        .limits = {.memory_bytes = SCAN_MEMORY,
                   .load_timeout_ms = clamp32(conf_host(conf)->scan_timeout_ms),
                   .files = SCAN_FILES,
                   .threads = SCAN_THREADS},
    };
}

int spec_check_scan(const struct conf *conf, struct catalog *catalog, const char *path,
                    const char *sha256)
{
    char why[SPEC_WHY];
    const struct catalog_plugin *p = catalog_file(catalog, path);
    const char *wanted = p != NULL && p->id != NULL ? conf_plugin(conf, p->id)->sha256 : "";
    if (wanted[0] == '\0' || strcmp(wanted, sha256) == 0)
        return 0;
    snprintf(why, sizeof why, "expected sha256 %s, as plugin \"%s\" is configured, found %s",
             wanted, p->id, sha256[0] != '\0' ? sha256 : "none");
    return catalog_refuse(catalog, path, why);
}
