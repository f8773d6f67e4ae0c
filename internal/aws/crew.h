/* crew.h — the few threads that talk to AWS for everybody.
 *
 * A call to AWS touches much of its thread: the parser's deepest frames, and what malloc keeps of libcurl's,
 * OpenSSL's and expat's small pieces, thirty KiB of it. A thousand upgrades that wait for hours would each
 * hold that for nothing; so their threads only hand over, and wait.
 *
 * Any thread may hand over; the crew grows on demand up to its number and keeps its threads. Work that itself
 * hands over goes on where it is.
 */
#ifndef AURORA_AWS_CREW_H
#define AURORA_AWS_CREW_H

#include "internal/base/base.h"

struct crew;

struct crew *crew_new(size_t max) NONNULL_RETURN;
void crew_free(struct crew *c); /* nothing may be under way */

/* Runs work(of) on a thread of the crew and returns when it is done. Without a thread to be had it runs on
 * the caller's own. */
void crew_run(struct crew *c, void (*work)(void *of), void *of);

#endif
