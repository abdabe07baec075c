scenario "constrain" {
  lab      = "open-kitchen"
  question = "Constrain a job by datacenter, by node class, by a fingerprinted attribute and by own metadata: where does it run?"

  # One farm has a newer kernel, for the constraint by attribute.
  group "farm-01" { attributes = { "kernel.version" = "3.16.0" } }
  group "farm-02" { attributes = { "kernel.version" = "4.3.0" } }

  step "the cluster is there" {
    await "a leader and nine clients" { leader = true  nodes_ready = 9  within = "60s" }
  }

  step "by datacenter, as written in 2016" {
    run "helloworld-v1.nomad" {
      id                  = "by-datacenter"
      count               = 2
      datacenters         = ["*"]
      without_constraints = true
      constraint { attribute = "$node.datacenter"  value = "sys1" }
    }
    await "both answer" { job = "by-datacenter"  answering = 2  within = "30s" }
    expect "on the servers' machines" { job = "by-datacenter"  placed_on { datacenter = "sys1" } }
  }

  step "by node class" {
    run "helloworld-v1.nomad" {
      id                  = "by-class"
      count               = 2
      datacenters         = ["*"]
      without_constraints = true
      constraint { attribute = "${node.class}"  value = "docker" }
    }
    await "both answer" { job = "by-class"  answering = 2  within = "30s" }
    expect "on the farms" { job = "by-class"  placed_on { class = "docker" } }
  }

  step "by a fingerprinted attribute" {
    run "helloworld-v1.nomad" {
      id                  = "by-attribute"
      count               = 2
      datacenters         = ["*"]
      without_constraints = true
      constraint { attribute = "${attr.kernel.version}"  version = ">= 4.0" }
    }
    await "both answer" { job = "by-attribute"  answering = 2  within = "30s" }
    expect "on the farm with the newer kernel" { job = "by-attribute"  placed_on { group = "farm-02" } }
  }

  step "by own metadata" {
    run "helloworld-v1.nomad" {
      id    = "by-meta"
      count = 2
      constraint { attribute = "${meta.rack}"  value = "r1" }
    }
    await "both answer" { job = "by-meta"  answering = 2  within = "30s" }
    expect "in the rack asked for" { job = "by-meta"  placed_on { group = "farm-01"  meta = { rack = "r1" } } }
  }
}
