#pragma once
#include <sqlite3.h>

// SQLITE_TRANSIENT is a cast of -1 to a function pointer, which Swift does not import.
// An empty value may come without an address, and a null pointer would bind NULL.
static inline int execbus_bind_text(sqlite3_stmt *s, int i, const char *t, sqlite3_uint64 n) {
    return sqlite3_bind_text64(s, i, t ? t : "", n, SQLITE_TRANSIENT, SQLITE_UTF8);
}
static inline int execbus_bind_blob(sqlite3_stmt *s, int i, const void *b, sqlite3_uint64 n) {
    return n == 0 ? sqlite3_bind_zeroblob(s, i, 0) : sqlite3_bind_blob64(s, i, b, n, SQLITE_TRANSIENT);
}
