/* json_canonical.c */
#include "base/json.h"
