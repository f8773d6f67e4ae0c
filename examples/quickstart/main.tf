# One upgrade of one cluster. Region, credentials and endpoint come from the environment (AWS_…), the password of
# the database's master user from PGPASSWORD: the same file works against the sandbox and against AWS.

terraform {
  required_providers {
    aurora = {
      source = "aurora-upgrade/aurora"
    }
  }
}

provider "aurora" {
  postgresql {
    username    = "postgres_admin"
    sslrootcert = var.database_ca_file
  }
}

variable "database_ca_file" {
  type        = string
  description = "Certificate authority of the database servers (PEM)."
}

variable "stage" {
  type        = string
  description = "How far to go: prepared, validated, switched, completed, or rolled_back."
  default     = "switched"
}

resource "aurora_blue_green_upgrade" "orders" {
  cluster_identifier    = "orders"
  target_engine_version = "17"
  stage                 = var.stage

  timeouts {
    create = "1h"
  }
}

output "upgrade" {
  value = {
    before = aurora_blue_green_upgrade.orders.source_engine_version
    after  = aurora_blue_green_upgrade.orders.resolved_engine_version
    stage  = aurora_blue_green_upgrade.orders.reached_stage
  }
}
