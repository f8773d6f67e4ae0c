# The cluster's identifier, with the Region if it is not the provider's. The stage is rebuilt from AWS.
terraform import aurora_logical_upgrade.orders orders
terraform import aurora_logical_upgrade.orders orders@eu-west-1
