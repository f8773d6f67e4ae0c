/* settings.c — settings that everybody may read and only the sandbox can set, in the configuration file.
 *
 * Were they not defined here, they would be placeholders, which every user may SET: aurora_version() could be
 * forged, and SHOW rds.logical_replication would not need a restart to change.
 */
#include "compat.h"

#include "utils/guc.h"

#include <limits.h>

char *sandbox_extensions;
char *sandbox_reader_address;
bool sandbox_write_lock;

static char *version;
static char *logical_start_lsn;
static int generation;
static bool logical_replication;
static bool force_ssl;

void sandbox_define_settings(void)
{
    DefineCustomStringVariable("aurora_sandbox.version", "Answer of aurora_version().", NULL, &version, "",
                               PGC_SIGHUP, 0, NULL, NULL, NULL);
    DefineCustomStringVariable("aurora_sandbox.logical_start_lsn",
                               "Answer of aurora_volume_logical_start_lsn().", NULL, &logical_start_lsn, "",
                               PGC_SIGHUP, 0, NULL, NULL, NULL);
    DefineCustomStringVariable("aurora_sandbox.reader_address", "Local address whose sessions can only read.",
                               NULL, &sandbox_reader_address, "", PGC_SIGHUP, GUC_SUPERUSER_ONLY, NULL, NULL,
                               NULL);
    DefineCustomIntVariable("aurora_sandbox.generation", "Counts the configurations the server was given.",
                            NULL, &generation, 0, 0, INT_MAX, PGC_SIGHUP, GUC_SUPERUSER_ONLY, NULL, NULL,
                            NULL);
    DefineCustomBoolVariable("aurora_sandbox.write_lock", "Nobody but rdsadmin can write.", NULL,
                             &sandbox_write_lock, false, PGC_SIGHUP, 0, NULL, NULL, NULL);
    DefineCustomBoolVariable("rds.logical_replication", "Sets wal_level to logical.", NULL,
                             &logical_replication, false, PGC_POSTMASTER, 0, NULL, NULL, NULL);
    DefineCustomBoolVariable("rds.force_ssl", "Refuses sessions without TLS.", NULL, &force_ssl, false,
                             PGC_SIGHUP, 0, NULL, NULL, NULL);
    DefineCustomStringVariable("rds.extensions", "Extensions that users may create.", NULL,
                               &sandbox_extensions, "", PGC_SIGHUP, 0, NULL, NULL, NULL);
}
