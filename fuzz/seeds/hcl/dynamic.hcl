job "j" {
  dynamic "group" {
    for_each = { a = 1, b = 2 }
    iterator = g
    labels   = [g.key]
    content {
      count = g.value
      dynamic "task" {
        for_each = ["x", "y"]
        labels   = [task.value]
        content {
          driver = "mock"
        }
      }
    }
  }
}
