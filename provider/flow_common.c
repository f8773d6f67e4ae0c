/* What rows of several flows have in common: when they apply, what they say, the same by hand. */
#include "internal/upgrade/upgrade.h"
#include "provider/flow_upgrades.h"

bool has_login(const struct upgrade *u)
{
    return u->has_login;
}

TELL(say_target,
     "Checks that AWS offers an upgrade from %d to %d for this cluster and its instance classes, and chooses "
     "the version.",
     FROM, TO)
TELL(say_instance_group, "The same for the instance parameter group of family aurora-postgresql%d.", TO)
TELL(say_new_version, "Proves that the endpoint answers from %d and takes writes.", TO)
TELL(say_groups_remove, "Removes the parameter groups made for this upgrade.")

TELL(cli_cluster_group,
     RDS "create-db-cluster-parameter-group --db-parameter-group-family aurora-postgresql%d "
         "--db-cluster-parameter-group-name %s-upgrade-%d",
     TO, CLUSTER, TO)
TELL(cli_instance_group,
     RDS "create-db-parameter-group --db-parameter-group-family aurora-postgresql%d "
         "--db-parameter-group-name %s-upgrade-%d-instance",
     TO, CLUSTER, TO)
TELL(say_new_extensions,
     "Updates the extensions of every database that are behind what %d brings; tells those that it may not.",
     TO)
TELL(cli_new_extensions, "psql -d <each database> -c 'ALTER EXTENSION <each that is behind> UPDATE'")
TELL(cli_new_statistics, "vacuumdb --all --analyze-in-stages")
TELL(cli_groups_remove,
     RDS "delete-db-cluster-parameter-group --db-cluster-parameter-group-name %s-upgrade-%d", CLUSTER, TO)
