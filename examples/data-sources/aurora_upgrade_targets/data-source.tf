data "aurora_upgrade_targets" "orders" {
  cluster_identifier = "orders"
}

# Told at every plan and apply, without stopping either.
check "support_of_orders" {
  assert {
    condition = try(timecmp(plantimestamp(), data.aurora_upgrade_targets.orders.end_of_standard_support) < 0, true)
    error_message = "Standard support of ${data.aurora_upgrade_targets.orders.engine_version} has ended. Possible majors: ${
      join(", ", [for t in data.aurora_upgrade_targets.orders.targets : t.version if t.is_major && t.is_newest])
    }"
  }
}
