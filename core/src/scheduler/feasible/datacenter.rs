//! Whether a node's datacenter is among those a job asks for.

/// Tells whether one of `globs` matches; `*` stands for any text, `?` for one character.
pub fn matches(globs: &[String], datacenter: &str) -> bool {
    let name: Vec<char> = datacenter.chars().collect();
    globs.iter().any(|glob| glob_matches(&glob.chars().collect::<Vec<_>>(), &name))
}

/// Goes back to the last `*` only, so that the time is bounded by the product of the lengths.
fn glob_matches(glob: &[char], name: &[char]) -> bool {
    let (mut g, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match glob.get(g) {
            Some('*') => {
                star = Some((g, n));
                g += 1;
            }
            Some(c) if *c == '?' || *c == name[n] => {
                g += 1;
                n += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    g = at + 1;
                    n = from + 1;
                }
                None => return false,
            },
        }
    }
    glob[g..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_match_as_in_a_shell() {
        for (glob, name, expected) in [
            ("dc1", "dc1", true),
            ("dc1", "dc10", false),
            ("*", "", true),
            ("dc*", "dc10", true),
            ("*1*", "dc10", true),
            ("d?1", "dc1", true),
            ("d?", "dc1", false),
            ("a*b*c", "axxbxxbc", true),
            ("a*b*c", "axxc", false),
        ] {
            assert_eq!(matches(&[glob.to_owned()], name), expected, "{glob} against {name}");
        }
    }
}
