/* plugin_schema.c: the JSON Schema validator: each keyword with values that fit and that do not,
 * and refusals. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmocka_all.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "plugin/schema.h"

#define D7   "\"$schema\":\"http://json-schema.org/draft-07/schema#\","
#define D19  "\"$schema\":\"https://json-schema.org/draft/2019-09/schema\","
#define D20  "\"$schema\":\"https://json-schema.org/draft/2020-12/schema\","
#define SAME NULL /* the schema of the row above */

static const struct check_case {
    const char *schema, *value;
    const char *line; /* what schema_explain says; "" if the value is valid */
} checks[] = {
    {"true", "17", ""},
    {"{}", "{\"a\":[1]}", ""},
    {"false", "17", "is not allowed here"},
    {"{\"type\":\"object\"}", "{}", ""},
    {SAME, "[]", "must be an object, is an array"},
    {SAME, "null", "must be an object, is null"},
    {"{\"type\":\"integer\"}", "1", ""},
    {SAME, "-7.0", ""},
    {SAME, "1e300", ""},
    {SAME, "12345678901234567890123", ""},
    {SAME, "1.5", "must be an integer, is 1.5"},
    {SAME, "true", "must be an integer, is true"},
    {SAME, "\"1\"", "must be an integer, is \"1\""},
    {"{\"type\":\"number\"}", "1.5", ""},
    {SAME, "1", ""},
    {SAME, "\"x\"", "must be a number, is \"x\""},
    {"{\"type\":[\"string\",\"null\",\"integer\"]}", "null", ""},
    {SAME, "3", ""},
    {SAME, "3.5", "must be a string, an integer or null, is 3.5"},
    {"{\"type\":[\"integer\",\"number\"]}", "false", "must be a number, is false"},
    {"{\"type\":\"boolean\"}", "false", ""},
    {SAME, "0", "must be a boolean, is 0"},

    {"{\"enum\":[\"webp\",1,null,{\"a\":[1]}]}", "\"web\\u0070\"", ""},
    {SAME, "1.0", ""},
    {SAME, "{\"a\":[1.0]}", ""},
    {SAME, "\"png\"", "must be one of \"webp\", 1, null, an object; is \"png\""},
    {SAME, "true", "must be one of \"webp\", 1, null, an object; is true"},
    {"{\"enum\":[1,2,3,4,5,6,7,8,9,10,11,12,13,14]}", "0",
     "must be one of 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 and 2 more; is 0"},
    {"{\"enum\":[]}", "0", "must be one of ; is 0"},
    {"{\"const\":9007199254740993}", "9007199254740993.0", ""},
    {SAME, "9007199254740992", "must be 9007199254740993, is 9007199254740992"},
    {"{\"const\":false}", "0", "must be false, is 0"},
    {"{\"const\":null}", "null", ""},

    {"{\"properties\":{\"w\":{\"type\":\"integer\"},\"h\":{}}}", "{\"w\":1,\"x\":\"any\"}", ""},
    {SAME, "[1]", ""},
    {SAME, "{\"w\":\"1\"}", "/w: must be an integer, is \"1\""},
    {SAME, "{\"\\u0077\":null}", "/w: must be an integer, is null"},
    {"{\"properties\":{\"a/b~c\":{\"items\":{\"type\":\"null\"}}}}", "{\"a/b~c\":[null,1]}",
     "/a~1b~0c/1: must be null, is 1"},
    {"{\"required\":[\"b\",\"a\"]}", "{\"a\":1,\"b\":null}", ""},
    {SAME, "{\"c\":1}", "\"a\" is missing; \"b\" is missing"},
    {SAME, "{\"\\u0062\":1}", "\"a\" is missing"},
    {SAME, "\"no object\"", ""},
    {"{\"properties\":{\"a\":{\"type\":\"null\"}},\"required\":[\"a\",\"b\"],"
     "\"additionalProperties\":false}",
     "{\"a\":1,\"c\":2}",
     "/a: must be null, is 1; /c: is not a known member; did you mean \"a\"?; \"b\" is missing"},
    {"{\"properties\":{\"width\":{},\"height\":{}},\"additionalProperties\":false}",
     "{\"width\":1}", ""},
    {SAME, "{\"widht\":1}", "/widht: is not a known member; did you mean \"width\"?"},
    {SAME, "{\"colour\":1}", "/colour: is not a known member"},
    {"{\"properties\":{\"a\":true},\"additionalProperties\":{\"type\":\"string\"}}",
     "{\"a\":1,\"b\":\"x\"}", ""},
    {SAME, "{\"a\":1,\"b\":2}", "/b: must be a string, is 2"},
    {"{\"properties\":{\"a\":false}}", "{\"a\":1}", "/a: is not allowed here"},
    {"{\"minProperties\":1,\"maxProperties\":2}", "{\"a\":1}", ""},
    {SAME, "{}", "must have at least 1 members, has 0"},
    {SAME, "{\"a\":1,\"b\":2,\"c\":3}", "must have at most 2 members, has 3"},

    {"{\"items\":{\"type\":\"integer\"}}", "[1,2]", ""},
    {SAME, "[1,\"2\",null]", "/1: must be an integer, is \"2\"; /2: must be an integer, is null"},
    {SAME, "{\"0\":\"x\"}", ""},
    {"{\"items\":false}", "[]", ""},
    {SAME, "[1,2]", "must have at most 0 items, has 2"},
    {"{\"prefixItems\":[{\"type\":\"string\"},{\"type\":\"integer\"}]}", "[\"a\",1,true]", ""},
    {SAME, "[\"a\"]", ""},
    {SAME, "[1,1]", "/0: must be a string, is 1"},
    {"{" D20 "\"prefixItems\":[{\"type\":\"string\"}],\"items\":{\"type\":\"null\"}}",
     "[\"a\",null,null]", ""},
    {SAME, "[\"a\",null,3]", "/2: must be null, is 3"},
    {"{\"prefixItems\":[true,true],\"items\":false}", "[1,2]", ""},
    {SAME, "[1,2,3]", "must have at most 2 items, has 3"},
    {"{" D7 "\"items\":[{\"type\":\"string\"}],\"additionalItems\":{\"type\":\"null\"}}",
     "[\"a\",null]", ""},
    {SAME, "[1,2]", "/0: must be a string, is 1; /1: must be null, is 2"},
    {"{" D7 "\"items\":{\"type\":\"string\"},\"additionalItems\":false}", "[\"a\",\"b\"]", ""},
    {"{" D7 "\"additionalItems\":false}", "[1,2]", ""},
    {"{" D19 "\"items\":[]}", "[1,2]", ""},
    {"{\"minItems\":1,\"maxItems\":2.0}", "[1]", ""},
    {SAME, "[]", "must have at least 1 items, has 0"},
    {SAME, "[1,2,3]", "must have at most 2 items, has 3"},
    {"{\"uniqueItems\":true}", "[1,\"1\",[1],{\"a\":1},true,null]", ""},
    {SAME, "[3,1,2,1.0]", "must have different items, but number 1 and number 3 are equal"},
    {SAME, "[{\"a\":1,\"b\":[2]},{\"b\":[2.0],\"\\u0061\":1}]",
     "must have different items, but number 0 and number 1 are equal"},
    {SAME, "[0,false,\"\",[],{},null]", ""},
    {SAME, "[1,0,-0.0]", "must have different items, but number 1 and number 2 are equal"},
    {"{\"uniqueItems\":false}", "[1,1]", ""},

    {"{\"minLength\":2,\"maxLength\":3}", "\"ab\"", ""},
    {SAME, "\"\xd0\xbf\xd1\x80\xd0\xb8\"", ""},
    {SAME, "\"\\ud83d\\ude00\\n\"", ""},
    {SAME, "\"\xf0\x9f\x98\x80\"", "must have at least 2 characters, has 1"},
    {SAME, "\"abcd\"", "must have at most 3 characters, has 4"},
    {SAME, "12345", ""},
    {"{\"pattern\":\"^[a-z]+$\"}", "\"abc\"", ""},
    {SAME, "\"\\u0061bc\"", ""},
    {SAME, "\"abc\\n\"", "must match the pattern \"^[a-z]+$\", is \"abc\\n\""},
    {SAME, "7", ""},
    {"{\"pattern\":\"b\"}", "\"abc\"", ""},
    {"{\"pattern\":\"^.$\"}", "\"\xf0\x9f\x98\x80\"", ""},
    {"{\"pattern\":\"^\\\\u0436\\\\d$\"}", "\"\xd0\xb6\x37\"", ""},
    {"{\"pattern\":\"^\\\\p{Lu}\"}", "\"\xd0\x96\"", ""},

    {"{\"minimum\":0,\"maximum\":4096}", "0", ""},
    {SAME, "4096.0", ""},
    {SAME, "9000", "must be <= 4096, is 9000"},
    {SAME, "-0.001", "must be >= 0, is -0.001"},
    {SAME, "\"x\"", ""},
    {"{\"exclusiveMinimum\":0,\"exclusiveMaximum\":1}", "0.5", ""},
    {SAME, "0.0", "must be > 0, is 0.0"},
    {SAME, "1", "must be < 1, is 1"},
    {"{\"maximum\":9007199254740992}", "9007199254740993",
     "must be <= 9007199254740992, is 9007199254740993"},
    {"{\"multipleOf\":0.01}", "4.35", ""},
    {SAME, "4.355", "must be a multiple of 0.01, is 4.355"},
    {"{\"multipleOf\":3}", "9007199254740993", ""},
    {SAME, "1e30", "must be a multiple of 3, is 1e30"},

    {"{\"allOf\":[{\"minimum\":1},{\"maximum\":3}]}", "2", ""},
    {SAME, "0", "must be >= 1, is 0"},
    {"{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"null\"}]}", "null", ""},
    {SAME, "5", "must be a string or null, is 5"},
    {"{\"anyOf\":[{\"type\":\"string\",\"maxLength\":2},{\"type\":\"null\"}]}", "\"abc\"",
     "must have at most 2 characters, has 3"},
    {"{\"anyOf\":[{\"minimum\":5},{\"type\":\"integer\"}]}", "1.5", "must be >= 5, is 1.5"},
    {"{\"anyOf\":[{\"minimum\":5},{\"multipleOf\":2}]}", "1.5",
     "matches none of the 2 alternatives of anyOf, is 1.5"},
    {"{\"oneOf\":[{\"multipleOf\":2},{\"multipleOf\":3},{\"multipleOf\":5}]}", "9", ""},
    {SAME, "10", "must match only one alternative of oneOf, matches number 1 and number 3"},
    {SAME, "7", "matches none of the 3 alternatives of oneOf, is 7"},
    {"{\"not\":{\"type\":\"string\"}}", "1", ""},
    {SAME, "\"x\"", "must not match what stands in \"not\", is \"x\""},
    {"{\"not\":{\"not\":{\"type\":\"null\"}}}", "null", ""},
    {"{\"not\":false}", "1", ""},

    {"{\"$ref\":\"#/$defs/size\",\"$defs\":{\"size\":{\"type\":\"integer\"}}}", "1", ""},
    {SAME, "true", "must be an integer, is true"},
    {"{\"properties\":{\"next\":{\"$ref\":\"#\"},\"v\":{\"type\":\"integer\"}}}",
     "{\"v\":1,\"next\":{\"v\":2}}", ""},
    {SAME, "{\"next\":{\"next\":{\"v\":\"x\"}}}", "/next/next/v: must be an integer, is \"x\""},
    {"{\"items\":{\"$ref\":\"#/definitions/a~1b%25~0\"},\"definitions\":{\"a/"
     "b%~\":{\"type\":\"null\"}}}",
     "[1]", "/0: must be null, is 1"},
    {"{\"prefixItems\":[{\"type\":\"null\"},{\"$ref\":\"#/prefixItems/0\"}]}", "[null,1]",
     "/1: must be null, is 1"},
    {"{\"$ref\":\"#/$defs/a\",\"maximum\":5,\"$defs\":{\"a\":{\"minimum\":1}}}", "9",
     "must be <= 5, is 9"},
    {"{" D7 "\"$ref\":\"#/definitions/a\",\"maximum\":5,\"definitions\":{\"a\":{\"minimum\":1}}}",
     "9", ""},
    {SAME, "0", "must be >= 1, is 0"},
    {"{\"anyOf\":[{\"$ref\":\"#/$defs/"
     "t\"},{\"type\":\"null\"}],\"$defs\":{\"t\":{\"type\":\"string\"}}}",
     "1", "must be a string or null, is 1"},

    {"{\"title\":\"t\",\"description\":\"d\",\"default\":1,\"examples\":[2],\"format\":\"uri\",\"$"
     "id\":\"x\","
     "\"$comment\":\"c\",\"deprecated\":true,\"readOnly\":true,\"writeOnly\":true,\"type\":"
     "\"integer\"}",
     "1", ""},
    {"{\"default\":{\"$ref\":\"nowhere\"},\"const\":{\"if\":1},\"enum\":[{\"if\":1}]}",
     "{\"if\":1}", ""},
};

