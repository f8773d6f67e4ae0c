/* fake_engine.h — engine.h in memory, so that the AWS side can be tested in milliseconds. */
#ifndef SANDBOX_FAKE_ENGINE_H
#define SANDBOX_FAKE_ENGINE_H

#include "acceptance-tests/sandbox/engine.h"

void fake_reset(void); /* no volumes, no plan */

/* What the next calls do. */
struct fake_plan {
    const char *fail_upgrade, *fail_switchover, *unhealthy; /* texts; NULL: they succeed */
    const char *sql_finds;   /* a part of a statement: it gives one row "found" */
    const char *fingerprint; /* what the catalogue query answers */
};
/* From now on, also for jobs that are running. */
void fake_expect(struct fake_plan plan);

/* Which volume a name's endpoint leads to; "" when nowhere. */
const char *fake_endpoint(const char *name);
size_t fake_held(void); /* how many names leave connections waiting */
/* Value of a volume's parameter; NULL: not set. */
const char *fake_param(const char *volume, const char *name);
bool fake_is_locked(const char *volume); /* blue after a switchover */

#endif
