dependency "network" {
  config_path = "../network"
  mock_outputs = {
    db_subnet_group_name   = "not-applied"
    vpc_security_group_ids = ["sg-00000000000000000"]
  }
  mock_outputs_allowed_terraform_commands = ["validate", "plan"]
}

inputs = {
  db_subnet_group_name   = dependency.network.outputs.db_subnet_group_name
  vpc_security_group_ids = dependency.network.outputs.vpc_security_group_ids
}