/* Checks one value and returns the report's line. */
static const char *explain(const struct schema *s, const char *value, struct buf *line)
{
    struct json_doc doc = JSON_DOC_INIT;
    struct json_fault fault = {.what = ""};
    buf_reset(line);
    if (json_scan(&doc, value, strlen(value), &fault) < 0)
        fail_msg("%s: %s", value, fault.what);
    int problems = schema_explain(s, &doc, 0, NULL, line);
    /* The quiet answer must be the same. */
    assert_int_equal(schema_check(s, &doc, 0, NULL, NULL), problems > 0);
    assert_int_equal(problems > 0, line->len > 0);
    json_doc_clear(&doc);
    return buf_cstr(line);
}

static struct schema *compile(const char *text)
{
    struct schema_error e;
    struct schema *s = schema_compile(text, strlen(text), &e);
    if (s == NULL)
        fail_msg("%s: %s: %s", text, e.pointer, e.message);
    return s;
}

static void test_keywords(void **state)
{
    (void)state;
    struct schema *s = NULL;
    struct buf line = BUF_INIT(10000);
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
        const struct check_case *c = &checks[i];
        if (c->schema != SAME) {
            schema_free(s);
            s = compile(c->schema);
        }
        const char *got = explain(s, c->value, &line);
        if (strcmp(got, c->line) != 0)
            fail_msg("row %zu, %s: \"%s\", expected \"%s\"", i, c->value, got, c->line);
    }
    schema_free(s);
    buf_clear(&line);
}

