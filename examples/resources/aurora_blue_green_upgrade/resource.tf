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
    window           = ["Sun 02:00-04:00 UTC", "Wed 02:00-03:00 UTC"]
    watch_for        = "15m"
  }

  # Hooks are run once each; one whose apply died before that was written down is run again, so they must bear it.
  hook {
    at      = "before_switch"
    on      = "runner"
    command = "./announce \"$AURORA_CLUSTER goes to $AURORA_TARGET_MAJOR in the next window\""
  }

  hook {
    at         = "after_switch"
    on         = "new"
    sql        = "REFRESH MATERIALIZED VIEW reports.daily"
    timeout    = "10m"
    on_failure = "continue"
  }
}

variable "orders_password" {
  type      = string
  ephemeral = true
}
