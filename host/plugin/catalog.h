#ifndef PENSTOCK_PLUGIN_CATALOG_H
#define PENSTOCK_PLUGIN_CATALOG_H

/*
 * catalog.h: what plugins and pipelines this host has. The core fills a catalogue from the reports
 * of the confined scan children (abi_describe), settles it, and then only reads it; a reload makes
 * a new one, and the old one lives until its last user lets go. Pure: no dlopen, no files. One
 * thread.
 *
 * Reports are untrusted: a plugin's code can run in the child that writes them.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/json.h"
#include "plugin/identity.h"

struct catalog;
struct schema;

/* Strings and spans belong to the catalogue and live as long as it does. */
struct catalog_pipeline {
    const struct catalog_plugin *plugin;
    char *slug, *version;
    char *summary;                /* "" if it has none */
    char *task_type;              /* the slug if it has none */
    char **needs, **statuses;     /* NULL-ended, never NULL */
    struct json_span params_text; /* of the schemas and the manifest; at NULL: none */
    struct json_span result_text;
    struct json_span events_text;
    struct json_span manifest;
    struct schema *params, *result; /* compiled; NULL: anything goes */
    bool has_open;
};

enum { CATALOG_DIGEST = 65 };

enum catalog_state { CATALOG_OK, CATALOG_BROKEN };

struct catalog_plugin {
    char *path; /* of its file, unique in a catalogue */
    enum catalog_state state;
    char *reason; /* why it is broken, else NULL */
    /* NULL, 0 if it broke before they were known. */
    char *id, *version, *vendor, *license;
    int abi_major, abi_minor;
    struct catalog_pipeline
        *pipelines; /* of a plugin broken by settle they are listed, but not found by slug */
    size_t n_pipelines;
    char *report; /* the JSON it was made from, to add it again to the next catalogue; NULL if there
                     was none */
    size_t report_len;
    struct file_identity identity; /* of its file, when it was looked at */
    char sha256[CATALOG_DIGEST];   /* of its file, small hex; "": not known */
};

/* NULL: no memory. One reference. */
struct catalog *catalog_new(void);
struct catalog *catalog_ref(struct catalog *c);
/* NULL is fine. */
void catalog_unref(struct catalog *c);

/* Adds the plugin of a file from its report, or as broken if the report is bad; path and report are
 * copied. -1: ENOMEM, or EEXIST if the path is there already; then nothing was added. Only before
 * catalog_settle. */
int catalog_add(struct catalog *c, const char *path, const char *report, size_t len);
/* Adds a file that could not be scanned. As catalog_add. */
int catalog_add_broken(struct catalog *c, const char *path, const char *reason);

/* Notes which file it was; nothing happens if the path is not there. Only before catalog_settle. */
void catalog_note_file(struct catalog *c, const char *path, const struct file_identity *identity,
                       const char *sha256);

/* Makes the plugin of that file broken after all; nothing happens if it is so already, or is not
 * there. -1: ENOMEM. Only before catalog_settle. */
int catalog_refuse(struct catalog *c, const char *path, const char *reason);

/* Applies the rules that need all of them: an id and a slug belong to one plugin;
 * the first one keeps it, later ones become broken and name both. -1: ENOMEM. Once. */
int catalog_settle(struct catalog *c);

/* Everything below: after catalog_settle. In the order in which they were added. */
size_t catalog_count(const struct catalog *c);
const struct catalog_plugin *catalog_at(const struct catalog *c, size_t i);
/* Pipelines that can be found. */
size_t catalog_pipelines(const struct catalog *c);
/* The pipeline, or NULL; never one of a broken plugin. */
const struct catalog_pipeline *catalog_find(const struct catalog *c, const char *slug);
/* The sound plugin of that id, or NULL. */
const struct catalog_plugin *catalog_plugin(const struct catalog *c, const char *id);
/* Any plugin by its file, or NULL; before catalog_settle too. */
const struct catalog_plugin *catalog_file(const struct catalog *c, const char *path);

/* Whether the pipeline lists that need; whether its result may carry that status ("success":
 * always). */
bool catalog_needs(const struct catalog_pipeline *p, const char *need);
bool catalog_has_status(const struct catalog_pipeline *p, const char *status);

#endif