static const struct refusal {
    const char *schema, *pointer, *message;
} refusals[] = {
    {"", "", "not JSON: the text ends where a value should be at byte 0"},
    {"{\"type\":\"object\",\"type\":\"array\"}", "",
     "not JSON: a name stands twice in an object at byte 17"},
    {"17", "", "a schema must be an object or a boolean"},
    {"[]", "", "a schema must be an object or a boolean"},
    {"{\"properties\":{\"a\":1}}", "/properties/a", "a schema must be an object or a boolean"},
    {"{\"items\":{\"not\":\"x\"}}", "/items/not", "a schema must be an object or a boolean"},
    {"{\"if\":true}", "/if", "if: this keyword is not supported"},
    {"{\"$defs\":{\"a\":{\"contains\":{}}}}", "/$defs/a/contains",
     "contains: this keyword is not supported"},
    {"{\"patternProperties\":{}}", "/patternProperties",
     "patternProperties: this keyword is not supported"},
    {"{\"propertyNames\":{}}", "/propertyNames", "propertyNames: this keyword is not supported"},
    {"{\"unevaluatedProperties\":false}", "/unevaluatedProperties",
     "unevaluatedProperties: this keyword is not supported"},
    {"{\"dependentRequired\":{}}", "/dependentRequired",
     "dependentRequired: this keyword is not supported"},
    {"{\"$anchor\":\"a\"}", "/$anchor", "$anchor: this keyword is not supported"},
    {"{\"properties\":{\"a~b/c\":{\"requierd\":[]}}}", "/properties/a~0b~1c/requierd",
     "\"requierd\": unknown keyword; did you mean required?"},
    {"{\"nullable\":true}", "/nullable", "\"nullable\": unknown keyword"},
    {"{\"additionalItems\":false}", "/additionalItems",
     "additionalItems: not a keyword of this schema's dialect"},
    {"{" D7 "\"prefixItems\":[{}]}", "/prefixItems",
     "prefixItems: not a keyword of this schema's dialect"},
    {"{\"$schema\":\"http://json-schema.org/draft-04/schema#\"}", "/$schema",
     "$schema: not a dialect that is supported (2020-12, 2019-09, draft-07, draft-06)"},
    {"{\"items\":{\"$schema\":\"http://json-schema.org/draft-07/schema#\"}}", "/items/$schema",
     "$schema: must be the one of the root"},
    {"{\"items\":{\"$id\":\"other\"}}", "/items/$id", "$id: is supported at the root only"},
    {"{\"items\":[{}]}", "/items",
     "items: must be one schema (a list of them is prefixItems in 2020-12)"},
    {"{\"type\":\"int\"}", "/type", "type: must be a type name, or a list of different ones"},
    {"{\"type\":[]}", "/type", "type: must be a type name, or a list of different ones"},
    {"{\"type\":[\"null\",\"null\"]}", "/type/1",
     "type: must be a type name, or a list of different ones"},
    {"{\"type\":{}}", "/type", "type: must be a type name, or a list of different ones"},
    {"{\"enum\":1}", "/enum", "enum: must be an array"},
    {"{\"properties\":[]}", "/properties", "properties: must be an object of schemas"},
    {"{\"required\":\"a\"}", "/required", "required: must be a list of names"},
    {"{\"required\":[\"a\",1]}", "/required/1", "required: must be a list of names"},
    {"{\"properties\":{\"a\":{}},\"required\":[\"a\",\"b\",\"a\"]}", "/required/2",
     "required: a name stands there twice"},
    {"{\"minLength\":-1}", "/minLength", "minLength: must be a whole number, 0 or more"},
    {"{\"maxItems\":1.5}", "/maxItems", "maxItems: must be a whole number, 0 or more"},
    {"{\"minProperties\":\"1\"}", "/minProperties",
     "minProperties: must be a whole number, 0 or more"},
    {"{\"minimum\":\"1\"}", "/minimum", "minimum: must be a number"},
    {"{\"exclusiveMaximum\":true}", "/exclusiveMaximum", "exclusiveMaximum: must be a number"},
    {"{\"multipleOf\":0}", "/multipleOf",
     "multipleOf: must be a number above 0 of at most 19 digits"},
    {"{\"multipleOf\":-2}", "/multipleOf",
     "multipleOf: must be a number above 0 of at most 19 digits"},
    {"{\"uniqueItems\":1}", "/uniqueItems", "uniqueItems: must be true or false"},
    {"{\"pattern\":5}", "/pattern", "pattern: must be a string"},
    {"{\"pattern\":\"a(b\"}", "/pattern", "pattern: missing closing parenthesis, at character 3"},
    {"{\"anyOf\":[]}", "/anyOf", "anyOf: must be a list of schemas"},
    {"{\"allOf\":{}}", "/allOf", "allOf: must be a list of schemas"},
    {"{\"oneOf\":[true,3]}", "/oneOf/1", "a schema must be an object or a boolean"},
    {"{\"prefixItems\":[]}", "/prefixItems", "prefixItems: must be a list of schemas"},
    {"{\"$ref\":5}", "/$ref", "$ref: must be a string"},
    {"{\"$ref\":\"http://example.org/x\"}", "/$ref",
     "$ref: \"http://example.org/x\" is not supported, only references within the schema (#/...)"},
    {"{\"$ref\":\"#/$defs/none\"}", "/$ref",
     "$ref: \"#/$defs/none\" leads to nothing in this schema"},
    {"{\"$ref\":\"#anchor\"}", "/$ref", "$ref: \"#anchor\" leads to nothing in this schema"},
    {"{\"$ref\":\"#/%zz\"}", "/$ref", "$ref: \"#/%zz\" leads to nothing in this schema"},
    {"{\"$ref\":\"#/~2\"}", "/$ref", "$ref: \"#/~2\" leads to nothing in this schema"},
    {"{\"allOf\":[{\"$ref\":\"#/allOf/01\"},{}]}", "/allOf/0/$ref",
     "$ref: \"#/allOf/01\" leads to nothing in this schema"},
    {"{\"properties\":{\"a\":{\"$ref\":\"#/properties\"}}}", "/properties/a/$ref",
     "$ref: \"#/properties\" does not lead to a schema"},
    {"{\"const\":{\"type\":\"null\"},\"items\":{\"$ref\":\"#/const\"}}", "/items/$ref",
     "$ref: \"#/const\" does not lead to a schema"},
    {"{\"$ref\":\"#\"}", "",
     "a schema that refers to itself for the same value, or to others over more than 32 steps"},
    {"{\"properties\":{\"a\":{\"anyOf\":[{\"type\":\"null\"},{\"not\":{\"$ref\":\"#/properties/"
     "a\"}}]}}}",
     "/properties/a",
     "a schema that refers to itself for the same value, or to others over more than 32 steps"},
};

