# The cluster of the workshop "Nomad Open Kitchen" (January 2016): three servers that are clients too, and two farms of
# docker machines, all of one size.
lab "open-kitchen" {
  network {
    cidr    = "10.20.30.0/24"
    latency = "500us"
  }

  # What `/v1/node/ID` showed of one machine.
  machine "gce-small" {
    cpu    = 2500 # MHz
    memory = 1704 # MB
    disk   = 7493 # MB
    mbits  = 1000
    attributes = {
      "arch"        = "amd64"
      "kernel.name" = "linux"
      "os.name"     = "debian"
    }
  }

  group "nomad" {
    count      = 3
    machine    = "gce-small"
    datacenter = "sys1"
    class      = "system"
    roles      = ["server", "client"]
  }

  group "farm-01" {
    count      = 3
    machine    = "gce-small"
    datacenter = "dc1"
    class      = "docker"
    roles      = ["client"]
    meta       = { rack = "r1" }
  }

  group "farm-02" {
    count      = 3
    machine    = "gce-small"
    datacenter = "dc1"
    class      = "docker"
    roles      = ["client"]
    meta       = { rack = "r2" }
  }

  image "cargonauts/helloworld:v1" {
    pull  = "3s"
    start = "300ms"
    serve "http" {
      port = 80
      body = "Hello v1\n"
    }
  }

  image "cargonauts/helloworld:v2" {
    pull  = "3s"
    start = "300ms"
    serve "http" {
      port = 80
      body = "Hello v2\n"
    }
  }

  # A version that does not work.
  image "cargonauts/helloworld:broken" {
    pull      = "3s"
    start     = "300ms"
    run_for   = "2s"
    exit_code = 1
  }
}
