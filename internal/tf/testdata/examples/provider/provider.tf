provider "demo" {
  dir = "/var/lib/demo"
}
