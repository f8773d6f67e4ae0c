/* majors.h — the PostgreSQL majors this machine can run: trees of fetch-majors first, then installed ones.
 *
 * A major counts when its server and pg_upgrade run and the sandbox's server module was built for it. Looked
 * up at the first question and remembered, so majors fetched meanwhile are found. Thread-safe.
 */
#ifndef SANDBOX_ENGINE_MAJORS_H
#define SANDBOX_ENGINE_MAJORS_H

#include "acceptance-tests/sandbox/engine/child.h"

struct major {
    int number;
    int version_num;             /* as server_version_num: 170011 */
    const char *version;         /* all that `postgres --version` says, with the package's own version */
    const char *bin;             /* folder of its programs */
    const char *lib;             /* folder of its modules */
    const char *module;          /* aurora_sandbox.so for this major, readable by the servers' user */
    const char *const *settings; /* names of all its settings, sorted, NULL at the end */
};

struct majors;

struct majors_options {
    const char *trees;  /* NULL: fetch-majors' default folder */
    const char *copies; /* folder the modules are copied to; exists */
    const char
        *program_lib; /* folder with N/aurora_sandbox.so; NULL: ../lib/aurora-sandbox beside this program */
    const struct account *account;
};

MUST_CHECK bool majors_new(const struct majors_options *o, struct majors **ret, struct err *e);
void majors_free(struct majors *m); /* NULL allowed */

/* The major, or ERR_NOT_FOUND saying what is missing. It lives as long as `m`. */
MUST_CHECK bool majors_find(struct majors *m, int number, const struct major **ret, struct err *e);
const char *majors_bootstrap(const struct majors *m); /* path of bootstrap.sql */
const char *majors_trees(const struct majors *m);     /* folder of fetch-majors, there or not */

#endif
