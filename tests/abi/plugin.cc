// plugin.cc: a plugin in C++11, as the author's guide says one is written. Loaded by no test,
// compiled by headers.py.
#include <exception>

#include <penstock/ext/progress.h>
#include <penstock/plugin.h>

namespace
{

pen_status run(void *, const pen_host *host, const pen_task *task)
{
    try {
        const auto *progress =
            static_cast<const pen_progress *>(host->extension(host, PEN_EXT_PROGRESS));
        if (progress != nullptr)
            progress->report(host, 0.5, "half way");
        return host->result(host, "success", task->params);
    } catch (const std::exception &e) {
        return host->fail(host, PEN_E_INTERNAL, e.what());
    }
}

const char *const needs[] = {PEN_EXT_PROGRESS, nullptr};
const pen_pipeline echo = {sizeof echo, "echo",  "1.0.0", "in C++", nullptr,
                           nullptr,     nullptr, nullptr, nullptr,  needs,
                           nullptr,     nullptr, run,     nullptr,  nullptr};
const pen_pipeline *const pipelines[] = {&echo, nullptr};

} // namespace

const pen_plugin pen_plugin_entry = {
    PEN_PLUGIN_HEADER, "org.example.echo-cxx", "1.0.0", nullptr, "CC0-1.0", pipelines};
