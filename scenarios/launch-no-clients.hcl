scenario "launch-no-clients" {
  lab      = "open-kitchen"
  question = "Run a job on a cluster that has servers but no clients. What happens? Then a client joins."

  # The servers are no clients here, and the farms are dark.
  group "nomad" { roles = ["server"] }
  off = ["farm-01", "farm-02"]

  step "the servers are there" {
    await "a leader, no client" { leader = true  nodes_ready = 0  within = "60s" }
  }

  step "launch" {
    run "helloworld-v1.nomad" {}
    await "the job waits for a place" { blocked = true  unplaced = 1  within = "10s" }
    hold "it goes on waiting" { running = 0  blocked = true  status = "pending"  for = "60s" }
  }

  step "a farm joins" {
    power_on { group = "farm-01" }
    await "the instance answers" { answering = 1  within = "60s" }
    expect "nothing waits any more" { blocked = false  running = 1  nodes_ready = 3 }
    expect "it runs on the farm" { placed_on { group = "farm-01" } }
  }
}
