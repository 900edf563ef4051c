#pragma once
#include <jansson.h>

// json_decref is a static inline function that Swift would import with an attribute it warns about on some versions.
static inline void execbus_json_decref(json_t *value) { json_decref(value); }
