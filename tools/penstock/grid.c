/* grid.c: tables by libsmartcols. Part of the command line. */
#include "grid.h"

#include <stdlib.h>
#include <string.h>

#include <libsmartcols.h>

#include "cli.h"
#include "terminal.h"

#include "base/buf.h"

struct grid {
    const struct cli *cli;
    struct libscols_table *table;
    size_t n_columns, n_rows;
};

static int add_column(struct grid *g, const struct grid_column *c)
{
    int flags = (c->flags & GRID_RIGHT ? SCOLS_FL_RIGHT : 0) |
                (c->flags & GRID_CUT ? SCOLS_FL_TRUNC : 0) |
                (c->flags & GRID_WRAP ? SCOLS_FL_WRAP : 0);
    double hint = c->flags & (GRID_CUT | GRID_WRAP) ? c->share > 0 ? c->share : 0.1 : 0;
    struct libscols_column *column = scols_table_new_column(g->table, c->title, hint, flags);
    if (column == NULL)
        return -1;
    return g->cli->has_color_out ? scols_cell_set_color(scols_column_get_header(column), COLOR_BOLD)
                                 : 0;
}

struct grid *grid_new(const struct cli *cli, const struct grid_column *columns, size_t n)
{
    struct grid *g = calloc(1, sizeof *g);
    if (g == NULL)
        return NULL;
    *g = (struct grid){cli, scols_new_table(), n, 0};
    for (size_t i = 0; g->table != NULL && i < n; i++) {
        if (add_column(g, &columns[i]) != 0) {
            scols_unref_table(g->table);
            g->table = NULL;
        }
    }
    if (g->table == NULL) {
        free(g);
        return NULL;
    }
    scols_table_enable_colors(g->table, cli->has_color_out);
    scols_table_set_column_separator(g->table, "  ");
    scols_table_set_termwidth(g->table, (size_t)terminal_width(stdout));
    return g;
}

void grid_free(struct grid *g)
{
    if (g == NULL)
        return;
    scols_unref_table(g->table);
    free(g);
}

int grid_row(struct grid *g, const char *const *cells, const char *const *colors)
{
    struct libscols_line *line = scols_table_new_line(g->table, NULL);
    for (size_t i = 0; line != NULL && i < g->n_columns; i++) {
        if (cells[i] != NULL && scols_line_set_data(line, i, cells[i]) != 0)
            return -1;
        if (colors != NULL && colors[i] != NULL && g->cli->has_color_out)
            scols_cell_set_color(scols_line_get_cell(line, i), colors[i]);
    }
    g->n_rows += line != NULL;
    return line != NULL ? 0 : -1;
}

size_t grid_count(const struct grid *g)
{
    return g->n_rows;
}

int grid_print(struct grid *g)
{
    if (g->n_rows == 0)
        return CLI_OK;
    fflush(stdout);
    return scols_print_table(g->table) == 0
               ? CLI_OK
               : cli_fail(g->cli, CLI_FAIL, NULL, "cannot print the table");
}

void grid_label(const struct cli *cli, const char *name)
{
    const char *on = cli->has_color_out ? COLOR_BOLD : "",
               *off = cli->has_color_out ? COLOR_OFF : "";
    printf("%s%-*s%s  ", on, GRID_NAME, name, off);
}

void grid_pair(const struct cli *cli, const char *name, const char *value)
{
    if (value == NULL || *value == '\0')
        return;
    grid_label(cli, name);
    terminal_print(stdout, value, strlen(value));
    putchar('\n');
}
