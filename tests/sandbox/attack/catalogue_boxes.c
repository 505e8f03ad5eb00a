/* catalogue_boxes.c: the kinds of boxes that attacks are tried in. */
#include "suite.h"

#define MIB ((uint64_t)1 << 20)

const struct attack_box box_plain = {.name = "plain", .mode = BOX_FORK};
const struct attack_box box_own = {.name = "own", .mode = BOX_FORK, .is_own = true};
const struct attack_box box_small = {.name = "small", .mode = BOX_FORK, .memory_bytes = 64 * MIB};
const struct attack_box box_cpu = {
    .name = "cpu", .mode = BOX_FORK, .cpu_ms = 100, .timeout_ms = 10000};
const struct attack_box box_brief = {
    .name = "brief", .mode = BOX_FORK, .timeout_ms = 150, .load_ms = 300};
const struct attack_box box_disk = {.name = "disk",
                                    .mode = BOX_FORK,
                                    .file_bytes = 4 * MIB,
                                    .dir_bytes = 8 * MIB,
                                    .dir_files = 200,
                                    .is_own = true};
const struct attack_box box_network = {
    .name = "network", .mode = BOX_FORK, .rights = BOX_MAY_NETWORK};
const struct attack_box box_jit = {.name = "jit", .mode = BOX_FORK, .rights = BOX_MAY_JIT};
const struct attack_box box_warm = {.name = "warm", .mode = BOX_WARM};
const struct attack_box box_two = {.name = "two", .mode = BOX_FORK, .slots = 2};