static void test_refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        const struct refusal *r = &refusals[i];
        struct schema_error e;
        struct schema *s = schema_compile(r->schema, strlen(r->schema), &e);
        if (s != NULL)
            fail_msg("compiled: %s", r->schema);
        if (strcmp(e.message, r->message) != 0 || (strcmp(e.pointer, r->pointer) != 0))
            fail_msg("%s: \"%s\" at \"%s\", expected \"%s\" at \"%s\"", r->schema, e.message,
                     e.pointer, r->message, r->pointer);
    }
}

static void test_too_long(void **state)
{
    (void)state;
    struct schema_error e;
    char *text = malloc(SCHEMA_TEXT_MAX + 1);
    assert_non_null(text);
    memset(text, ' ', SCHEMA_TEXT_MAX + 1);
    memcpy(text, "{}", 2);
    struct schema *s = schema_compile(text, SCHEMA_TEXT_MAX, &e);
    assert_non_null(s);
    schema_free(s);
    assert_null(schema_compile(text, SCHEMA_TEXT_MAX + 1, &e));
    assert_string_equal(e.message, "longer than 262144 bytes");
    free(text);
    schema_free(NULL);
}

/* A chain of references up to the limit is accepted, one more is not. */
static void test_chains(void **state)
{
    (void)state;
    struct buf b = BUF_INIT(10000), line = BUF_INIT(1000);
    for (int length = 32; length <= 33; length++) {
        struct schema_error e;
        buf_reset(&b);
        buf_append_str(&b, "{\"$ref\":\"#/$defs/1\",\"$defs\":{");
        for (int i = 1; i < length; i++)
            buf_printf(&b, "\"%d\":{\"$ref\":\"#/$defs/%d\"},", i, i + 1);
        buf_printf(&b, "\"%d\":{\"type\":\"null\"}}}", length);
        struct schema *s = schema_compile((char *)b.data, b.len, &e);
        assert_int_equal(s != NULL, length == 32);
        if (s != NULL)
            assert_string_equal(explain(s, "1", &line), "must be null, is 1");
        schema_free(s);
    }
    buf_clear(&b);
    buf_clear(&line);
}

