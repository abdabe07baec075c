scenario "rolling-update" {
  lab      = "open-kitchen"
  question = "v1 -> v2, five instances, one at a time: do never fewer than four answer, and only with v1 or v2?"

  step "launch" {
    await "a leader and nine clients" { leader = true  nodes_ready = 9  within = "60s" }
    run "helloworld-v1.nomad" { count = 5 }
    await "five instances answer" { answering = 5  answers_with = "Hello v1"  within = "60s" }
  }

  step "the new version, paced by stagger" {
    run "helloworld-v2.nomad" {}
    await "five answer with v2" { answering = 5  running = 5  answers_with = "Hello v2"  within = "300s" }
    expect "never fewer than four" { answering_min = 4 }
  }
}
