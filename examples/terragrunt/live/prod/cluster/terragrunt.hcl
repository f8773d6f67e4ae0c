include "root" {
  path = find_in_parent_folders("root.hcl")
}

include "network" {
  path = "${dirname(find_in_parent_folders("root.hcl"))}/_units/network_of_cluster.hcl"
}

locals {
  env     = read_terragrunt_config(find_in_parent_folders("env.hcl")).locals
  initial = { engine_version = "13.23", db_cluster_parameter_group_name = null, db_parameter_group_name = null }

  # Somebody else's module takes no data source: what runs is asked for here. `initial` until there is a cluster.
  facts = jsondecode(run_cmd("--terragrunt-quiet", "terraform-provider-aurora", "facts",
  "${local.env.cluster}@${local.env.region}", "--json", "--if-absent", jsonencode(local.initial)))
}

terraform {
  source = "${dirname(find_in_parent_folders("root.hcl"))}/../modules//vendor-cluster"
}

inputs = {
  name                            = local.env.cluster
  engine_version                  = local.facts.engine_version
  db_cluster_parameter_group_name = local.facts.db_cluster_parameter_group_name
  db_parameter_group_name         = local.facts.db_parameter_group_name
  initial_family                  = "aurora-postgresql13"
}
