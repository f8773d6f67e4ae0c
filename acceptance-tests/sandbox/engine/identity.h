/* identity.h — the system identifier of a data directory that was copied.
 *
 * initdb gives every data directory a number of its own, which pg_control_system() shows, IDENTIFY_SYSTEM
 * answers and every WAL segment bears at its head. A copy that is to be a volume by itself gets a new one
 * here; clones keep theirs, as they do on Aurora, where they share storage. Logical replication and
 * pg_upgrade do not look at it.
 *
 * Source of the layout: src/include/catalog/pg_control.h (the identifier comes first, the CRC-32C of all
 * before it last) and access/xlog_internal.h (XLogLongPageHeaderData), the same from 13 to 18.
 */
#ifndef SANDBOX_ENGINE_IDENTITY_H
#define SANDBOX_ENGINE_IDENTITY_H

#include "internal/base/err.h"

/* Of a server that was stopped cleanly and does not run. Refuses a control file it does not understand. */
MUST_CHECK bool identity_renew(const char *data, struct err *e);

#endif
