# The user's own configuration: every setting away from its default, version and group names from
# data.aurora_cluster.
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

variable "region" {
  type = string
}

locals {
  name = "orders"
  key  = "arn:aws:kms:${var.region}:123456789012:key/99999999-8888-4777-8666-555555555555"
  role = "arn:aws:iam::123456789012:role/orders"
  tags = { team = "shop", "cost:center" = "4711", empty = "" }
  instances = {
    "orders-writer"  = { class = "db.r6g.xlarge", tier = 0, zone = "b" }
    "orders-reader"  = { class = "db.r6g.large", tier = 3, zone = "a" }
    "orders-reports" = { class = "db.r6g.large", tier = 15, zone = "c" }
  }
}

data "aurora_cluster" "live" {
  cluster_identifier = local.name
  default {
    engine_version                  = var.version_before
    db_cluster_parameter_group_name = "orders-13"
    db_parameter_group_name         = "orders-13"
  }
}

resource "aws_rds_cluster_parameter_group" "thirteen" {
  name        = "orders-13"
  family      = "aurora-postgresql13"
  description = "Orders"
  tags        = local.tags
  parameter {
    name         = "rds.logical_replication"
    value        = "1"
    apply_method = "pending-reboot"
  }
  parameter {
    name  = "log_min_duration_statement"
    value = "2000"
  }
}

resource "aws_db_parameter_group" "thirteen" {
  name   = "orders-13"
  family = "aurora-postgresql13"
  tags   = local.tags
  parameter {
    name  = "log_statement"
    value = "ddl"
  }
}

resource "aws_rds_cluster" "orders" {
  cluster_identifier                    = local.name
  engine                                = "aurora-postgresql"
  engine_version                        = data.aurora_cluster.live.engine_version
  engine_lifecycle_support              = "open-source-rds-extended-support-disabled"
  db_cluster_parameter_group_name       = data.aurora_cluster.live.db_cluster_parameter_group_name
  database_name                         = "shop"
  master_username                       = "postgres_admin"
  master_password_wo                    = var.password
  master_password_wo_version            = 1
  availability_zones                    = [for z in ["a", "b", "c"] : "${var.region}${z}"]
  vpc_security_group_ids                = ["sg-0aaaaaaaaaaaaaaaa", "sg-0bbbbbbbbbbbbbbbb"]
  port                                  = 6543
  storage_encrypted                     = true
  kms_key_id                            = local.key
  storage_type                          = "aurora-iopt1"
  backup_retention_period               = 11
  preferred_backup_window               = "04:10-04:55"
  preferred_maintenance_window          = "Tue:05:05-Tue:05:55"
  auto_minor_version_upgrade            = false
  deletion_protection                   = true
  copy_tags_to_snapshot                 = true
  iam_database_authentication_enabled   = true
  enable_http_endpoint                  = true
  enabled_cloudwatch_logs_exports       = ["postgresql", "instance"]
  monitoring_interval                   = 30
  monitoring_role_arn                   = "${local.role}-monitoring"
  performance_insights_enabled          = true
  performance_insights_kms_key_id       = local.key
  performance_insights_retention_period = 465
  database_insights_mode                = "advanced"
  network_type                          = "DUAL"
  skip_final_snapshot                   = true
  apply_immediately                     = true
  tags                                  = local.tags
  serverlessv2_scaling_configuration {
    min_capacity = 2
    max_capacity = 24
  }
  depends_on = [aws_rds_cluster_parameter_group.thirteen]
}

resource "aws_rds_cluster_instance" "member" {
  for_each                              = local.instances
  identifier                            = each.key
  cluster_identifier                    = aws_rds_cluster.orders.id
  engine                                = aws_rds_cluster.orders.engine
  engine_version                        = aws_rds_cluster.orders.engine_version
  instance_class                        = each.value.class
  availability_zone                     = "${var.region}${each.value.zone}"
  db_parameter_group_name               = data.aurora_cluster.live.db_parameter_group_name
  promotion_tier                        = each.value.tier
  publicly_accessible                   = true
  auto_minor_version_upgrade            = false
  copy_tags_to_snapshot                 = true
  ca_cert_identifier                    = "rds-ca-ecc384-g1"
  monitoring_interval                   = 30
  monitoring_role_arn                   = "${local.role}-monitoring"
  performance_insights_enabled          = true
  performance_insights_kms_key_id       = local.key
  performance_insights_retention_period = 465
  preferred_maintenance_window          = "wed:03:03-wed:03:33"
  tags                                  = merge(local.tags, { tier = tostring(each.value.tier) })
  depends_on                            = [aws_db_parameter_group.thirteen]
}

resource "aws_rds_cluster_endpoint" "reports" {
  cluster_identifier          = aws_rds_cluster.orders.id
  cluster_endpoint_identifier = "orders-for-reports"
  custom_endpoint_type        = "READER"
  static_members              = [aws_rds_cluster_instance.member["orders-reports"].id]
  tags                        = local.tags
}

resource "aws_rds_cluster_endpoint" "any" {
  cluster_identifier          = aws_rds_cluster.orders.id
  cluster_endpoint_identifier = "orders-any"
  custom_endpoint_type        = "ANY"
  excluded_members            = [aws_rds_cluster_instance.member["orders-reports"].id]
}

resource "aws_rds_cluster_role_association" "import" {
  db_cluster_identifier = aws_rds_cluster.orders.id
  feature_name          = "s3Import"
  role_arn              = "${local.role}-import"
}

resource "aws_rds_cluster_role_association" "lambda" {
  db_cluster_identifier = aws_rds_cluster.orders.id
  feature_name          = "Lambda"
  role_arn              = "${local.role}-lambda"
  depends_on            = [aws_rds_cluster_role_association.import]
}
