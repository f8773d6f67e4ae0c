data "aurora_parameter_group_diff" "orders" {
  cluster_identifier    = "orders"
  target_engine_version = "17"
}

# Values set today that 17 does not have or does not allow: the upgrade stops at them (AUR0115).
output "refused" {
  value = {
    for p in data.aurora_parameter_group_diff.orders.parameters :
    "${p.level}: ${p.name} = ${p.value}" => p.reason if p.outcome == "refused"
  }
}

# Defaults that change under a cluster that has relied on them.
output "other_defaults" {
  value = {
    for p in data.aurora_parameter_group_diff.orders.parameters :
    "${p.level}: ${p.name}" => "${coalesce(p.source_default, "-")} -> ${coalesce(p.target_default, "-")}"
    if contains(p.changes, "default") && p.outcome == null
  }
}
