locals {
  a = format("%05.1f|%-4s|%#v|%[1]q|%[4]x", 1.5, "ab", [1], 255)
  b = formatlist("%s-%d", ["a", "b"], [1, 2])
  c = regex_replace("a-b", "(\\w)-(\\w)", "$2-${1}")
  d = join(",", sort(split(" ", title(trimspace(" b a ")))))
  e = substr(strrev(replace(indent(2, "x\ny"), "x", "z")), -2, 1)
  f = [chomp("a\n"), lower("A"), trim("xax", "x"), trimprefix("ab", "a"), trimsuffix("ab", "b"), strlen("é")]
}
