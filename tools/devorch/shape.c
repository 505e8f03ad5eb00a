/* shape.c: the messages a worker sends, as tables, and their check. Pure. Runs in penstock-devorch.
 */
#include "shape.h"

#include <stdio.h>
#include <string.h>

enum { PATH_MAX_TEXT = 160, KINDS_TEXT = 48 };

static const struct shape skill[] = {
    {"name", IS_STR, true, NULL, 0},
    {"type", IS_STR | IS_NULL, false, NULL, 0},
    {"description", IS_STR | IS_NULL, false, NULL, 0},
    {"version", IS_STR | IS_NULL, false, NULL, 0},
    {"input_schema", IS_OBJ | IS_NULL, false, NULL, 0},
    {"output_schema", IS_OBJ | IS_NULL, false, NULL, 0},
    {"events_schema", IS_OBJ | IS_NULL, false, NULL, 0},
    {"output_statuses", IS_ARR | IS_NULL, false, NULL, IS_STR},
    {"schema_dialect", IS_STR, false, NULL, 0},
    {"properties", IS_OBJ | IS_NULL, false, NULL, 0},
    {NULL, 0, false, NULL, 0},
};

static const struct shape device[] = {
    {"type", IS_STR, true, NULL, 0},
    {"model", IS_STR | IS_NULL, false, NULL, 0},
    {"id", IS_STR | IS_NULL, false, NULL, 0},
    {"properties", IS_OBJ | IS_NULL, false, NULL, 0},
    {"metrics", IS_OBJ | IS_NULL, false, NULL, 0},
    {NULL, 0, false, NULL, 0},
};

static const struct shape resources[] = {
    {"devices", IS_ARR | IS_NULL, false, device, IS_OBJ},
    {"properties", IS_OBJ | IS_NULL, false, NULL, 0},
    {NULL, 0, false, NULL, 0},
};

static const struct shape artifact[] = {
    {"name", IS_STR, true, NULL, 0},
    {"version", IS_STR, false, NULL, 0},
    {"type", IS_STR | IS_NULL, false, NULL, 0},
    {"properties", IS_OBJ | IS_NULL, false, NULL, 0},
    {NULL, 0, false, NULL, 0},
};

static const struct shape capabilities[] = {
    {"hostname", IS_STR, false, NULL, 0},
    {"ip_address", IS_STR, false, NULL, 0},
    {"cost_per_skill", IS_OBJ | IS_NULL, false, NULL, 0},
    {"s3_config_hash", IS_STR | IS_NULL, false, NULL, 0},
    {"extra", IS_OBJ | IS_NULL, false, NULL, 0},
    {NULL, 0, false, NULL, 0},
};

static const struct shape device_usage[] = {
    {"unit_id", IS_STR, true, NULL, 0},
    {"load_percent", IS_NUM, true, NULL, 0},
    {"metrics", IS_OBJ | IS_NULL, false, NULL, 0},
    {NULL, 0, false, NULL, 0},
};

static const struct shape usage[] = {
    {"cpu_load_percent", IS_NUM, false, NULL, 0},
    {"ram_used_gb", IS_NUM, false, NULL, 0},
    {"devices_usage", IS_ARR | IS_NULL, false, device_usage, IS_OBJ},
    {NULL, 0, false, NULL, 0},
};

static const struct shape task_error[] = {
    {"code", IS_STR, true, NULL, 0},
    {"message", IS_STR, true, NULL, 0},
    {"details", IS_OBJ | IS_NULL, false, NULL, 0},
    {NULL, 0, false, NULL, 0},
};

const struct shape shape_registration[] = {
    {"worker_id", IS_STR, true, NULL, 0},
    {"worker_type", IS_STR, false, NULL, 0},
    {"supported_skills", IS_ARR | IS_NULL, false, skill, IS_OBJ},
    {"available_skills", IS_ARR | IS_NULL, false, NULL, IS_STR},
    {"hot_skills", IS_ARR | IS_NULL, false, NULL, IS_STR},
    {"resources", IS_OBJ | IS_NULL, false, resources, 0},
    {"installed_software", IS_OBJ | IS_NULL, false, NULL, 0},
    {"installed_artifacts", IS_ARR | IS_NULL, false, artifact, IS_OBJ},
    {"capabilities", IS_OBJ | IS_NULL, false, capabilities, 0},
    {"skills_hash", IS_STR | IS_NULL, false, NULL, 0},
    {"metadata", IS_OBJ | IS_NULL, false, NULL, 0},
    {"timestamp", IS_INT | IS_NULL, false, NULL, 0},
    {NULL, 0, false, NULL, 0},
};

const struct shape shape_heartbeat[] = {
    {"worker_id", IS_STR, false, NULL, 0},
    {"status", IS_STR, false, NULL, 0},
    {"usage", IS_OBJ | IS_NULL, false, usage, 0},
    {"current_tasks", IS_ARR | IS_NULL, false, NULL, IS_STR},
    {"supported_skills", IS_ARR | IS_NULL, false, skill, IS_OBJ},
    {"available_skills", IS_ARR | IS_NULL, false, NULL, IS_STR},
    {"hot_skills", IS_ARR | IS_NULL, false, NULL, IS_STR},
    {"skills_hash", IS_STR | IS_NULL, false, NULL, 0},
    {"capabilities", IS_OBJ, false, capabilities, 0},
    {"metadata", IS_OBJ | IS_NULL, false, NULL, 0},
    {NULL, 0, false, NULL, 0},
};

