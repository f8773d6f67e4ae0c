# An IAM token for another provider; neither plan nor state hold it.
ephemeral "aurora_connection" "orders" {
  cluster_identifier = "orders"
  username           = "migrator"
  aws_rds_iam_auth   = true
}

provider "postgresql" {
  host      = ephemeral.aurora_connection.orders.host
  port      = ephemeral.aurora_connection.orders.port
  username  = ephemeral.aurora_connection.orders.username
  password  = ephemeral.aurora_connection.orders.password
  sslmode   = ephemeral.aurora_connection.orders.sslmode
  superuser = false
}
