//! Tasks: what they need, what they are, where their volumes are.

use pasture_core::model::{Job, Resources, Task, TaskGroup};

use super::Check;
use super::constraint::Level;

/// The least CPU a task may ask for, in MHz.
const CPU_MHZ_MIN: u32 = 1;
/// The least memory a task may ask for, in MB.
const MEMORY_MB_MIN: u32 = 10;

/// When a task may run that is not one of the main tasks.
const HOOKS: &[&str] = &["prestart", "poststart", "poststop"];

impl Check {
    pub(super) fn task(&mut self, path: &str, job: &Job, group: &TaskGroup, task: &Task) {
        self.name(&format!("{path}.Name"), "task", &task.name);
        if task.name.contains(['/', '\\']) {
            let message = format!("the task's name {:?} contains a slash; it names a directory", task.name);
            self.problem(format!("{path}.Name"), message);
        }
        if task.driver.is_empty() {
            let message = format!("task {:?} has no driver; add driver = \"raw_exec\" or another", task.name);
            self.problem(path, message);
        }
        if task.user.contains('\0') {
            self.problem(format!("{path}.User"), "the user's name contains a null character");
        }
        self.resources(&format!("{path}.Resources"), &task.resources);
        self.constraints(path, &task.constraints, Level::Task);
        self.wishes(path, &task.affinities, &[], job.job_type);
        if let Some(policy) = &task.restart {
            // What was taken over from the group has been complained of there.
            if *policy != group.restart {
                self.restart(&format!("{path}.RestartPolicy"), policy);
            }
        }
        if let Some(lifecycle) = &task.lifecycle
            && !HOOKS.contains(&lifecycle.hook.as_str())
        {
            let message = format!("lifecycle hook {:?} is none of {}", lifecycle.hook, HOOKS.join(", "));
            self.problem(format!("{path}.Lifecycle.Hook"), message);
        }
        if let Some(payload) = &task.dispatch_payload
            && escapes(&payload.file)
        {
            let message = format!("file {:?} leads out of the task's directory", payload.file);
            self.problem(format!("{path}.DispatchPayload.File"), message);
        }
        self.log_space(path, group, task);
        self.mounts(path, group, task);
    }

    fn resources(&mut self, path: &str, resources: &Resources) {
        if resources.cores > 0 && resources.cpu_mhz > 0 {
            self.problem(format!("{path}.Cores"), "a task asks for cpu or for cores, not for both");
        }
        if resources.cores == 0 && resources.cpu_mhz < CPU_MHZ_MIN {
            self.problem(format!("{path}.CPU"), format!("cpu must be at least {CPU_MHZ_MIN} MHz"));
        }
        if resources.memory_mb < MEMORY_MB_MIN {
            self.problem(format!("{path}.MemoryMB"), format!("memory must be at least {MEMORY_MB_MIN} MB"));
        }
        if resources.memory_max_mb != 0 && resources.memory_max_mb < resources.memory_mb {
            let message = format!(
                "memory_max {} is less than memory {}; it is what the task may use at most",
                resources.memory_max_mb, resources.memory_mb
            );
            self.problem(format!("{path}.MemoryMaxMB"), message);
        }
        for (index, device) in resources.devices.iter().enumerate() {
            let path = format!("{path}.Devices[{index}]");
            if device.name.is_empty() {
                self.problem(&*path, "a device needs a name such as \"nvidia/gpu\"");
            }
            if device.count == Some(0) {
                self.problem(format!("{path}.Count"), "count of a device must be at least 1");
            }
            self.constraints(&path, &device.constraints, Level::Task);
            for (index, affinity) in device.affinities.iter().enumerate() {
                self.affinity(&format!("{path}.Affinities[{index}]"), affinity);
            }
        }
    }

    /// Logs are written into the group's scratch disk and must leave room there.
    fn log_space(&mut self, path: &str, group: &TaskGroup, task: &Task) {
        let path = format!("{path}.LogConfig");
        if task.logs.disabled {
            return;
        }
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

    /// A mount names a volume of the group.
    fn mounts(&mut self, path: &str, group: &TaskGroup, task: &Task) {
        for (index, mount) in task.volume_mounts.as_array().into_iter().flatten().enumerate() {
            let path = format!("{path}.VolumeMounts[{index}]");
            let volume = mount["Volume"].as_str().unwrap_or_default();
            if volume.is_empty() {
                self.problem(&*path, "a volume_mount names no volume; add volume = ...");
            } else if !group.volumes.contains_key(volume) {
                let known: Vec<&str> = group.volumes.keys().map(String::as_str).collect();
                let known = if known.is_empty() { "no volume".to_owned() } else { known.join(", ") };
                let message = format!("volume_mount names volume {volume:?}, but the group has {known}");
                self.problem(format!("{path}.Volume"), message);
            }
            if mount["Destination"].as_str().unwrap_or_default().is_empty() {
                self.problem(&*path, "a volume_mount has no destination; add destination = ...");
            }
        }
    }
}

/// Tells whether a relative path leads out of where it begins.
fn escapes(path: &str) -> bool {
    let mut depth = 0_i64;
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => depth -= 1,
            _ => depth += 1,
        }
        if depth < 0 {
            return true;
        }
    }
    false
}
