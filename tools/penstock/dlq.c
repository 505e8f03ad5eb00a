/* dlq.c: the filter of `penstock dlq`. Part of the command line. */
#include "dlq.h"

#include "cli.h"
#include "listing.h"

bool dlq_has_filter(const struct dlq_filter *f)
{
    return f->pipeline != NULL || f->code != NULL || f->job != NULL || f->tenant != NULL ||
           f->before != NULL || f->after != NULL;
}

int dlq_put_filter(const struct cli *cli, const struct dlq_filter *f, struct json_writer *w)
{
    json_member_str(w, "pipeline", f->pipeline);
    json_member_str(w, "job_id", f->job);
    json_member_str(w, "tenant", f->tenant);
    int status = listing_put_code(cli, f->code, w);
    if (status == CLI_OK)
        status = listing_put_time(cli, "after", f->after, "since", w);
    return status == CLI_OK ? listing_put_time(cli, "before", f->before, "until", w) : status;
}
