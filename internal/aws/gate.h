/* gate.h — a counting gate whose waiters can be stopped.
 *
 * Who leaves wakes one of those who wait, however many there are; a thousand may. They look at the stop token
 * as stop_wait_signal() does, whatever becomes of the wall clock meanwhile. Used for the places of the HTTP
 * pool and for "one refresh of credentials at a time". Any thread may enter and leave.
 */
#ifndef AURORA_AWS_GATE_H
#define AURORA_AWS_GATE_H

#include "internal/base/stop.h"

#include <pthread.h>

struct gate {
    pthread_mutex_t lock;
    pthread_cond_t left;
    unsigned places; /* free now; under the lock */
};

void gate_init(struct gate *g, unsigned places);
void gate_done(struct gate *g);
MUST_CHECK bool gate_enter(struct gate *g, const struct stop *stop); /* false: stop was requested */
MUST_CHECK bool gate_try(struct gate *g);                            /* false: nobody may enter now */
void gate_leave(struct gate *g);

#endif
