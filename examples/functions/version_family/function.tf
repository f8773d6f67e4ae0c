# "aurora-postgresql17"
output "family" {
  value = provider::aurora::version_family("17.6")
}
