//! What one value alone cannot show: names that clash, groups without tasks, limits.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use pasture_core::model::{
    Constraint, Job, JobType, Network, Operator, Port, RestartPolicy, Task, TaskGroup,
};

/// How many allocations one job may ask for. Source: Nomad's default `job_max_count`.
pub const COUNT_MAX: u32 = 50_000;
/// The highest priority.
pub const PRIORITY_MAX: u8 = 100;
/// How long a name may be, in bytes.
const NAME_MAX: usize = 255;
/// The least CPU a task may ask for, in MHz.
const CPU_MHZ_MIN: u32 = 1;
/// The least memory a task may ask for, in MB.
const MEMORY_MB_MIN: u32 = 10;
/// The shortest interval of a restart policy.
const RESTART_INTERVAL_MIN: Duration = Duration::from_secs(5);

/// One thing wrong with a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where, in the words of the HTTP API: `Job.TaskGroups[0].Count`.
    pub path: String,
    /// What, a lower-case fragment.
    pub message: String,
}

/// Checks a canonical job.
///
/// # Errors
/// With everything that is wrong, each with its path: `Job.TaskGroups[0].Tasks: ...`.
pub fn validate(job: &Job) -> Result<(), Vec<String>> {
    let problems = problems(job);
    if problems.is_empty() {
        return Ok(());
    }
    Err(problems.into_iter().map(|problem| format!("{}: {}", problem.path, problem.message)).collect())
}

/// Returns everything that is wrong with a canonical job.
pub fn problems(job: &Job) -> Vec<Problem> {
    report(job).problems
}

/// What validation has to say about a job.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// What is wrong.
    pub problems: Vec<Problem>,
    /// What is fine, but hardly meant.
    pub warnings: Vec<Problem>,
}

/// Returns everything that is to say about a canonical job.
pub fn report(job: &Job) -> Report {
    let mut check = Check::default();
    check.job(job);
    Report { problems: check.problems, warnings: Vec::new() }
}

#[derive(Default)]
struct Check {
    problems: Vec<Problem>,
}

impl Check {
    fn problem(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.problems.push(Problem { path: path.into(), message: message.into() });
    }

    fn job(&mut self, job: &Job) {
        self.name("Job.ID", "job", &job.id);
        if job.id.contains(char::is_whitespace) {
            self.problem("Job.ID", format!("the job's name {:?} contains a space", job.id));
        }
        if job.priority == 0 || job.priority > PRIORITY_MAX {
            self.problem(
                "Job.Priority",
                format!("priority {} is not within 1 and {PRIORITY_MAX}", job.priority),
            );
        }
        if job.datacenters.iter().any(String::is_empty) {
            self.problem("Job.Datacenters", "a datacenter has an empty name");
        }
        self.constraints("Job", &job.constraints);
        if job.groups.is_empty() {
            self.problem("Job", "the job has no task group; add group \"name\" { ... }");
        }
        self.unique("Job.TaskGroups", "group", job.groups.iter().map(|group| group.name.as_str()));
        for (index, group) in job.groups.iter().enumerate() {
            self.group(&format!("Job.TaskGroups[{index}]"), job.job_type, group);
        }
        let total = job.groups.iter().map(|group| u64::from(group.count)).sum::<u64>();
        if total > u64::from(COUNT_MAX) {
            self.problem(
                "Job",
                format!("the groups ask for {total} allocations in all; at most {COUNT_MAX} are allowed"),
            );
        }
    }

