locals {
  a = yamldecode(yamlencode({ a = [1, { b = "x\ny" }], c = null }))
  b = yamldecode("a: &x [1, 2]\nb: *x\n<<: {c: !!str 1}\n? d\n: |-\n  text\n")
  c = jsondecode(jsonencode({ a = "<&>", b = 1e21 }))
  d = csvdecode("a,b\n1,\"x\"\n")
  e = [base64decode(base64encode("x")), urlencode("a b"), md5("x"), uuidv5("dns", "x"), uuidv4()]
  f = [cidrhost("10.0.0.0/8", -1), cidrnetmask("fd00::/8"), cidrsubnet("10.0.0.0/8", 8, 2)]
  g = cidrsubnets("10.0.0.0/8", 4, 8, 4)
  h = [formatdate("EEEE DD 'x' MMM YYYY HH:mmaa Z", "2018-01-02T23:12:01+01:00"), timeadd("2018-01-02T23:12:01Z", "-1.5h3ms")]
  i = [abs(-1), ceil(0.5), floor(0.5), log(8, 2), pow(2, 0.5), signum(-2), min(1, 2), max(1, 2), parseint("ff", 16)]
}
