scenario "rolling-deployment" {
  lab      = "open-kitchen"
  question = "v1 -> v2 by a deployment, one at a time, each once the one before it is healthy: do never fewer than four answer?"

  step "launch" {
    await "a leader and nine clients" { leader = true  nodes_ready = 9  within = "60s" }
    run "helloworld-rolling.nomad" {}
    await "five instances answer" { answering = 5  answers_with = "Hello v1"  within = "60s" }
    hold "until the deployment ends" { running = 5  for = "20s" }
  }

  step "the new version" {
    run "helloworld-rolling.nomad" { image = "cargonauts/helloworld:v2" }
    await "five answer with v2" { answering = 5  running = 5  answers_with = "Hello v2"  within = "180s" }
    expect "never fewer than four" { answering_min = 4 }
  }
}
