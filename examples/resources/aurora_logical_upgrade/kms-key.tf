# Another KMS key on the way: the clone comes from a snapshot that is copied with it, and production has it from the switch on.
resource "aurora_logical_upgrade" "billing" {
  cluster_identifier    = "billing"
  target_engine_version = "17.6"
  stage                 = "validated"

  max_retained_wal = "300GB" # a snapshot, its copy and its restore take as long as the volume is large

  clone {
    method     = "snapshot"
    kms_key_id = aws_kms_key.billing.arn
  }

  postgresql {
    username            = "upgrade_operator"
    password_wo         = var.orders_password
    password_wo_version = "1"
  }
}

resource "aws_kms_key" "billing" {
  description = "Billing, from the next major version on"
}

# Before the switch: a key or an encryption that is not the live one replaces the cluster.
data "aurora_cluster" "billing" {
  cluster_identifier = "billing"
}

resource "aws_rds_cluster" "billing" {
  cluster_identifier              = "billing"
  engine                          = "aurora-postgresql"
  engine_version                  = data.aurora_cluster.billing.engine_version
  db_cluster_parameter_group_name = data.aurora_cluster.billing.db_cluster_parameter_group_name
  kms_key_id                      = data.aurora_cluster.billing.kms_key_id
  storage_encrypted               = data.aurora_cluster.billing.storage_encrypted

  lifecycle {
    prevent_destroy = true
  }
}
