variable "dcs" {
  type    = list(string)
  default = ["a", "b"]
  validation {
    condition     = length(var.dcs) > 0
    error_message = "None."
  }
}
locals {
  n = 2 + 3 * 4 % 5
  m = { for k, v in { x = 1, y = 2 } : upper(k) => v + local.n if v > 0 }
}
job "j" {
  datacenters = [for d in var.dcs : "dc-${d}"]
  meta        = local.m
}