    fn group(&mut self, path: &str, kind: JobType, group: &TaskGroup) {
        self.name(&format!("{path}.Name"), "group", &group.name);
        if matches!(kind, JobType::System | JobType::SysBatch) && group.count > 1 {
            let message = format!(
                "count is {}, but a {} job runs once on every node; remove count or set it to 1",
                group.count,
                kind.as_str()
            );
            self.problem(format!("{path}.Count"), message);
        }
        self.constraints(path, &group.constraints);
        self.restart(path, &group.restart);
        if group.tasks.is_empty() {
            self.problem(path, format!("group {:?} has no task; add task \"name\" {{ ... }}", group.name));
        }
        self.unique(&format!("{path}.Tasks"), "task", group.tasks.iter().map(|task| task.name.as_str()));
        self.ports(path, group);
        for (index, task) in group.tasks.iter().enumerate() {
            self.task(&format!("{path}.Tasks[{index}]"), task);
            self.service_ports(&format!("{path}.Tasks[{index}]"), group, task);
            self.log_space(&format!("{path}.Tasks[{index}]"), group, task);
        }
    }

    fn restart(&mut self, path: &str, policy: &RestartPolicy) {
        let path = format!("{path}.RestartPolicy");
        if policy.attempts == 0 {
            return;
        }
        if policy.interval < RESTART_INTERVAL_MIN {
            self.problem(path, "interval must be at least 5s");
        } else if policy.delay.saturating_mul(policy.attempts) > policy.interval {
            let message = format!(
                "{} restarts with a delay of {:?} each do not fit into an interval of {:?}",
                policy.attempts, policy.delay, policy.interval
            );
            self.problem(path, message);
        }
    }

    fn task(&mut self, path: &str, task: &Task) {
        self.name(&format!("{path}.Name"), "task", &task.name);
        if task.name.contains(['/', '\\']) {
            self.problem(
                format!("{path}.Name"),
                format!("the task's name {:?} contains a slash; it names a directory", task.name),
            );
        }
        if task.driver.is_empty() {
            self.problem(
                path,
                format!("task {:?} has no driver; add driver = \"raw_exec\" or another", task.name),
            );
        }
        if task.resources.cpu_mhz < CPU_MHZ_MIN {
            self.problem(format!("{path}.Resources.CPU"), format!("cpu must be at least {CPU_MHZ_MIN} MHz"));
        }
        if task.resources.memory_mb < MEMORY_MB_MIN {
            self.problem(
                format!("{path}.Resources.MemoryMB"),
                format!("memory must be at least {MEMORY_MB_MIN} MB"),
            );
        }
        self.constraints(path, &task.constraints);
    }

    /// Logs are written into the group's scratch disk and must leave room there.
    fn log_space(&mut self, path: &str, group: &TaskGroup, task: &Task) {
        let path = format!("{path}.LogConfig");
        if task.logs.max_files == 0 || task.logs.max_file_size_mb == 0 {
            self.problem(path, "max_files and max_file_size must be at least 1");
            return;
        }
        let logs_mb = u64::from(task.logs.max_files) * u64::from(task.logs.max_file_size_mb);
        let disk_mb = u64::from(group.ephemeral_disk.size_mb) + u64::from(task.resources.disk_mb);
        if logs_mb >= disk_mb {
            let message =
                format!("logs of {logs_mb} MB do not fit into the {disk_mb} MB of disk the task gets");
            self.problem(path, message);
        }
    }

    fn constraints(&mut self, path: &str, constraints: &[Constraint]) {
        for (index, constraint) in constraints.iter().enumerate() {
            if let Some(message) = constraint_problem(constraint) {
                self.problem(format!("{path}.Constraints[{index}]"), message);
            }
        }
    }

    /// Port labels are unique in a group, since all its tasks share the node; so are the numbers asked for.
    fn ports(&mut self, path: &str, group: &TaskGroup) {
        let mut networks: Vec<(String, &Network)> = Vec::new();
        for (index, network) in group.networks.iter().enumerate() {
            networks.push((format!("{path}.Networks[{index}]"), network));
        }
        for (task_index, task) in group.tasks.iter().enumerate() {
            for (index, network) in task.resources.networks.iter().enumerate() {
                networks.push((format!("{path}.Tasks[{task_index}].Resources.Networks[{index}]"), network));
            }
        }
        let mut labels = BTreeSet::new();
        let mut numbers: BTreeMap<u16, &str> = BTreeMap::new();
        for (path, network) in &networks {
            for port in network.reserved_ports.iter().chain(&network.dynamic_ports) {
                self.port(path, port, &mut labels);
            }
            for port in network.reserved_ports.iter().filter(|port| port.value != 0) {
                if let Some(first) = numbers.insert(port.value, &port.label) {
                    let message = format!(
                        "ports {first:?} and {:?} both ask for number {} on the same node",
                        port.label, port.value
                    );
                    self.problem(path.as_str(), message);
                }
            }
        }
    }

