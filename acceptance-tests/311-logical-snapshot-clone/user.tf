# The user's own configuration: key and encryption from data.aurora_cluster, or, with `literal`, as they were.
terraform {
  required_providers {
    aurora = { source = "aurora-upgrade/aurora" }
    aws    = { source = "aurora-upgrade/awslike" }
  }
}

provider "aurora" {}
provider "aws" {}

variable "password" {
  type      = string
  ephemeral = true
}

variable "version_before" {
  type = string
}

variable "key" {
  type = string
}

variable "literal" {
  type    = bool
  default = false
}

data "aurora_cluster" "live" {
  cluster_identifier = "orders"
  default {
    engine_version                  = var.version_before
    db_cluster_parameter_group_name = "orders-before"
    db_parameter_group_name         = "orders-before"
    kms_key_id                      = var.key
    storage_encrypted               = true
  }
}

resource "aws_rds_cluster_parameter_group" "before" {
  name   = "orders-before"
  family = "aurora-postgresql${split(".", var.version_before)[0]}"
  parameter {
    name         = "rds.logical_replication"
    value        = "1"
    apply_method = "pending-reboot"
  }
}

resource "aws_db_parameter_group" "before" {
  name   = "orders-before"
  family = "aurora-postgresql${split(".", var.version_before)[0]}"
}

resource "aws_rds_cluster" "orders" {
  cluster_identifier              = "orders"
  engine                          = "aurora-postgresql"
  engine_version                  = data.aurora_cluster.live.engine_version
  db_cluster_parameter_group_name = data.aurora_cluster.live.db_cluster_parameter_group_name
  database_name                   = "shop"
  master_username                 = "postgres_admin"
  master_password_wo              = var.password
  master_password_wo_version      = 1
  port                            = 6543
  storage_encrypted               = var.literal ? true : data.aurora_cluster.live.storage_encrypted
  kms_key_id                      = var.literal ? var.key : data.aurora_cluster.live.kms_key_id
  backup_retention_period         = 11
  preferred_backup_window         = "04:10-04:55"
  deletion_protection             = true
  enabled_cloudwatch_logs_exports = ["postgresql"]
  skip_final_snapshot             = true
  apply_immediately               = true
  tags                            = { team = "shop" }
  depends_on                      = [aws_rds_cluster_parameter_group.before]
}

resource "aws_rds_cluster_instance" "member" {
  for_each                = toset(["orders-1", "orders-2"])
  identifier              = each.key
  cluster_identifier      = aws_rds_cluster.orders.id
  engine                  = aws_rds_cluster.orders.engine
  engine_version          = aws_rds_cluster.orders.engine_version
  instance_class          = "db.r6g.large"
  db_parameter_group_name = data.aurora_cluster.live.db_parameter_group_name
  depends_on              = [aws_db_parameter_group.before]
}
