# The user's own cluster: version and group names come from the live cluster, so that its plan stays empty
# before, during and after the upgrade.
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

# One attribute says how far this apply may go:
# prepared -> validated -> switched -> completed, or rolled_back.
resource "aurora_blue_green_upgrade" "orders" {
  cluster_identifier    = "orders"
  target_engine_version = "17.6"
  stage                 = "validated"

  retain_old_for = "168h"
  allow_reboot   = true

  postgresql {
    username            = "postgres"
    password_wo         = var.orders_password
    password_wo_version = "1"
  }

  validation {
    minimum_stable = "2h"
  }

  cutover {
    max_write_outage = "120s"
  }
}

variable "orders_password" {
  type      = string
  ephemeral = true
}
