# One configuration with everything: settings as AWS chooses them, groups for both majors, chosen by the live
# one, and the upgrade itself.
terraform {
  required_providers {
    aurora = { source = "aurora-upgrade/aurora" }
    aws    = { source = "aurora-upgrade/awslike" }
  }
}

provider "aurora" {
  postgresql {
    username    = "postgres_admin"
    password    = var.password
    sslrootcert = var.ca_file
  }
}

# As later releases of hashicorp/aws: an older version is no difference.
provider "aws" {
  older_version_differs = false
}

variable "password" {
  type      = string
  ephemeral = true
}

variable "ca_file" {
  type = string
}

variable "version_before" {
  type = string
}

variable "stage" {
  type    = string
  default = ""
}

data "aurora_cluster" "live" {
  cluster_identifier = "billing"
  default {
    engine_version = var.version_before
  }
}

locals {
  major = split(".", data.aurora_cluster.live.engine_version)[0]
}

resource "aws_rds_cluster_parameter_group" "of" {
  for_each = toset(["13", "17"])
  name     = "billing-${each.key}"
  family   = "aurora-postgresql${each.key}"
  parameter {
    name         = "rds.logical_replication"
    value        = "1"
    apply_method = "pending-reboot"
  }
}

resource "aws_db_parameter_group" "of" {
  for_each = toset(["13", "17"])
  name     = "billing-${each.key}-instance"
  family   = "aurora-postgresql${each.key}"
}

resource "aws_rds_cluster" "billing" {
  cluster_identifier              = "billing"
  engine                          = "aurora-postgresql"
  engine_version                  = data.aurora_cluster.live.engine_version
  db_cluster_parameter_group_name = aws_rds_cluster_parameter_group.of[local.major].name
  master_username                 = "postgres_admin"
  master_password_wo              = var.password
  master_password_wo_version      = 1
  database_name                   = "shop"
  skip_final_snapshot             = true
}

resource "aws_rds_cluster_instance" "one" {
  identifier              = "billing-1"
  cluster_identifier      = aws_rds_cluster.billing.id
  engine                  = aws_rds_cluster.billing.engine
  instance_class          = "db.r6g.large"
  db_parameter_group_name = aws_db_parameter_group.of[local.major].name
}

resource "aurora_blue_green_upgrade" "billing" {
  count                 = var.stage == "" ? 0 : 1
  cluster_identifier    = aws_rds_cluster.billing.cluster_identifier
  target_engine_version = "17"
  stage                 = var.stage
  retain_old_for        = "0s"
  target_parameter_group {
    db_cluster_parameter_group_name = aws_rds_cluster_parameter_group.of["17"].name
    db_parameter_group_name         = aws_db_parameter_group.of["17"].name
  }
  depends_on = [aws_rds_cluster_instance.one]
}