const struct shape shape_result[] = {
    {"job_id", IS_STR, true, NULL, 0},
    {"task_id", IS_STR, true, NULL, 0},
    {"worker_id", IS_STR | IS_NULL, false, NULL, 0},
    {"origin_worker_id", IS_STR | IS_NULL, false, NULL, 0},
    {"status", IS_STR, false, NULL, 0},
    {"data", IS_OBJ | IS_NULL, false, NULL, 0},
    {"error", IS_OBJ | IS_NULL, false, task_error, 0},
    {"data_metadata", IS_OBJ | IS_NULL, false, NULL, 0},
    {"metadata", IS_OBJ | IS_NULL, false, NULL, 0},
    {"timestamp", IS_INT | IS_NULL, false, NULL, 0},
    {"costs", IS_OBJ | IS_NULL, false, NULL, 0},
    {NULL, 0, false, NULL, 0},
};

const struct shape shape_event[] = {
    {"event_id", IS_STR, true, NULL, 0},
    {"worker_id", IS_STR, true, NULL, 0},
    {"origin_worker_id", IS_STR, true, NULL, 0},
    {"event_type", IS_STR, true, NULL, 0},
    {"payload", IS_OBJ, true, NULL, 0},
    {"origin_task_id", IS_STR | IS_NULL, false, NULL, 0},
    {"bubbling_chain", IS_ARR | IS_NULL, false, NULL, IS_STR},
    {"target_job_id", IS_STR | IS_NULL, false, NULL, 0},
    {"target_task_id", IS_STR | IS_NULL, false, NULL, 0},
    {"trace_context", IS_OBJ | IS_NULL, false, NULL, 0},
    {"priority", IS_NUM, false, NULL, 0},
    {"timestamp", IS_INT | IS_NULL, false, NULL, 0},
    {"metadata", IS_OBJ | IS_NULL, false, NULL, 0},
    {NULL, 0, false, NULL, 0},
};

struct check {
    const struct json_doc *doc;
    char path[PATH_MAX_TEXT];
    char *fault;
};

static int check_members(struct check *c, uint32_t object, const struct shape *members);

static bool is_of(const struct json_doc *doc, uint32_t i, unsigned kinds)
{
    int64_t whole;
    switch (json_kind(doc, i)) {
    case JSON_STRING:
        return (kinds & IS_STR) != 0;
    case JSON_OBJECT:
        return (kinds & IS_OBJ) != 0;
    case JSON_ARRAY:
        return (kinds & IS_ARR) != 0;
    case JSON_NULL:
        return (kinds & IS_NULL) != 0;
    case JSON_NUMBER:
        return (kinds & IS_NUM) != 0 || ((kinds & IS_INT) != 0 && json_i64(doc, i, &whole) == 0);
    default:
        return false;
    }
}

static const char *kind_name(enum json_kind kind)
{
    static const char *const names[] = {
        [JSON_OBJECT] = "object", [JSON_ARRAY] = "array", [JSON_STRING] = "str",
        [JSON_NUMBER] = "number", [JSON_TRUE] = "bool",   [JSON_FALSE] = "bool",
        [JSON_NULL] = "null",
    };
    return names[kind];
}

static void kinds_text(unsigned kinds, char *out)
{
    static const char *const names[] = {"str", "int", "float", "object", "array", "null"};
    size_t n = 0;
    out[0] = '\0';
    for (unsigned k = 0; k < 6; k++) {
        if (kinds & (1U << k))
            n += (size_t)snprintf(out + n, KINDS_TEXT - n, "%s%s", n > 0 ? " | " : "", names[k]);
    }
}

static int check_value(struct check *c, uint32_t i, unsigned kinds, const struct shape *members)
{
    if (!is_of(c->doc, i, kinds)) {
        char expected[KINDS_TEXT];
        kinds_text(kinds, expected);
        snprintf(c->fault, SHAPE_FAULT, "Expected `%s`, got `%s` - at `%s`", expected,
                 kind_name(json_kind(c->doc, i)), c->path);
        return -1;
    }
    return members != NULL && json_kind(c->doc, i) == JSON_OBJECT ? check_members(c, i, members)
                                                                  : 0;
}

static int check_elements(struct check *c, uint32_t array, const struct shape *shape)
{
    size_t end = strlen(c->path);
    uint32_t at = json_first(array);
    for (uint32_t k = 0; k < c->doc->tokens[array].count; k++) {
        snprintf(c->path + end, sizeof c->path - end, "[%u]", (unsigned)k);
        if (check_value(c, at, shape->elements, shape->members) < 0)
            return -1;
        at = json_next(c->doc, at);
    }
    c->path[end] = '\0';
    return 0;
}

static int check_member(struct check *c, uint32_t object, const struct shape *shape)
{
    size_t end = strlen(c->path);
    uint32_t i = json_find(c->doc, object, shape->name);
    if (i == 0 && shape->is_required) {
        snprintf(c->fault, SHAPE_FAULT, "Object missing required field `%s`%s%s%s", shape->name,
                 end > 1 ? " - at `" : "", end > 1 ? c->path : "", end > 1 ? "`" : "");
        return -1;
    }
    if (i == 0)
        return 0;
    snprintf(c->path + end, sizeof c->path - end, ".%s", shape->name);
    bool is_list = shape->elements != 0 && json_kind(c->doc, i) == JSON_ARRAY;
    if (check_value(c, i, shape->kinds, shape->members) < 0 ||
        (is_list && check_elements(c, i, shape) < 0))
        return -1;
    c->path[end] = '\0';
    return 0;
}

static int check_members(struct check *c, uint32_t object, const struct shape *members)
{
    for (; members->name != NULL; members++) {
        if (check_member(c, object, members) < 0)
            return -1;
    }
    return 0;
}

int shape_check(const struct json_doc *doc, const struct shape *members, char *fault)
{
    struct check c = {.doc = doc, .path = "$"};
    c.fault = fault;
    return check_members(&c, 0, members);
}
