/* shape.h — what operations take and give, as tables: one row per member, named as AWS's service models
 * name them.
 *
 * The same rows bind a request (query string or JSON) into a JSON object and print a JSON object as XML, so
 * a record of the state file is the reply: members without a row (ours begin with "_") never leave.
 */
#ifndef SANDBOX_SHAPE_H
#define SANDBOX_SHAPE_H

#include "internal/base/base.h"

enum shape_kind {
    SHAPE_END,
    SHAPE_STRING,
    SHAPE_BOOL,
    SHAPE_INT,
    SHAPE_REAL,
    SHAPE_TIME,
    SHAPE_LIST,
    SHAPE_STRUCT
};

struct member {
    const char *name;
    enum shape_kind kind;
    bool required;       /* requests only */
    const char *element; /* of a list: what AWS's XML calls one of it; "member" is always understood */
    const struct member *fields; /* of a structure, or of a list's elements; NULL: a list of strings */
};

#define STR(n)                                                                                               \
    {                                                                                                        \
        .name = (n), .kind = SHAPE_STRING                                                                    \
    }
#define STR_REQUIRED(n)                                                                                      \
    {                                                                                                        \
        .name = (n), .kind = SHAPE_STRING, .required = true                                                  \
    }
#define BOOL(n)                                                                                              \
    {                                                                                                        \
        .name = (n), .kind = SHAPE_BOOL                                                                      \
    }
#define INT(n)                                                                                               \
    {                                                                                                        \
        .name = (n), .kind = SHAPE_INT                                                                       \
    }
#define REAL(n)                                                                                              \
    {                                                                                                        \
        .name = (n), .kind = SHAPE_REAL                                                                      \
    }
#define TIME(n)                                                                                              \
    {                                                                                                        \
        .name = (n), .kind = SHAPE_TIME                                                                      \
    }
#define LIST(n, e)                                                                                           \
    {                                                                                                        \
        .name = (n), .kind = SHAPE_LIST, .element = (e)                                                      \
    }
#define LIST_OF(n, e, f)                                                                                     \
    {                                                                                                        \
        .name = (n), .kind = SHAPE_LIST, .element = (e), .fields = (f)                                       \
    }
#define STRUCT_OF(n, f)                                                                                      \
    {                                                                                                        \
        .name = (n), .kind = SHAPE_STRUCT, .fields = (f)                                                     \
    }
#define SHAPE_END_ROW                                                                                        \
    {                                                                                                        \
        .kind = SHAPE_END                                                                                    \
    }

/* Shapes that several operations share. */
extern const struct member SHAPE_TAG[], SHAPE_FILTER[], SHAPE_CLUSTER[], SHAPE_INSTANCE[], SHAPE_SNAPSHOT[],
    SHAPE_CLUSTER_GROUP[], SHAPE_INSTANCE_GROUP[], SHAPE_PARAMETER[], SHAPE_ENGINE_VERSION[],
    SHAPE_BLUEGREEN[], SHAPE_ENDPOINT[], SHAPE_SUBNET_GROUP[], SHAPE_EVENT[], SHAPE_SERVERLESS[],
    SHAPE_ORDERABLE[];

/* `{ DBCluster }`, `{ DBInstance }` … : results that hold one object. */
extern const struct member RESULT_CLUSTER[], RESULT_INSTANCE[], RESULT_SNAPSHOT[], RESULT_CLUSTER_GROUP[],
    RESULT_INSTANCE_GROUP[], RESULT_BLUEGREEN[];

#endif
