/* chain_rows.h — what chain_test.c tries: one script that plays every service, and rows that say what is
 * configured and what comes of it. */
#ifndef AURORA_AWS_CHAIN_ROWS_H
#define AURORA_AWS_CHAIN_ROWS_H

#include "internal/aws/fixture.h"

enum { CHAIN_VARIABLES = 6, CHAIN_FILES = 3 };

/* Every secret contains it. */
#define CANARY "c4n4ry"

/* Caches of the sessions "corp" and "https://corp.example/start". */
#define CORP_CACHE   "sso/cache/ee0bfd2552fbd840c02cc48b6e823320543c450f.json"
#define LEGACY_CACHE "sso/cache/f7c9b39d0b4c7a7d82c79307585f77e1c5e74378.json"

/* In texts "%U" is the server's URL and "%H" is ~/.aws. */
struct chain_row {
    const char *name;
    struct aws_config config;
    struct variable env[CHAIN_VARIABLES];
    const char *file; /* ~/.aws/config */
    struct {
        const char *name, *text;
    } files[CHAIN_FILES];
    const char *used; /* access keys that signed, "-" for an unsigned request; NULL: refused */
    const char *text; /* part of the refusal (its hint included), or of the requests */
};

extern const struct step chain_script[];
extern const struct chain_row chain_rows[];
extern const size_t chain_row_count;

/* The world of a row. `aws` is NULL and `e` says why if the configuration itself is refused. */
struct chain {
    struct scripted server;
    struct recorder clock;
    struct arena *arena;
    struct aws *aws;
    struct err e;
};
void chain_start(struct chain *h, const struct chain_row *r);
void chain_stop(struct chain *h);
const struct chain_row *chain_row(const char *name);

#endif
