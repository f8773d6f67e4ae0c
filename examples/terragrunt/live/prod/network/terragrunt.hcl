include "root" {
  path = find_in_parent_folders("root.hcl")
}

include "unit" {
  path = "${dirname(find_in_parent_folders("root.hcl"))}/_units/network.hcl"
}

inputs = {
  db_subnet_group_name   = "default"
  vpc_security_group_ids = ["sg-0aaaaaaaaaaaaaaaa"]
}
