import {
  to = aurora_blue_green_upgrade.orders
  id = "orders"
}
