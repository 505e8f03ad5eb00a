/* no_symbol.c: TEST PLUGIN, broken on purpose: a library, but no plugin. */
__attribute__((visibility("default"))) extern const int something_else;
const int something_else = 1;
