locals {
  a = merge({ a = 1 }, zipmap(["b"], [2]))
  b = flatten([concat([1], [[2]]), chunklist(range(1, 9, 2), 3)])
  c = [keys(local.a), values(local.a), lookup(local.a, "z", 0), length(local.a), index(["a"], "a")]
  d = setproduct(["a"], setunion([1], [2]), setintersection(["x"], ["x"]))
  e = [coalesce(null, 1), coalescelist([], [1]), compact(["", "a"]), distinct([1, 1]), element([1], 5), slice([1, 2], 0, 1)]
  f = [contains([1], 1), reverse([1, 2]), can(1 / 0), try(1 / 0, 2), convert("1", number)]
}
