/* serve.h — starting and stopping the whole sandbox. */
#ifndef SANDBOX_SERVE_H
#define SANDBOX_SERVE_H

#include "internal/base/err.h"
#include "internal/base/stop.h"

struct serve_options {
    const char *state_dir, *region, *account, *majors_dir, *run_as; /* NULL: defaults */
    const char *iam_policy;                                         /* file; NULL: as the state has it */
    int port;                    /* 0: any, the same again after a restart */
    double speed, cutover_speed; /* cutover_speed 0: as speed */
};

/* Starts, prints the ready line on stdout, runs until `stop` is requested, stops everything. */
MUST_CHECK bool serve(const struct serve_options *o, struct stop *stop, struct err *e);

#endif
