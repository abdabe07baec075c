//! `unique.hostname`, `os.name`, `os.version`.

use super::{Facts, Fingerprint, Machine};

/// The host's name and its distribution.
pub struct Host;

impl Fingerprint for Host {
    fn run(&self, machine: &Machine<'_>, facts: &mut Facts) {
        let name =
            machine.system_file("/proc/sys/kernel/hostname").or_else(|| machine.system_file("/etc/hostname"));
        facts.set("unique.hostname", name.unwrap_or_default());
        let release = machine
            .system_file("/etc/os-release")
            .or_else(|| machine.system_file("/usr/lib/os-release"))
            .unwrap_or_default();
        facts.set("os.name", field(&release, "ID").unwrap_or(std::env::consts::OS));
        facts.set("os.version", field(&release, "VERSION_ID").unwrap_or_default());
    }
}

/// Returns a field of an `os-release` file without its quotes.
fn field<'a>(release: &'a str, name: &str) -> Option<&'a str> {
    let value = release.lines().find_map(|line| line.split_once('=').filter(|(key, _)| *key == name))?.1;
    Some(value.trim().trim_matches(['"', '\'']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_quoted_and_plain_fields() {
        let release = "PRETTY_NAME=\"Ubuntu 24.04\"\nID=ubuntu\nVERSION_ID=\"24.04\"\nID_LIKE=debian\n";
        assert_eq!((field(release, "ID"), field(release, "VERSION_ID")), (Some("ubuntu"), Some("24.04")));
        assert_eq!(field("", "ID"), None);
    }
}
