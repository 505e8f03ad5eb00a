#ifndef PENSTOCK_GRID_H
#define PENSTOCK_GRID_H

/* grid.h: tables for people on stdout, fitted to the terminal; full length where stdout is none. */

#include <stddef.h>

struct cli;
struct grid;

enum { GRID_RIGHT = 1, GRID_CUT = 2, GRID_WRAP = 4 };

struct grid_column {
    const char *title;
    int flags;    /* GRID_CUT, GRID_WRAP: what may give way when the terminal is narrow */
    double share; /* of the width, below which such a column gives way last; 0: a tenth */
};

/* columns is borrowed while the grid lives. NULL: no memory. */
struct grid *grid_new(const struct cli *cli, const struct grid_column *columns, size_t n);
/* NULL is fine. */
void grid_free(struct grid *g);
/* Copies a cell of each column; NULL is an empty one. colors: NULL, or for each column an escape or
 * NULL. */
int grid_row(struct grid *g, const char *const *cells, const char *const *colors);
size_t grid_count(const struct grid *g);
/* Prints the title line and the rows; nothing if there are none. Returns an exit status. */
int grid_print(struct grid *g);

/* A list of "name  value" lines; the value is escaped. Names are padded to GRID_NAME columns. An
 * empty value prints nothing. */
enum { GRID_NAME = 14 };
void grid_pair(const struct cli *cli, const char *name, const char *value);
/* Only the name, for a value that the caller prints. */
void grid_label(const struct cli *cli, const char *name);

#endif
