# The user's own cluster: version and group names come from the live cluster, so that its plan stays empty
# before and after the upgrade.
data "aurora_cluster" "orders" {
  cluster_identifier = "orders"
}

resource "aws_rds_cluster" "orders" {
  cluster_identifier              = "orders"
  engine                          = "aurora-postgresql"
  engine_version                  = data.aurora_cluster.orders.engine_version
  db_cluster_parameter_group_name = data.aurora_cluster.orders.db_cluster_parameter_group_name
  # ...
}

# One apply: both parameter groups, the checks, a snapshot, the upgrade, and what has to follow it.
# prepared -> validated -> switched -> completed, or rolled_back before the upgrade.
resource "aurora_in_place_upgrade" "orders" {
  cluster_identifier    = "orders"
  target_engine_version = "17.6"
  stage                 = "switched"

  postgresql {
    username            = "postgres"
    password_wo         = var.orders_password
    password_wo_version = "1"
  }

  target_parameter_group {
    on_unsupported = "drop"
  }

  timeouts {
    update = "6h"
  }
}

variable "orders_password" {
  type      = string
  ephemeral = true
}
