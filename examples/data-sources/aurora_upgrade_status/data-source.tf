data "aurora_upgrade_status" "orders" {
  cluster_identifier = "orders"
}

# Told at every plan and apply, without stopping either.
check "upgrade_of_orders" {
  assert {
    condition     = length(data.aurora_upgrade_status.orders.findings) == 0
    error_message = join("\n", data.aurora_upgrade_status.orders.findings[*].summary)
  }
}

output "upgrade_of_orders" {
  value = "${data.aurora_upgrade_status.orders.reached_stage}: ${data.aurora_upgrade_status.orders.next}"
}
