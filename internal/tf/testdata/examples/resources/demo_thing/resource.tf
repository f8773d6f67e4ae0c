resource "demo_thing" "example" {
  name = "example"
}
