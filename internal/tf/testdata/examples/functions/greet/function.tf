output "greetings" {
  value = provider::demo::greet("bob", 2)
}