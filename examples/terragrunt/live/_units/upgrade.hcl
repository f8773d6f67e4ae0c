locals {
  env = read_terragrunt_config(find_in_parent_folders("env.hcl")).locals
}

terraform {
  source = "${dirname(find_in_parent_folders("root.hcl"))}/../modules//upgrade"
}

# A plan before the first apply sees a cluster that does not exist: a warning, nothing more.
dependency "cluster" {
  config_path                             = "../cluster"
  mock_outputs                            = { cluster_identifier = local.env.cluster }
  mock_outputs_allowed_terraform_commands = ["validate", "plan"]
}

inputs = {
  cluster_identifier = dependency.cluster.outputs.cluster_identifier
}