static int check_text(const struct schema *s, const char *text, struct buf *line)
{
    struct json_doc doc = JSON_DOC_INIT;
    struct json_fault fault;
    buf_reset(line);
    assert_int_equal(json_scan(&doc, text, strlen(text), &fault), 0);
    int problems = schema_explain(s, &doc, 0, NULL, line);
    json_doc_clear(&doc);
    return problems;
}

/* Two ways at each of 60 levels: 2^60 without a bound. */
static void test_explosion_is_bounded(void **state)
{
    (void)state;
    struct schema *s =
        compile("{\"properties\":{\"a\":{\"anyOf\":[{\"$ref\":\"#\"},{\"$ref\":\"#\"}]},"
                "\"v\":{\"type\":\"null\"}}}");
    struct buf b = BUF_INIT(10000), line = BUF_INIT(1000);
    for (int i = 0; i < 60; i++)
        buf_append_str(&b, "{\"a\":");
    buf_append_str(&b, "{\"v\":1}");
    for (int i = 0; i < 60; i++)
        buf_append_char(&b, '}');
    int64_t start = clock_mono_ms();
    assert_int_equal(check_text(s, buf_cstr(&b), &line), 1);
    assert_non_null(strstr(buf_cstr(&line), "takes too many steps to check against its schema"));
    assert_true(clock_mono_ms() - start < 20000);
    schema_free(s);
    buf_clear(&b);
    buf_clear(&line);
}

