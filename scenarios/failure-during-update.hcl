scenario "failure-during-update" {
  lab      = "open-kitchen"
  question = "The leader dies in the middle of a deployment, then a client with a new instance does: does the deployment go on to its end?"

  step "launch" {
    await "a leader and nine clients" { leader = true  nodes_ready = 9  within = "60s" }
    run "helloworld-rolling.nomad" {}
    await "five instances answer" { answering = 5  answers_with = "Hello v1"  within = "60s" }
    hold "until the deployment ends" { running = 5  for = "20s" }
  }

  step "the leader dies while the first one changes" {
    run "helloworld-rolling.nomad" { image = "cargonauts/helloworld:v2" }
    await "one is gone" { answering = 4  within = "30s" }
    power_off { leader = true }
    await "another one leads" { new_leader = true  within = "30s" }
  }

  step "a client dies while others change" {
    hold "four or five answer" { answering = ">= 4"  for = "15s" }
    power_off { node_of = "helloworld[0]" }
    await "five answer with v2" { answering = 5  running = 5  answers_with = "Hello v2"  within = "300s" }
    expect "never fewer than three" { answering_min = 3 }
  }
}
