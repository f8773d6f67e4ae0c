terraform {
  required_providers {
    aurora = {
      source = "example.com/aurora/aurora"
    }
  }
}

# Region, profile and credentials are found as hashicorp/aws finds them.
provider "aurora" {
  region = "eu-west-1"

  default_tags {
    tags = {
      Team = "platform"
    }
  }

  # Login for the databases: the secret that RDS manages for the master user.
  postgresql {
    password_secret_arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:rds!cluster-4f1c2d3e-AbCdEf"
    sslrootcert         = "global-bundle.pem"
  }
}
