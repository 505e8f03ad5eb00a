/* test_echo.c: runs the plugin in the SDK's test host. Usage: test_echo PLUGIN.so; exit 0: all is
 * well. */
#include <stdio.h>
#include <string.h>

#include <penstock/testhost.h>

static int failed;

static void check(int is_true, const char *what)
{
    printf("%s %s\n", is_true ? "ok  " : "FAIL", what);
    if (!is_true)
        failed = 1;
}

static void test_returns_input_and_params(const pen_pipeline *echo)
{
    struct pen_testhost th;
    pen_testhost_init(&th);
    pen_testhost_input(&th, "text", "text/plain", "hello", 5);
    check(pen_testhost_run(&th, echo, "{}", "{\"n\": 1}") == PEN_OK, "a task succeeds");
    check(th.result != NULL && strcmp(th.result, "{\"n\": 1}") == 0, "params come back as result");
    check(th.n_outputs == 1 && strcmp(th.outputs[0].bytes, "hello") == 0, "the input comes back");
    check(th.n_outputs == 1 && strcmp(th.outputs[0].media_type, "text/plain") == 0,
          "with its type");
    pen_testhost_clear(&th);
}

static void test_refuses_a_task_without_input(const pen_pipeline *echo)
{
    struct pen_testhost th;
    pen_testhost_init(&th);
    check(pen_testhost_run(&th, echo, "{}", "{}") == PEN_E_INPUT, "a task without input fails");
    check(th.why != NULL && th.result == NULL, "and says why");
    pen_testhost_clear(&th);
}

int main(int argc, char **argv)
{
    const pen_plugin *plugin = argc == 2 ? pen_testhost_load(argv[1]) : NULL;
    if (plugin == NULL)
        return 2;
    check(strcmp(plugin->pipelines[0]->slug, "echo") == 0, "the pipeline is called echo");
    test_returns_input_and_params(plugin->pipelines[0]);
    test_refuses_a_task_without_input(plugin->pipelines[0]);
    return failed;
}
