scenario "client-failure" {
  lab      = "open-kitchen"
  question = "A client machine dies. Are its jobs correctly transferred to other nodes? How long is the gap? It comes back: what of its old allocations?"

  step "launch" {
    await "a leader and nine clients" { leader = true  nodes_ready = 9  within = "60s" }
    run "helloworld-v1.nomad" { count = 5 }
    await "five instances answer" { answering = 5  within = "60s" }
  }

  step "shoot a cow" {
    power_off "the cow" { node_of = "helloworld[0]" }
    await "the servers notice" { nodes_down = 1  lost = ">= 1"  within = "60s" }
    await "five answer again" { answering = 5  within = "60s" }
    expect "never fewer than the survivors" { answering_min = 4 }
  }

  step "it gets up again" {
    power_on { same_as = "the cow" }
    await "nine clients again" { nodes_ready = 9  nodes_down = 0  within = "60s" }
    hold "its old work stays where it went" { running = 5  answering = 5  kept = 5  for = "30s" }
  }
}
