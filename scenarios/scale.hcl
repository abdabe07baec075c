scenario "scale" {
  lab      = "open-kitchen"
  question = "count 1 -> 5 -> 2: which instances go, do the others keep running untouched?"

  step "the cluster is there" {
    await "a leader and nine clients" { leader = true  nodes_ready = 9  within = "60s" }
  }

  step "one" {
    run "helloworld-v1.nomad" {}
    await "one answers" { answering = 1  within = "30s" }
  }

  step "five" {
    scale "helloworld" { count = 5 }
    await "five answer" { answering = 5  within = "60s" }
    expect "the first one was left alone" { kept = 1  answering_min = 1 }
  }

  step "two" {
    scale "helloworld" { count = 2 }
    await "two answer" { answering = 2  running = 2  within = "60s" }
    expect "both were left alone" { kept = 2  answering_min = 2 }
  }
}
