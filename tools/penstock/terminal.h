#ifndef PENSTOCK_TERMINAL_H
#define PENSTOCK_TERMINAL_H

/* terminal.h: colours, width, and text from others that must not steer the terminal. */

#include <stddef.h>
#include <stdio.h>
#include <string.h>

struct buf;
struct cli;

#define COLOR_OFF    "\033[0m"
#define COLOR_BOLD   "\033[1m"
#define COLOR_DIM    "\033[2m"
#define COLOR_RED    "\033[31m"
#define COLOR_GREEN  "\033[32m"
#define COLOR_YELLOW "\033[33m"

/* Settles has_color_out and has_color_err by --color, NO_COLOR, CLICOLOR_FORCE, TERM, isatty. */
void terminal_colors(struct cli *cli);
/* Columns of the terminal behind the stream; 80 if it is none. COLUMNS in the environment wins. */
int terminal_width(FILE *stream);
/* Whether lines on the stream can be drawn over: a terminal that is not dumb. */
int terminal_can_redraw(FILE *stream);
/* Appends text with control characters and bytes that are no UTF-8 as \xNN, tabs as blanks. */
void terminal_escape(struct buf *out, const char *text, size_t n);
/* Prints text so. */
void terminal_print(FILE *stream, const char *text, size_t n);
/* Prints a JSON text as it is; on a terminal the control characters that JSON allows are written as
 * \u00NN. */
void terminal_print_json(FILE *stream, const char *json, size_t n);
/* Number of bytes of the escaped text that fit into so many columns. */
size_t terminal_fit(const char *text, size_t n, int columns);
/* Prints words wrapped to the width, each line indented; the first line is taken to be indented
 * already. */
void terminal_wrap(FILE *stream, const char *text, int indent, int width);

#endif
