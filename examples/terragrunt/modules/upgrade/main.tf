# The upgrade state of one cluster. It stays in the configuration between upgrades and does nothing then.
terraform {
  required_version = ">= 1.11"
  required_providers {
    aurora = { source = "aurora-upgrade/aurora" }
  }
}

variable "cluster_identifier" {
  type = string
}

variable "master_password" {
  type      = string
  ephemeral = true
}

variable "strategy" {
  type = string
  validation {
    condition     = contains(["blue_green", "in_place"], var.strategy)
    error_message = "blue_green or in_place."
  }
}

variable "upgrade" {
  type = object({ to = string, stage = string, retain_old_for = optional(string, "168h") })
}

provider "aurora" {
  postgresql {
    username = "postgres_admin"
    password = var.master_password
  }
}

resource "aurora_blue_green_upgrade" "this" {
  count                 = var.strategy == "blue_green" ? 1 : 0
  cluster_identifier    = var.cluster_identifier
  target_engine_version = var.upgrade.to
  stage                 = var.upgrade.stage
  retain_old_for        = var.upgrade.retain_old_for
}

resource "aurora_in_place_upgrade" "this" {
  count                 = var.strategy == "in_place" ? 1 : 0
  cluster_identifier    = var.cluster_identifier
  target_engine_version = var.upgrade.to
  stage                 = var.upgrade.stage
  retain_old_for        = var.upgrade.retain_old_for
}

# Read after the upgrade's changes, so that the outputs are of after it.
data "aurora_cluster" "live" {
  cluster_identifier = var.cluster_identifier
  default {
    engine_version = var.upgrade.to
  }
  depends_on = [aurora_blue_green_upgrade.this, aurora_in_place_upgrade.this]
}

output "cluster_identifier" {
  value = var.cluster_identifier
}

output "engine_version" {
  value = data.aurora_cluster.live.engine_version
}

output "reached_stage" {
  value = one(concat(aurora_blue_green_upgrade.this[*].reached_stage, aurora_in_place_upgrade.this[*].reached_stage))
}

# Production's, and before the switch the new side's: policies that name both need no change at the switch.
output "cluster_resource_ids" {
  value = distinct(compact(concat(
    [data.aurora_cluster.live.cluster_resource_id],
    aurora_blue_green_upgrade.this[*].new_cluster_resource_id,
  )))
}
