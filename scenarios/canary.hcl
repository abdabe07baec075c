scenario "canary" {
  lab      = "open-kitchen"
  question = "Two canaries of v2 beside five of v1, promoted once they are healthy: do never fewer than four answer?"

  step "launch" {
    await "a leader and nine clients" { leader = true  nodes_ready = 9  within = "60s" }
    run "helloworld-canary.nomad" {}
    await "five instances answer" { answering = 5  answers_with = "Hello v1"  within = "60s" }
    hold "until the deployment ends" { running = 5  for = "20s" }
  }

  step "canaries" {
    run "helloworld-canary.nomad" { image = "cargonauts/helloworld:v2" }
    await "seven answer" { answering = 7  within = "30s" }
  }

  step "promoted by themselves" {
    await "five answer with v2" { answering = 5  running = 5  answers_with = "Hello v2"  within = "180s" }
    expect "never fewer than four" { answering_min = 4 }
  }
}
