# A clone of production on the new major that follows it, is proved equal, and takes over from it.
# prepared -> validated -> switched -> completed; rolled_back loses nothing, also after the switch.
resource "aurora_logical_upgrade" "orders" {
  cluster_identifier    = "orders"
  target_engine_version = "17.6"
  stage                 = "validated"

  max_retained_wal = "50GB" # what production's storage can bear while the clone is behind

  postgresql {
    username            = "upgrade_operator" # of rds_superuser, and nobody else's login: the switch ends its other sessions
    password_wo         = var.orders_password
    password_wo_version = "1"
  }

  cutover {
    max_write_outage = "120s" # until the point of no return; beyond it everything is taken back
    window           = ["Sun 02:00-04:00 UTC"]

    endpoint = "route53" # a CNAME that clients know production by; without it names move, which takes AWS minutes

    route53 {
      zone_id = "Z0123456789ABCDEFGHIJ"
      record  = "orders-db.example.com" # leads to the writer endpoint of orders
    }
  }

  validation {
    minimum_stable = "24h"

    query {
      name = "orders per day"
      sql  = "SELECT day, count(*) FROM shop.orders_by_day GROUP BY day"
    }
  }
}

# Between two applies nobody of ours looks at what production keeps for the clone: this does.
resource "aws_cloudwatch_metric_alarm" "orders_slot_lag" {
  alarm_name          = "orders-upgrade-slot-lag"
  namespace           = "AWS/RDS"
  metric_name         = "OldestReplicationSlotLag"
  dimensions          = { DBClusterIdentifier = "orders" }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 5
  comparison_operator = "GreaterThanThreshold"
  threshold           = 25 * 1024 * 1024 * 1024
}

variable "orders_password" {
  type      = string
  ephemeral = true
}
