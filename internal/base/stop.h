/* stop.h — "please stop", and how to wait for something else without missing it.
 *
 * One token per source of cancellation: the provider process has one (StopProvider), a test makes its own.
 * Any thread may request; any number of threads may ask, wait, or put stop_fd() into their own poll set
 * (libcurl's multi, a libpq socket). A request cannot be taken back.
 */
#ifndef AURORA_STOP_H
#define AURORA_STOP_H

#include "internal/base/base.h"

#include <pthread.h>

struct stop;

struct stop *stop_new(void) NONNULL_RETURN;
void stop_free(struct stop *s);
DEFINE_CLEANUP(struct stop, stop_cleanup, stop_free)

void stop_request(struct stop *s);          /* async-signal-safe */
bool stop_requested(const struct stop *s);  /* NULL: never */
bool stop_wait(struct stop *s, int64_t ms); /* true: stop was requested; false: the time has passed */
/* One round of a wait at a condition variable, `lock` being held: ends when somebody signals, and after a
 * fifth of a second at the latest, because a request signals nobody. True: stop was requested. For a loop
 * over what is waited for: while (is_taken(x) && !stop_wait_signal(stop, &released, &lock))
 *         ; */
bool stop_wait_signal(const struct stop *s, pthread_cond_t *signal, pthread_mutex_t *lock);
int stop_fd(const struct stop *s); /* becomes readable and stays so; owned by the token; -1 for NULL */

#endif
