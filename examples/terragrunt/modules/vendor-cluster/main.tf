# Stands for somebody else's module: it takes version and group names as inputs, and knows nothing of aurora.
terraform {
  required_version = ">= 1.11"
  required_providers {
    aws = { source = "hashicorp/aws", version = ">= 6.0" }
  }
}

variable "name" {
  type = string
}

variable "engine_version" {
  type = string
}

variable "initial_family" {
  type = string
}

variable "db_cluster_parameter_group_name" {
  type = string
}

variable "db_parameter_group_name" {
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

resource "aws_rds_cluster_parameter_group" "initial" {
  name   = var.name
  family = var.initial_family
  parameter {
    name         = "rds.logical_replication"
    value        = "1"
    apply_method = "pending-reboot"
  }
}

resource "aws_db_parameter_group" "initial" {
  name   = var.name
  family = var.initial_family
}

resource "aws_rds_cluster" "this" {
  cluster_identifier              = var.name
  engine                          = "aurora-postgresql"
  engine_version                  = var.engine_version
  db_cluster_parameter_group_name = coalesce(var.db_cluster_parameter_group_name, var.name)
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
  db_parameter_group_name = coalesce(var.db_parameter_group_name, var.name)
  depends_on              = [aws_db_parameter_group.initial]
}

output "cluster_identifier" {
  value      = aws_rds_cluster.this.cluster_identifier
  depends_on = [aws_rds_cluster_instance.this]
}
