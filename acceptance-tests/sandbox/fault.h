/* fault.h — a refusal as AWS words it: wire code and message. HTTP status and sender/receiver follow from the
 * code's row in the table of reply.c. */
#ifndef SANDBOX_FAULT_H
#define SANDBOX_FAULT_H

#include "internal/base/base.h"

struct fault {
    const char *code; /* static storage; NULL: no fault */
    char text[1024];
};

/* Sets code and text, returns false. The first fault wins: later ones are consequences. */
bool fault_set(struct fault *f, const char *code, const char *fmt, ...) PRINTF(3, 4);

/* HTTP status of a wire code: 400 unless its row says otherwise. */
int fault_status(const char *code);
bool fault_is_receiver(const char *code);

#endif
