/* gate.h — a counting gate whose waiters can be stopped.
 *
 * A mutex or condition variable cannot be waited for together with a stop token; an eventfd can. Used for the
 * places of the HTTP pool and for "one refresh of credentials at a time". Any thread may enter and leave.
 */
#ifndef AURORA_AWS_GATE_H
#define AURORA_AWS_GATE_H

#include "internal/base/stop.h"

struct gate {
    int fd;
};

void gate_init(struct gate *g, unsigned places);
void gate_done(struct gate *g);
MUST_CHECK bool gate_enter(struct gate *g, const struct stop *stop); /* false: stop was requested */
MUST_CHECK bool gate_try(struct gate *g);                            /* false: nobody may enter now */
void gate_leave(struct gate *g);

#endif
