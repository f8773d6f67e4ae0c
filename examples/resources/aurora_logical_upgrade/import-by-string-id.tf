# The cluster's identifier, or "orders@eu-west-1" if its Region is not the provider's. The stage is rebuilt from AWS.
import {
  to = aurora_logical_upgrade.orders
  id = "orders"
}