    fn port<'a>(&mut self, path: &str, port: &'a Port, labels: &mut BTreeSet<&'a str>) {
        let label = port.label.as_str();
        if label.is_empty() || !label.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-') {
            let message = format!("port {label:?} may have letters, digits, _ and - only");
            self.problem(path, message);
        }
        if !labels.insert(label) {
            self.problem(path, format!("port {label:?} is declared twice in its group"));
        }
    }

    /// A service names a port of its task or group, or a number.
    fn service_ports(&mut self, path: &str, group: &TaskGroup, task: &Task) {
        let networks = group.networks.iter().chain(&task.resources.networks);
        let labels: Vec<&str> = networks
            .flat_map(|network| network.reserved_ports.iter().chain(&network.dynamic_ports))
            .map(|port| port.label.as_str())
            .collect();
        for (index, service) in task.services.iter().enumerate() {
            let port = service.port.as_str();
            if port.is_empty() || labels.contains(&port) || port.parse::<u16>().is_ok() || port.contains("${")
            {
                continue;
            }
            let known = if labels.is_empty() { "no port".to_owned() } else { labels.join(", ") };
            let message = format!("service {:?} names port {port:?}, but the task has {known}", service.name);
            self.problem(format!("{path}.Services[{index}]"), message);
        }
    }

    fn name(&mut self, path: &str, what: &str, name: &str) {
        if name.is_empty() {
            self.problem(path, format!("the {what} has no name"));
        } else if name.len() > NAME_MAX {
            self.problem(
                path,
                format!("the {what}'s name has {} bytes; at most {NAME_MAX} are allowed", name.len()),
            );
        } else if name.contains(char::is_control) {
            self.problem(path, format!("the {what}'s name {name:?} contains a control character"));
        }
    }

    fn unique<'a>(&mut self, path: &str, what: &str, names: impl Iterator<Item = &'a str>) {
        let mut seen = BTreeSet::new();
        for (index, name) in names.enumerate() {
            if !seen.insert(name) {
                self.problem(format!("{path}[{index}].Name"), format!("there is another {what} {name:?}"));
            }
        }
    }
}

/// Returns what is wrong with a constraint, if anything.
fn constraint_problem(constraint: &Constraint) -> Option<String> {
    let operator = constraint.operator;
    let operator_name = operator.as_str();
    if constraint.left.is_empty() && operator != Operator::DistinctHosts {
        return Some(format!("a constraint with operator {operator_name:?} needs an attribute"));
    }
    match operator {
        Operator::DistinctHosts | Operator::IsSet | Operator::IsNotSet => None,
        Operator::DistinctProperty => {
            let right = constraint.right.as_str();
            (!right.is_empty() && right.parse::<u32>().is_ok_and(|count| count == 0) || {
                !right.is_empty() && right.parse::<u32>().is_err()
            })
            .then(|| format!("distinct_property allows a number of at least 1 per value, not {right:?}"))
        }
        Operator::Regexp if !constraint.right.contains("${") => {
            regex::Regex::new(&constraint.right).err().map(|error| {
                format!("{:?} is no regular expression: {}", constraint.right, last_line(&error.to_string()))
            })
        }
        // An empty text is a value one may compare with.
        Operator::Equal | Operator::NotEqual => None,
        _ if constraint.right.is_empty() => {
            Some(format!("a constraint with operator {operator_name:?} needs a value"))
        }
        _ => None,
    }
}

fn last_line(text: &str) -> &str {
    text.lines().last().unwrap_or(text).trim_start_matches("error: ")
}
