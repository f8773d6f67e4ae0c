data "demo_lookup" "example" {
  name = "example"
}


