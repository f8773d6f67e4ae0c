/* module.c — the sandbox's server module: what Aurora's servers do and stock PostgreSQL does not.
 *
 * Loaded through shared_preload_libraries; defines no function and no type that SQL could refer to, so that
 * pg_upgrade finds nothing to check and a dump nothing to carry. What it grants is listed in each file's
 * head; the rest of what Aurora's users have comes from roles and grants in bootstrap.sql.
 */
#include "compat.h"

PG_MODULE_MAGIC;

extern void _PG_init(void);

void _PG_init(void)
{
    if (!process_shared_preload_libraries_in_progress)
        return;
    sandbox_define_settings();
    writelock_install();
    replication_install();
    utility_install();
}