/* No verdict is never a match, under "not" neither. */
static void test_hostile_patterns(void **state)
{
    (void)state;
    static const char *const schemas[] = {
        "{\"pattern\":\"^(a+)+$\"}",
        "{\"not\":{\"pattern\":\"^(a+)+$\"}}",
        "{\"anyOf\":[{\"pattern\":\"^(a+)+$\"},true]}",
        "{\"oneOf\":[true,{\"pattern\":\"^(a+)+$\"}]}",
        "{\"pattern\":\"^(a|(?R))*$\"}",
    };
    struct buf line = BUF_INIT(1000);
    for (size_t i = 0; i < sizeof schemas / sizeof *schemas; i++) {
        struct schema *s = compile(schemas[i]);
        assert_int_equal(
            check_text(s, "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaabbbbbaaaaaaaaaaaaaaaaaaaaaaaaa!\"",
                       &line),
            1);
        if (strncmp(buf_cstr(&line), "takes too long to match with the pattern", 40) != 0)
            fail_msg("%s: %s", schemas[i], buf_cstr(&line));
        schema_free(s);
    }
    buf_clear(&line);
}

/* Many strings, each costly but within its own limit: the time of all is bounded too. */
static void test_hostile_patterns_in_sum(void **state)
{
    (void)state;
    struct schema *s = compile("{\"items\":{\"anyOf\":[{\"pattern\":\"^(a+)+$\"},true]}}");
    struct buf b = BUF_INIT(4 << 20), line = BUF_INIT(100000);
    for (int i = 0; i < 50000; i++)
        buf_append_str(&b, i == 0 ? "[\"aaaaaaaaaaaaa!\"" : ",\"aaaaaaaaaaaaa!\"");
    buf_append_char(&b, ']');
    int64_t start = clock_mono_ms();
    assert_int_equal(check_text(s, buf_cstr(&b), &line), 1);
    assert_non_null(strstr(buf_cstr(&line), ": takes too long to match with the pattern"));
    assert_true(clock_mono_ms() - start < 20000);
    schema_free(s);
    buf_clear(&b);
    buf_clear(&line);
}

