include "root" {
  path = find_in_parent_folders("root.hcl")
}

include "network" {
  path = "${dirname(find_in_parent_folders("root.hcl"))}/_units/network_of_cluster.hcl"
}

locals {
  env = read_terragrunt_config(find_in_parent_folders("env.hcl")).locals
}

terraform {
  source = "${dirname(find_in_parent_folders("root.hcl"))}/../modules//cluster"
}

# The version is that of the first apply; from then on data.aurora_cluster says what runs.
inputs = {
  cluster_identifier = local.env.cluster
  initial_version    = "13.23"
}
