/*
 * layout.c: the layout of ABI 1.0 on LP64, which plugins that are out there were compiled with.
 * Compiling it is the test. A line here is changed by nobody: fields are appended behind the last
 * one, and get lines of their own.
 */
#include <stddef.h>

#include <penstock/ext/files.h>
#include <penstock/ext/next.h>
#include <penstock/ext/progress.h>
#include <penstock/plugin.h>

/* C99 has no _Static_assert. */
#define AT(type, field, offset)                                                                    \
    extern char at_##type##_##field[offsetof(type, field) == (offset) ? 1 : -1]
#define LEAST(type, size) extern char least_##type[sizeof(type) >= (size) ? 1 : -1]

AT(pen_bytes, data, 0);
AT(pen_bytes, len, 8);

AT(pen_host, size, 0);
AT(pen_host, abi_major, 4);
AT(pen_host, abi_minor, 6);
AT(pen_host, ctx, 8);
AT(pen_host, log, 16);
AT(pen_host, should_stop, 24);
AT(pen_host, result, 32);
AT(pen_host, output, 40);
AT(pen_host, fail, 48);
AT(pen_host, extension, 56);
LEAST(pen_host, 64);

AT(pen_input, size, 0);
AT(pen_input, name, 8);
AT(pen_input, media_type, 16);
AT(pen_input, bytes, 24);
LEAST(pen_input, 40);

AT(pen_task, size, 0);
AT(pen_task, n_inputs, 4);
AT(pen_task, id, 8);
AT(pen_task, job_id, 16);
AT(pen_task, tenant, 24);
AT(pen_task, params, 32);
AT(pen_task, metadata, 48);
AT(pen_task, inputs, 64);
AT(pen_task, deadline_ms, 72);
AT(pen_task, attempt, 80);
AT(pen_task, priority, 88);
LEAST(pen_task, 96);

AT(pen_pipeline, size, 0);
AT(pen_pipeline, slug, 8);
AT(pen_pipeline, version, 16);
AT(pen_pipeline, summary, 24);
AT(pen_pipeline, task_type, 32);
AT(pen_pipeline, params_schema, 40);
AT(pen_pipeline, result_schema, 48);
AT(pen_pipeline, events_schema, 56);
AT(pen_pipeline, manifest, 64);
AT(pen_pipeline, needs, 72);
AT(pen_pipeline, output_statuses, 80);
AT(pen_pipeline, open, 88);
AT(pen_pipeline, run, 96);
AT(pen_pipeline, close, 104);
AT(pen_pipeline, extension, 112);
LEAST(pen_pipeline, 120);

AT(pen_plugin, size, 0);
AT(pen_plugin, magic, 4);
AT(pen_plugin, abi_major, 8);
AT(pen_plugin, abi_minor, 10);
AT(pen_plugin, id, 16);
AT(pen_plugin, version, 24);
AT(pen_plugin, vendor, 32);
AT(pen_plugin, license, 40);
AT(pen_plugin, pipelines, 48);
LEAST(pen_plugin, 56);

AT(pen_files, size, 0);
AT(pen_files, dir, 8);
AT(pen_files, input_path, 16);
AT(pen_files, output_file, 24);
AT(pen_progress, report, 8);
AT(pen_next, add, 8);

extern char status_values[PEN_OK == 0 && PEN_E_INPUT == -1 && PEN_E_RETRY == -2 &&
                                  PEN_E_CANCELLED == -3 && PEN_E_PERMANENT == -4 &&
                                  PEN_E_INTERNAL == -5
                              ? 1
                              : -1];
extern char log_levels
    [PEN_LOG_ERROR == 0 && PEN_LOG_WARN == 1 && PEN_LOG_INFO == 2 && PEN_LOG_DEBUG == 3 ? 1 : -1];
extern char magic_value[PEN_ABI_MAGIC == 0x314e4550u && PEN_ABI_MAJOR == 1 ? 1 : -1];