static void test_large_values(void **state)
{
    (void)state;
    struct schema *s =
        compile("{\"uniqueItems\":true,\"items\":{\"type\":\"object\",\"required\":[\"id\"],"
                "\"properties\":{\"id\":{\"type\":\"integer\",\"minimum\":0}}}}");
    struct buf b = BUF_INIT(16 << 20), line = BUF_INIT(1000);
    for (int i = 0; i < 100000; i++)
        buf_printf(&b, "%c{\"id\":%d}", i == 0 ? '[' : ',', i);
    buf_append_char(&b, ']');
    assert_int_equal(check_text(s, buf_cstr(&b), &line), 0);
    b.len--;
    buf_append_str(&b, ",{\"id\":77777.0}]");
    assert_int_equal(check_text(s, buf_cstr(&b), &line), 1);
    assert_string_equal(buf_cstr(&line),
                        "must have different items, but number 77777 and number 100000 are equal");
    schema_free(s);
    buf_clear(&b);
    buf_clear(&line);
}

static void count_problem(void *arg, const char *pointer, const char *message)
{
    (void)message;
    assert_int_equal(pointer[0], '/');
    ++*(int *)arg;
}

static void test_number_of_problems_is_bounded(void **state)
{
    (void)state;
    struct schema *s = compile("{\"items\":{\"type\":\"null\"}}");
    struct json_doc doc = JSON_DOC_INIT;
    struct json_fault fault;
    struct buf b = BUF_INIT(10000), json = BUF_INIT(300), line = BUF_INIT(100);
    int seen = 0;
    for (int i = 0; i < 100; i++)
        buf_append_str(&b, i == 0 ? "[0" : ",0");
    buf_append_char(&b, ']');
    assert_int_equal(json_scan(&doc, (char *)b.data, b.len, &fault), 0);
    assert_int_equal(schema_check(s, &doc, 0, count_problem, &seen), SCHEMA_PROBLEMS_MAX);
    assert_int_equal(seen, SCHEMA_PROBLEMS_MAX);
    /* Reports in small buffers are cut to whole problems. */
    assert_int_equal(schema_explain(s, &doc, 0, &json, &line), SCHEMA_PROBLEMS_MAX);
    assert_string_equal(buf_cstr(&line),
                        "/0: must be null, is 0; /1: must be null, is 0; /2: must be null, is 0; "
                        "/3: must be null, is 0");
    struct json_doc report = JSON_DOC_INIT;
    assert_int_equal(json_scan(&report, (char *)json.data, json.len, &fault), 0);
    assert_int_equal(report.tokens[0].count, 6);
    json_doc_clear(&report);
    json_doc_clear(&doc);
    schema_free(s);
    buf_clear(&b);
    buf_clear(&json);
    buf_clear(&line);
}

