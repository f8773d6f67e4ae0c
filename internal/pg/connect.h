/* connect.h — why a connection could not be made, told so that the user can do something about it. */
#ifndef AURORA_PG_CONNECT_H
#define AURORA_PG_CONNECT_H

#include "internal/pg/query.h"

/* Turns libpq's message of a failed attempt into code, words and remedy. Always false. */
bool connect_failed(const struct pg *c, const char *message, struct err *e);

#endif
