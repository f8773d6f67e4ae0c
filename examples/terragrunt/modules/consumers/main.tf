# What depends on a cluster: here the policy under which an application logs in with IAM.
variable "cluster_resource_ids" {
  type = list(string)
}

output "connect_policy" {
  description = "For aws_iam_policy, where your roles are."
  value = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = "rds-db:connect"
      Resource = [for id in var.cluster_resource_ids : "arn:aws:rds-db:*:*:dbuser:${id}/app"]
    }]
  })
}
