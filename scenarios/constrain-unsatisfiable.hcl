scenario "constrain-unsatisfiable" {
  lab      = "open-kitchen"
  question = "What happens if you target a constraint that can't be met? Then a matching node joins."

  # The second farm has what the job wants, and comes later.
  group "farm-02" { class = "gpu" }
  off = ["farm-02"]

  step "the cluster is there" {
    await "a leader and six clients" { leader = true  nodes_ready = 6  within = "60s" }
  }

  step "ask for what nobody has" {
    run "helloworld-v1.nomad" {
      constraint { attribute = "${node.class}"  value = "gpu" }
    }
    await "the job waits for a place" { blocked = true  unplaced = 1  within = "10s" }
    expect "every node says why not" { why = "${node.class} = gpu" }
    hold "it goes on waiting" { running = 0  blocked = true  for = "60s" }
  }

  step "a farm that has it joins" {
    power_on { group = "farm-02" }
    await "the instance answers" { answering = 1  within = "60s" }
    expect "it runs there, and nothing waits any more" { blocked = false  placed_on { class = "gpu" } }
  }
}
