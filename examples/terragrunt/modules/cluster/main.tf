# A cluster of your own: version and group names come from what runs, so an upgrade is no difference here.
terraform {
  required_version = ">= 1.11"
  required_providers {
    aurora = { source = "aurora-upgrade/aurora" }
    aws    = { source = "hashicorp/aws", version = ">= 6.0" }
  }
}

variable "cluster_identifier" {
  type = string
}

variable "initial_version" {
  type = string
}

variable "db_subnet_group_name" {
  type = string
}

variable "vpc_security_group_ids" {
  type = list(string)
}

variable "master_password" {
  type      = string
  ephemeral = true
}

locals {
  initial_major = split(".", var.initial_version)[0]
  initial_group = "${var.cluster_identifier}-${local.initial_major}"
}

data "aurora_cluster" "live" {
  cluster_identifier = var.cluster_identifier
  default {
    engine_version                  = var.initial_version
    db_cluster_parameter_group_name = local.initial_group
    db_parameter_group_name         = local.initial_group
  }
}

resource "aws_rds_cluster_parameter_group" "initial" {
  name   = local.initial_group
  family = "aurora-postgresql${local.initial_major}"
  parameter {
    name         = "rds.logical_replication"
    value        = "1"
    apply_method = "pending-reboot"
  }
}

resource "aws_db_parameter_group" "initial" {
  name   = local.initial_group
  family = "aurora-postgresql${local.initial_major}"
}

resource "aws_rds_cluster" "this" {
  cluster_identifier              = var.cluster_identifier
  engine                          = "aurora-postgresql"
  engine_version                  = data.aurora_cluster.live.engine_version
  db_cluster_parameter_group_name = data.aurora_cluster.live.db_cluster_parameter_group_name
  db_subnet_group_name            = var.db_subnet_group_name
  vpc_security_group_ids          = var.vpc_security_group_ids
  master_username                 = "postgres_admin"
  master_password_wo              = var.master_password
  master_password_wo_version      = 1
  database_name                   = "shop"
  skip_final_snapshot             = true
  depends_on                      = [aws_rds_cluster_parameter_group.initial]
}

resource "aws_rds_cluster_instance" "this" {
  count                   = 2
  identifier              = "${aws_rds_cluster.this.cluster_identifier}-${count.index + 1}"
  cluster_identifier      = aws_rds_cluster.this.id
  engine                  = "aurora-postgresql"
  instance_class          = "db.r6g.large"
  db_parameter_group_name = data.aurora_cluster.live.db_parameter_group_name
  depends_on              = [aws_db_parameter_group.initial]
}

output "cluster_identifier" {
  value      = aws_rds_cluster.this.cluster_identifier
  depends_on = [aws_rds_cluster_instance.this]
}
