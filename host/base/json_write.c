/* json_write.c */
#include "base/json.h"
