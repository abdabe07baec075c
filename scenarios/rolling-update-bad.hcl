scenario "rolling-update-bad" {
  lab      = "open-kitchen"
  question = "v2 never becomes healthy: does the update stop, does most of v1 survive, and does the job return to v1 by itself?"

  step "launch" {
    await "a leader and nine clients" { leader = true  nodes_ready = 9  within = "60s" }
    run "helloworld-rolling.nomad" {}
    await "five instances answer" { answering = 5  answers_with = "Hello v1"  within = "60s" }
    hold "until the deployment ends" { running = 5  for = "20s" }
  }

  step "a version that does not run" {
    run "helloworld-rolling.nomad" { image = "cargonauts/helloworld:broken" }
    await "one is gone" { answering = 4  within = "30s" }
    hold "the others stay" { answering = 4  answers_with = "Hello v1"  for = "90s" }
    await "five answer with v1 again" { answering = 5  running = 5  answers_with = "Hello v1"  within = "120s" }
    expect "never fewer than four" { answering_min = 4 }
  }
}
