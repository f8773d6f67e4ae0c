locals {
  region  = "eu-central-1"
  cluster = "orders-dev"
}
