/* seed.h — what an AWS account has before anybody made anything. With the lock; running it twice changes
 * nothing. */
#ifndef SANDBOX_SEED_H
#define SANDBOX_SEED_H

#include "acceptance-tests/sandbox/sandbox.h"

void groups_seed(struct sandbox *sb);        /* default.aurora-postgresqlNN, for each major with a server */
void subnet_groups_seed(struct sandbox *sb); /* default, private */

#endif
