# Stands for the module of your VPC: it hands on the names that a cluster needs.
variable "db_subnet_group_name" {
  type = string
}

variable "vpc_security_group_ids" {
  type = list(string)
}

output "db_subnet_group_name" {
  value = var.db_subnet_group_name
}

output "vpc_security_group_ids" {
  value = var.vpc_security_group_ids
}
