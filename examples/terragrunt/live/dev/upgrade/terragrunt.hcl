include "root" {
  path = find_in_parent_folders("root.hcl")
}

include "unit" {
  path = "${dirname(find_in_parent_folders("root.hcl"))}/_units/upgrade.hcl"
}

inputs = {
  strategy = "in_place"

  # The line a major upgrade is made with, in every pull request of it.
  upgrade = { to = "13", stage = "completed" }
}
