#ifndef PENSTOCK_SANDBOX_PLUGIN_TRUST_H
#define PENSTOCK_SANDBOX_PLUGIN_TRUST_H

/* plugin_trust.h: which bytes a plugin has, found out so that they stay those bytes, and the keys of
 * those who may vouch for them. Runs in the launcher and the command line. */

#include "conf/settings.h"
#include "plugin/signature.h"
#include "sandbox/plugin_file.h"

enum { PLUGIN_KEYS_MAX = CONF_KEYS_MAX };

/*
 * Puts a sealed copy in memory in the place of each file of the plugin and fills in parts with the
 * digests of the copies: whatever happens to the files from now on, what is loaded has these
 * digests. The plugin's file is the first part. 0, or -1 with errno and why (PLUGIN_WHY bytes).
 */
int plugin_source_seal(struct plugin_source *s, struct signed_parts *parts, char *why);
/* Reads a public key's file, which must be as safe as a plugin's; path: absolute. -1: why
 * (PLUGIN_WHY bytes) says what is wrong. */
int plugin_key_read(const char *path, bool is_lenient, struct public_key *key, char *why);

#endif
