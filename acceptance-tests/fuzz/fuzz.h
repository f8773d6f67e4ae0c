/* fuzz.h — what a fuzz target is, and what it may demand of the code it feeds.
 *
 * A target is one C file with LLVMFuzzerTestOneInput. Under Clang it is linked with libFuzzer (preset "fuzz",
 * started by acceptance-tests/fuzz/run); in every other build it is linked with replay.c and takes the files
 * of its corpus as a unit test. Crashes, sanitizer reports and broken demands are findings; a refusal is not.
 */
#ifndef AURORA_FUZZ_H
#define AURORA_FUZZ_H

#include "internal/base/base.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* A property that holds for every input. */
#define DEMAND(what)                                                                                         \
    do {                                                                                                     \
        if (!(what)) {                                                                                       \
            (void)fprintf(stderr, "%s:%d: demanded: %s\n", __FILE__, __LINE__, #what);                       \
            abort();                                                                                         \
        }                                                                                                    \
    } while (0)

#endif
