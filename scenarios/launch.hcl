scenario "launch" {
  lab      = "open-kitchen"
  question = "Run helloworld-v1.nomad: does it start, where is it, and does it answer?"

  step "the cluster is there" {
    await "a leader and nine clients" { leader = true  nodes_ready = 9  within = "60s" }
  }

  step "launch" {
    run "helloworld-v1.nomad" {}
    await "the evaluation is complete" { evaluation = "complete"  within = "10s" }
    await "the instance answers" { answering = 1  within = "30s" }
    expect "it says hello" { answers_with = "Hello v1" }
    expect "it runs where its constraint allows" {
      status = "running"
      placed_on { datacenter = "dc1"  class = "docker" }
    }
  }
}
