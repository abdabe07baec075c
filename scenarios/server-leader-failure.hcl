scenario "server-leader-failure" {
  lab      = "open-kitchen"
  question = "Kill the leader. Do we still have consensus? Can we still schedule? How long not?"

  step "launch" {
    await "a leader and nine clients" { leader = true  nodes_ready = 9  within = "60s" }
    run "helloworld-v1.nomad" { count = 2 }
    await "two instances answer" { answering = 2  within = "60s" }
  }

  step "the leader dies" {
    power_off "the old leader" { leader = true }
    await "another one leads" { new_leader = true  within = "10s" }
    await "a write is accepted" { write = "accepted"  within = "10s" }
    scale "helloworld" { count = 3 }
    await "three instances answer" { answering = 3  within = "30s" }
    expect "the first two never stopped" { kept = 2  answering_min = 2 }
  }

  step "it comes back" {
    power_on { same_as = "the old leader" }
    await "nine clients again" { leader = true  nodes_ready = 9  nodes_down = 0  within = "60s" }
    hold "nothing moves" { running = 3  kept = 3  for = "30s" }
  }
}
