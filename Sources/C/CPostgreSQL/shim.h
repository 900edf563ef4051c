#pragma once
#include <libpq-fe.h>

// PG_DIAG_SQLSTATE is a character, which Swift does not import as the int that the function wants.
static inline const char *execbus_sqlstate(const PGresult *r) { return PQresultErrorField(r, PG_DIAG_SQLSTATE); }
