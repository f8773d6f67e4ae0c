terraform {
  source = "${dirname(find_in_parent_folders("root.hcl"))}/../modules//consumers"
}

# From upgrade and not from cluster: resource ids change at a switch, and cluster's outputs are of before it.
dependency "upgrade" {
  config_path                             = "../upgrade"
  mock_outputs                            = { cluster_resource_ids = ["cluster-MOCK"] }
  mock_outputs_allowed_terraform_commands = ["validate", "plan"]
}

inputs = {
  cluster_resource_ids = dependency.upgrade.outputs.cluster_resource_ids
}