static void test_json_report(void **state)
{
    (void)state;
    struct schema *s =
        compile("{\"properties\":{\"params\":{\"properties\":{\"width\":{\"maximum\":4096},"
                "\"f\":{\"enum\":[\"a\"]}}}}}");
    static const char text[] = "{\"params\":{\"width\":9000,\"f\":\"\\u0062\"}}";
    struct json_doc doc = JSON_DOC_INIT;
    struct json_fault fault;
    struct buf json = BUF_INIT(1000);
    assert_int_equal(json_scan(&doc, text, strlen(text), &fault), 0);
    assert_int_equal(schema_explain(s, &doc, 0, &json, NULL), 2);
    assert_string_equal(
        buf_cstr(&json),
        "[{\"path\":\"/params/width\",\"message\":\"must be <= 4096, is 9000\"},"
        "{\"path\":\"/params/f\",\"message\":\"must be one of \\\"a\\\"; is \\\"\\\\u0062\\\"\"}]");
    schema_free(s);
    /* Pointers are relative to the token that is checked. */
    s = compile("{\"properties\":{\"width\":{\"maximum\":4096}}}");
    buf_reset(&json);
    assert_int_equal(schema_explain(s, &doc, json_find(&doc, 0, "params"), NULL, &json), 1);
    assert_string_equal(buf_cstr(&json), "/width: must be <= 4096, is 9000");
    schema_free(s);
    json_doc_clear(&doc);
    buf_clear(&json);
}

/* Strings around the length at which they are cut, each at the end of its memory. */
static void test_values_at_the_cut(void **state)
{
    (void)state;
    struct schema *s = compile("{\"const\":1}");
    struct buf line = BUF_INIT(1000);
    for (size_t n = 50; n < 70; n++) {
        char *text = malloc(n);
        struct json_doc doc = JSON_DOC_INIT;
        struct json_fault fault;
        assert_non_null(text);
        memset(text, 'a', n);
        text[0] = text[n - 1] = '"';
        buf_reset(&line);
        assert_int_equal(json_scan(&doc, text, n, &fault), 0);
        assert_int_equal(schema_explain(s, &doc, 0, NULL, &line), 1);
        assert_int_equal(strstr(buf_cstr(&line), "...") != NULL, n >= 60);
        json_doc_clear(&doc);
        free(text);
    }
    schema_free(s);
    buf_clear(&line);
}

static void test_long_values_are_cut_in_messages(void **state)
{
    (void)state;
    struct schema *s =
        compile("{\"additionalProperties\":{\"maxLength\":3,\"type\":[\"string\",\"object\"]}}");
    struct buf b = BUF_INIT(10000), line = BUF_INIT(10000);
    buf_append_str(&b, "{\"");
    for (int i = 0; i < 800; i++)
        buf_append_str(&b, "\xd0\xb6");
    buf_append_str(&b,
                   "end\":1234567890123456789012345678901234567890123456789012345678901234567890}");
    assert_int_equal(check_text(s, buf_cstr(&b), &line), 1);
    const char *text = buf_cstr(&line);
    assert_memory_equal(text, "...\xd0\xb6", 5);
    assert_non_null(
        strstr(text, "end: must be an object or a string, is 12345678901234567890123456789"));
    assert_non_null(strstr(text, "..."));
    assert_true(line.len < 1200);
    schema_free(s);
    s = compile("{\"const\":1}");
    buf_reset(&b);
    buf_append_char(&b, '"');
    for (int i = 0; i < 100; i++)
        buf_append_str(&b, "\xd0\xb6");
    buf_append_char(&b, '"');
    assert_int_equal(check_text(s, buf_cstr(&b), &line), 1);
    assert_int_equal(line.len, strlen("must be 1, is ") + 1 + 58 + 4);
    schema_free(s);
    buf_clear(&b);
    buf_clear(&line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keywords),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_too_long),
        cmocka_unit_test(test_chains),
        cmocka_unit_test(test_explosion_is_bounded),
        cmocka_unit_test(test_hostile_patterns),
        cmocka_unit_test(test_hostile_patterns_in_sum),
        cmocka_unit_test(test_large_values),
        cmocka_unit_test(test_number_of_problems_is_bounded),
        cmocka_unit_test(test_json_report),
        cmocka_unit_test(test_values_at_the_cut),
        cmocka_unit_test(test_long_values_are_cut_in_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
