locals {
  a = "%{ for i, x in [1, 2] ~}${i}=${x}, %{ endfor }%{ if true }y%{ else }n%{ endif } $${x} %%{x}"
  b = <<-EOT
    one ${attr.kernel.name}
      two
  EOT
  c = { a = [{ b = 1 }, { b = 2 }] }.a[*].b
  d = true ? "x" : null
  e = !false && 1 <= 2 || -1 != 1
}
