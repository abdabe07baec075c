scenario "server-majority-loss" {
  lab      = "open-kitchen"
  question = "Kill two of three servers: does running work keep running, is anything new accepted? Restart one: does it continue with nothing lost?"

  step "launch" {
    await "a leader and nine clients" { leader = true  nodes_ready = 9  within = "60s" }
    run "helloworld-v1.nomad" { count = 3 }
    await "three instances answer" { answering = 3  within = "60s" }
  }

  step "two servers die" {
    power_off { machines = ["nomad-01", "nomad-02"] }
    await "nobody leads" { leader = false  within = "30s" }
    expect "a write is refused, and the error says why" { write = "refused"  write_error = "leader" }
    run "helloworld-v1.nomad" { id = "too-late"  refused = "leader" }
    hold "what runs goes on running" { job = "helloworld"  answering = 3  for = "60s" }
  }

  step "one of them comes back" {
    power_on { machine = "nomad-01" }
    await "somebody leads" { leader = true  within = "30s" }
    await "a write is accepted" { job = "helloworld"  write = "accepted"  within = "10s" }
    expect "the job is still there" { job = "helloworld"  status = "running" }
    scale "helloworld" { count = 4 }
    await "a fourth instance answers" { job = "helloworld"  answering = 4  within = "60s" }
    expect "the first three never stopped" { job = "helloworld"  kept = 3  answering_min = 3 }
  }
}
