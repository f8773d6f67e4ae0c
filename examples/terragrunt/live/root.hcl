# What every unit has in common. Regions come from env.hcl, through the environment, to both providers.
locals {
  env = read_terragrunt_config(find_in_parent_folders("env.hcl")).locals
}

terraform {
  extra_arguments "region" {
    commands = ["init", "plan", "apply", "destroy", "import", "refresh", "output"]
    env_vars = { AWS_REGION = local.env.region }
  }
}

# State beside the repository, so that it can be tried; a team has an S3 bucket here.
remote_state {
  backend  = "local"
  generate = { path = "backend.tf", if_exists = "overwrite_terragrunt" }
  config   = { path = "${get_parent_terragrunt_dir()}/.state/${path_relative_to_include()}.tfstate" }
}
