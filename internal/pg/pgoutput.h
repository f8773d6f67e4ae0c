/* pgoutput.h — what the output plugin pgoutput says of rows, in version 1 of its protocol, which every server
 * from 13 on speaks; internal. Bytes that are not of that form are ERR_REMOTE.
 *
 * Facts: PostgreSQL chapter 55.9 (logical replication message formats).
 */
#ifndef AURORA_PG_PGOUTPUT_H
#define AURORA_PG_PGOUTPUT_H

#include "internal/base/arena.h"
#include "internal/base/buf.h"
#include "internal/base/err.h"
#include "internal/base/names.h"

enum message_kind {
    MESSAGE_OTHER,
    MESSAGE_BEGIN,
    MESSAGE_RELATION,
    MESSAGE_ROW,
    MESSAGE_TRUNCATE,
    MESSAGE_COMMIT
};

struct message_value {
    enum { VALUE_NULL, VALUE_UNCHANGED, VALUE_TEXT } kind; /* unchanged: stored out of line, and not sent */
    struct str text;                                       /* in the message's bytes */
};
struct message_row {
    struct message_value *values;
    size_t n;
    bool is_there;
};

struct message {
    enum message_kind kind;
    uint32_t transaction;       /* of a BEGIN */
    uint32_t relation;          /* oid, on the server that sends */
    const char **columns;       /* of a RELATION, in the order of the values of its rows */
    size_t column_count;        /* the same */
    struct message_row was, is; /* of a ROW; `was` may hold nothing but a key */
    const uint32_t *relations;  /* of a TRUNCATE */
    size_t relation_count;      /* the same */
    lsn_t end;                  /* of a COMMIT: behind it */
};

MUST_CHECK bool pgoutput_read(struct arena *a, struct str bytes, struct message *ret, struct err *e);

#endif
