//! Services and their checks.

use std::time::Duration;

use pasture_core::model::{Check as ServiceCheck, Service, Task, TaskGroup};

use super::Check;

/// How long the name of a service may be, in bytes. Source: RFC 1123.
const SERVICE_NAME_MAX: usize = 63;
/// The shortest interval and timeout of a check.
const CHECK_TIME_MIN: Duration = Duration::from_secs(1);

const CHECK_TYPES: &[&str] = &["http", "tcp", "grpc", "script"];
const ADDRESS_MODES: &[&str] = &["", "auto", "host", "driver", "alloc"];
const ON_UPDATE: &[&str] = &["", "require_healthy", "ignore_warnings", "ignore"];
const PROVIDERS: &[&str] = &["", "consul", "nomad"];
const INITIAL_STATUS: &[&str] = &["", "passing", "warning", "critical"];

impl Check {
    pub(super) fn services(&mut self, path: &str, group: &TaskGroup) {
        for (index, service) in group.services.iter().enumerate() {
            self.service(&format!("{path}.Services[{index}]"), group, None, service);
        }
        for (number, task) in group.tasks.iter().enumerate() {
            for (index, service) in task.services.iter().enumerate() {
                self.service(
                    &format!("{path}.Tasks[{number}].Services[{index}]"),
                    group,
                    Some(task),
                    service,
                );
            }
        }
    }

    fn service(&mut self, path: &str, group: &TaskGroup, task: Option<&Task>, service: &Service) {
        self.service_name(path, &service.name);
        self.port_label(path, group, task, &format!("service {:?}", service.name), &service.port);
        for (field, what, value, known) in [
            ("AddressMode", "address_mode", &service.address_mode, ADDRESS_MODES),
            ("OnUpdate", "on_update", &service.on_update, ON_UPDATE),
            ("Provider", "provider", &service.provider, PROVIDERS),
        ] {
            self.one_of(&format!("{path}.{field}"), what, value, known);
        }
        if !service.task_name.is_empty() && !group.tasks.iter().any(|task| task.name == service.task_name) {
            let message = format!(
                "service {:?} names task {:?}, which the group has not",
                service.name, service.task_name
            );
            self.problem(format!("{path}.TaskName"), message);
        }
        for (index, check) in service.checks.iter().enumerate() {
            let path = format!("{path}.Checks[{index}]");
            self.port_label(&path, group, task, "the check", &check.port);
            self.check(&path, service, check);
        }
    }

    fn service_name(&mut self, path: &str, name: &str) {
        // What is interpolated when the task starts cannot be judged here.
        let mut rest = name;
        let mut known = String::new();
        while let Some((before, tail)) = rest.split_once("${") {
            known.push_str(before);
            rest = tail.split_once('}').map_or("", |(_, after)| after);
        }
        known.push_str(rest);
        let is_fine = known.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-')
            && known.len() <= SERVICE_NAME_MAX
            && (known.len() < name.len()
                || !(name.is_empty() || name.starts_with('-') || name.ends_with('-')));
        if !is_fine {
            let message = format!(
                "service name {name:?} may have letters, digits and - only, at most {SERVICE_NAME_MAX}, and no - at its ends"
            );
            self.problem(format!("{path}.Name"), message);
        }
    }

    /// A service names a port of its task or group, or a number.
    fn port_label(&mut self, path: &str, group: &TaskGroup, task: Option<&Task>, what: &str, port: &str) {
        let of_task = task.into_iter().flat_map(|task| &task.resources.networks);
        let labels: Vec<&str> = group
            .networks
            .iter()
            .chain(of_task)
            .flat_map(|network| network.reserved_ports.iter().chain(&network.dynamic_ports))
            .map(|port| port.label.as_str())
            .collect();
        if port.is_empty() || labels.contains(&port) || port.parse::<u16>().is_ok() || port.contains("${") {
            return;
        }
        let known = if labels.is_empty() { "no port".to_owned() } else { labels.join(", ") };
        let owner = if task.is_some() { "task" } else { "group" };
        self.problem(
            format!("{path}.PortLabel"),
            format!("{what} names port {port:?}, but the {owner} has {known}"),
        );
    }

    fn one_of(&mut self, path: &str, what: &str, value: &str, known: &[&str]) {
        if !known.contains(&value) {
            let known: Vec<&str> = known.iter().copied().filter(|word| !word.is_empty()).collect();
            self.problem(path, format!("{what} {value:?} is none of {}", known.join(", ")));
        }
    }

    fn check(&mut self, path: &str, service: &Service, check: &ServiceCheck) {
        if check.check_type.is_empty() {
            self.problem(path, "the check has no type; add type = \"http\" or another");
            return;
        }
        self.one_of(&format!("{path}.Type"), "check type", &check.check_type, CHECK_TYPES);
        for (field, what, value, known) in [
            ("AddressMode", "address_mode", &check.address_mode, ADDRESS_MODES),
            ("InitialStatus", "initial_status", &check.initial_status, INITIAL_STATUS),
        ] {
            self.one_of(&format!("{path}.{field}"), what, value, known);
        }
        // What was taken over from the service has been complained of there.
        if check.on_update != service.on_update {
            self.one_of(&format!("{path}.OnUpdate"), "on_update", &check.on_update, ON_UPDATE);
        }
        for (field, what, time) in
            [("Interval", "interval", check.interval), ("Timeout", "timeout", check.timeout)]
        {
            if time < CHECK_TIME_MIN {
                self.problem(format!("{path}.{field}"), format!("{what} of a check must be at least 1s"));
            }
        }
        match check.check_type.as_str() {
            // Nomad wants one; jobs of 2016 have none.
            "http" if check.path.is_empty() => {
                self.warning(path, "a check of type http has no path: \"/\" is asked for");
            }
            "http" if check.path.contains("://") => {
                let message = format!("path {:?} has a host in it; write what comes after it", check.path);
                self.problem(format!("{path}.Path"), message);
            }
            "script" if check.command.is_empty() => {
                self.problem(path, "a check of type script has no command; add command = ...");
            }
            _ => {}
        }
        if check.expose && !matches!(check.check_type.as_str(), "http" | "grpc") {
            self.problem(format!("{path}.Expose"), "expose is for checks of type http and grpc");
        }
        let needs_port = matches!(check.check_type.as_str(), "http" | "tcp" | "grpc");
        if needs_port && check.port.is_empty() && service.port.is_empty() && service.connect.is_null() {
            let message =
                format!("a check of type {} needs a port, of its own or of the service", check.check_type);
            self.problem(path, message);
        }
        if service.provider == "nomad" && !matches!(check.check_type.as_str(), "http" | "tcp") {
            self.problem(
                format!("{path}.Type"),
                "the provider \"nomad\" has checks of type http and tcp only",
            );
        }
    }
}
