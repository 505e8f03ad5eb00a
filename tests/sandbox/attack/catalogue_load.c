/* catalogue_load.c: plugin files that are not what they should be. */
#include "suite_acts.h"

#define FIFTY "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeee"
#define LONG  FIFTY FIFTY FIFTY FIFTY FIFTY FIFTY

#define FILE_CASE(row, name, expected, act)                                                        \
    {                                                                                              \
        row, name, &box_plain, BY_SUITE, expected, NULL, 0, NULL, act                              \
    }
#define NAME_CASE(path, expected)                                                                  \
    {                                                                                              \
        "49", "name", &box_plain, BY_SUITE, expected, NULL, 0, path, act_named                     \
    }

static const struct attack_case cases[] = {
    FILE_CASE("46", "wrong_magic", "!PLUGIN_LOAD_FAILED(magic)", act_built),
    FILE_CASE("46", "wrong_major", "!PLUGIN_LOAD_FAILED(major)", act_built),
    FILE_CASE("46", "no_symbol", "!PLUGIN_LOAD_FAILED(pen_plugin_entry)", act_built),
    FILE_CASE("46", "undefined_symbol", "!PLUGIN_LOAD_FAILED(none of its libraries)", act_built),
    FILE_CASE("46", "short_size", "!PLUGIN_LOAD_FAILED(size)", act_built),
    FILE_CASE("46", "lying_size", "!PLUGIN_LOAD_FAILED(symbol has)", act_built),
    FILE_CASE("46", "missing_run", "!PLUGIN_LOAD_FAILED(run is missing)", act_built),

    FILE_CASE("47", "missing", "!PLUGIN_LOAD_FAILED", act_broken),
    FILE_CASE("47", "empty", "!PLUGIN_LOAD_FAILED", act_broken),
    FILE_CASE("47", "header", "!PLUGIN_LOAD_FAILED", act_broken),
    FILE_CASE("47", "pages", "!PLUGIN_LOAD_FAILED", act_broken),
    FILE_CASE("47", "noise", "!PLUGIN_LOAD_FAILED", act_broken),

    FILE_CASE("48", "truncate", "caught", act_changed),
    FILE_CASE("48", "overwrite", "caught", act_changed),
    FILE_CASE("48", "remove", "caught", act_changed),
    FILE_CASE("51", "swap", "safe", act_swapped),

    NAME_CASE("", "not asked for"),
    NAME_CASE("attack.so", "not asked for"),
    NAME_CASE("../attack.so", "not asked for"),
    NAME_CASE("%attack", "!PLUGIN_LOAD_FAILED(name)"),
    NAME_CASE("%.hidden.so", "!PLUGIN_LOAD_FAILED(name)"),
    NAME_CASE("%-option.so", "!PLUGIN_LOAD_FAILED(name)"),
    NAME_CASE("%sp ace.so", "!PLUGIN_LOAD_FAILED(name)"),
    NAME_CASE("%new\nline.so", "!PLUGIN_LOAD_FAILED(name)"),
    NAME_CASE("%\xc3\xbcmlaut.so", "!PLUGIN_LOAD_FAILED(name)"),
    NAME_CASE("%\xff.so", "!PLUGIN_LOAD_FAILED(name)"),
    NAME_CASE("/" LONG ".so", "!PLUGIN_LOAD_FAILED|!SANDBOX_ERROR"),

    FILE_CASE("50", "writable", "!PLUGIN_LOAD_FAILED", act_placed),
    FILE_CASE("50", "group_writable", "!PLUGIN_LOAD_FAILED", act_placed),
    FILE_CASE("50", "writable_dir", "!PLUGIN_LOAD_FAILED", act_placed),
    FILE_CASE("50", "other_owner", "!PLUGIN_LOAD_FAILED", act_placed),
    FILE_CASE("50", "fifo", "!PLUGIN_LOAD_FAILED", act_placed),
    FILE_CASE("50", "device", "!PLUGIN_LOAD_FAILED", act_placed),
    FILE_CASE("50", "directory", "!PLUGIN_LOAD_FAILED", act_placed),
    FILE_CASE("50", "link", "!PLUGIN_LOAD_FAILED", act_placed),
};

const struct catalogue catalogue_load = {cases, sizeof cases / sizeof *cases};
