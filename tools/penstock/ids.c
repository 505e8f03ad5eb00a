/* ids.c: finds tasks by what people call them. Part of the command line. */
#include "ids.h"

#include <ctype.h>
#include <string.h>

#include "cli.h"
#include "view.h"

enum { HEADER_MAX = 4096 };

int id_is_uid(const char *word)
{
    static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    if (strlen(word) != sizeof form - 1)
        return 0;
    for (size_t i = 0; form[i] != '\0'; i++) {
        if (form[i] == 'x' ? !isxdigit((unsigned char)word[i]) : word[i] != form[i])
            return 0;
    }
    return 1;
}

static int write_header(struct buf *out, const char *word, int as_uid, int with_history)
{
    struct json_writer w;
    json_begin(&w, out);
    json_open(&w, '{');
    json_member_str(&w, as_uid ? "uid" : "task_id", word);
    if (with_history)
        json_member_bool(&w, "history", true);
    json_close(&w, '}');
    return json_end(&w);
}

int id_header(struct buf *out, const char *word, int as_uid)
{
    return write_header(out, word, as_uid, 0);
}

static int query(struct session *s, const char *word, int as_uid, int with_history,
                 struct answer *out)
{
    struct buf header = BUF_INIT(HEADER_MAX);
    answer_clear(out);
    int status = write_header(&header, word, as_uid, with_history) < 0
                     ? cli_fail(s->cli, CLI_USAGE, NULL, "the id is too long")
                     : session_ask(s, WIRE_QUERY, &header, NULL, 0, out, NULL);
    buf_clear(&header);
    return status;
}

static int find(struct session *s, const char *word, int with_history, struct answer *out)
{
    int status = CLI_OK;
    *out = (struct answer){.verb = WIRE_UNKNOWN};
    if (id_is_uid(word))
        status = query(s, word, 1, with_history, out);
    if (status == CLI_OK && (out->verb == WIRE_UNKNOWN || view_object(&out->doc, 0, "task") == 0))
        status = query(s, word, 0, with_history, out);
    if (status == CLI_OK && view_object(&out->doc, 0, "task") == 0)
        status = cli_fail(s->cli, CLI_NOT_FOUND,
                          "by its uid it is found from any client, until its result is forgotten",
                          "the host knows no task %s", word);
    return status;
}

int id_query(struct session *s, const char *word, struct answer *out)
{
    return find(s, word, 0, out);
}

int id_query_history(struct session *s, const char *word, struct answer *out)
{
    return find(s, word, 1, out);
}
