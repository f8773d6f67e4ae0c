# The default block is for the first apply, when there is no cluster yet.
data "aurora_cluster" "orders" {
  cluster_identifier = "orders"

  default {
    engine_version                  = "17.6"
    db_cluster_parameter_group_name = "orders-pg17"
    db_parameter_group_name         = "orders-pg17"
  }
}

resource "aws_rds_cluster" "orders" {
  cluster_identifier              = "orders"
  engine                          = "aurora-postgresql"
  engine_version                  = data.aurora_cluster.orders.engine_version
  db_cluster_parameter_group_name = data.aurora_cluster.orders.db_cluster_parameter_group_name
  # ...
}

resource "aws_rds_cluster_instance" "orders" {
  count = 2

  identifier              = "orders-${count.index}"
  cluster_identifier      = "orders"
  engine                  = "aurora-postgresql"
  engine_version          = aws_rds_cluster.orders.engine_version
  db_parameter_group_name = data.aurora_cluster.orders.db_parameter_group_name
  instance_class          = "db.r6g.large"
}
