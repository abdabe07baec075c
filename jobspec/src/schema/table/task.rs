//! Tasks and what is in them.

use super::super::{BlockType, Holds, Kind, Rule};
use super::group::{NETWORK, RESTART, SCALING};
use super::job::{AFFINITY, CONSTRAINT};
use super::service::{IDENTITY, SERVICE};
use super::{
    NONE, U32, any_map, attribute, block, duration, flag, free_text_map, int, kept, known, list, moved,
    named, one, ruled, text, text_map, texts,
};

/// One thing a driver runs.
pub(super) static TASK: BlockType = ruled(
    known(
        "task",
        &[
            text("driver", "Driver"),
            text("user", "User"),
            duration("kill_timeout", "KillTimeout").or_null(),
            flag("leader", "Leader"),
            duration("shutdown_delay", "ShutdownDelay"),
            text("kill_signal", "KillSignal"),
            text("kind", "Kind"),
        ],
        &[
            one("lifecycle", "Lifecycle", &LIFECYCLE),
            any_map("config", "Config"),
            list("constraint", "Constraints", &CONSTRAINT),
            list("affinity", "Affinities", &AFFINITY),
            free_text_map("env", "Env"),
            list("service", "Services", &SERVICE),
            one("resources", "Resources", &RESOURCES),
            one("restart", "RestartPolicy", &RESTART),
            free_text_map("meta", "Meta"),
            one("logs", "LogConfig", &LOGS),
            list("artifact", "Artifacts", &ARTIFACT),
            one("vault", "Vault", &VAULT),
            one("consul", "Consul", &CONSUL),
            list("template", "Templates", &TEMPLATE),
            one("dispatch_payload", "DispatchPayload", &DISPATCH_PAYLOAD),
            list("volume_mount", "VolumeMounts", &VOLUME_MOUNT),
            moved(one("csi_plugin", "CSIPluginConfig", &CSI_PLUGIN)),
            block("scaling", "ScalingPolicies", Holds::Labelled(&SCALING, "$label")),
            named("secret", "Secrets", &SECRET),
            one("", "Identity", &IDENTITY),
            list("identity", "Identities", &IDENTITY),
            named("action", "Actions", &ACTION),
            one("schedule", "Schedule", &SCHEDULE),
        ],
    ),
    Rule::Task,
);

static LIFECYCLE: BlockType =
    known("lifecycle", &[attribute("hook", "Hook", Kind::Text).required(), flag("sidecar", "Sidecar")], NONE);

/// What a task needs.
pub(super) static RESOURCES: BlockType = known(
    "resources",
    &[
        int("cpu", "CPU").or_null(),
        int("cores", "Cores").or_null(),
        int("memory", "MemoryMB").or_null(),
        int("memory_max", "MemoryMaxMB").or_null(),
        int("disk", "DiskMB").or_null(),
        int("secrets", "SecretsMB").or_null(),
        int("iops", "IOPS").or_null(),
    ],
    &[list("network", "Networks", &NETWORK), named("device", "Devices", &DEVICE), one("numa", "NUMA", &NUMA)],
);

static DEVICE: BlockType = known(
    "device",
    &[attribute("count", "Count", U32).or_null()],
    &[list("constraint", "Constraints", &CONSTRAINT), list("affinity", "Affinities", &AFFINITY)],
);

static NUMA: BlockType = kept("numa", &[text("affinity", "Affinity"), texts("devices", "Devices")], NONE);

/// How much of the output is kept.
pub(super) static LOGS: BlockType = known(
    "logs",
    &[
        int("max_files", "MaxFiles").or_null(),
        int("max_file_size", "MaxFileSizeMB").or_null(),
        flag("disabled", "Disabled").or_null(),
        flag("enabled", "Enabled").or_null(),
    ],
    NONE,
);

static ARTIFACT: BlockType = kept(
    "artifact",
    &[
        text("source", "GetterSource").or_null(),
        text("mode", "GetterMode").or_null(),
        flag("insecure", "GetterInsecure").or_null(),
        text("destination", "RelativeDest").or_null(),
        flag("chown", "Chown"),
    ],
    &[text_map("options", "GetterOptions"), text_map("headers", "GetterHeaders")],
);

/// Secrets from Vault.
pub(super) static VAULT: BlockType = kept(
    "vault",
    &[
        texts("policies", "Policies"),
        text("role", "Role"),
        text("namespace", "Namespace").or_null(),
        text("cluster", "Cluster"),
        flag("env", "Env").or_null(),
        flag("disable_file", "DisableFile").or_null(),
        text("change_mode", "ChangeMode").or_null(),
        text("change_signal", "ChangeSignal").or_null(),
        flag("allow_token_expiration", "AllowTokenExpiration").or_null(),
    ],
    NONE,
);

/// Where Consul is.
pub(super) static CONSUL: BlockType = kept(
    "consul",
    &[text("namespace", "Namespace"), text("cluster", "Cluster"), text("partition", "Partition")],
    NONE,
);

static TEMPLATE: BlockType = kept(
    "template",
    &[
        text("source", "SourcePath").or_null(),
        text("destination", "DestPath").or_null(),
        text("data", "EmbeddedTmpl").or_null(),
        text("change_mode", "ChangeMode").or_null(),
        text("change_signal", "ChangeSignal").or_null(),
        flag("once", "Once").or_null(),
        duration("splay", "Splay").or_null(),
        text("perms", "Perms").or_null(),
        int("uid", "Uid").or_null(),
        int("gid", "Gid").or_null(),
        text("left_delimiter", "LeftDelim").or_null(),
        text("right_delimiter", "RightDelim").or_null(),
        flag("env", "Envvars").or_null(),
        duration("vault_grace", "VaultGrace").or_null(),
        flag("error_on_missing_key", "ErrMissingKey").or_null(),
    ],
    &[one("change_script", "ChangeScript", &CHANGE_SCRIPT), one("wait", "Wait", &WAIT)],
);

static CHANGE_SCRIPT: BlockType = kept(
    "change_script",
    &[
        text("command", "Command").or_null(),
        texts("args", "Args"),
        duration("timeout", "Timeout").or_null(),
        flag("fail_on_error", "FailOnError").or_null(),
    ],
    NONE,
);

static WAIT: BlockType =
    kept("wait", &[duration("min", "Min").or_null(), duration("max", "Max").or_null()], NONE);

static DISPATCH_PAYLOAD: BlockType = known("dispatch_payload", &[text("file", "File")], NONE);

/// Where a volume of the group is mounted.
pub(super) static VOLUME_MOUNT: BlockType = kept(
    "volume_mount",
    &[
        text("volume", "Volume").or_null(),
        text("destination", "Destination").or_null(),
        flag("read_only", "ReadOnly").or_null(),
        text("propagation_mode", "PropagationMode").or_null(),
        text("selinux_label", "SELinuxLabel").or_null(),
    ],
    NONE,
);

static CSI_PLUGIN: BlockType = kept(
    "csi_plugin",
    &[
        text("id", "ID"),
        text("type", "Type"),
        text("mount_dir", "MountDir"),
        text("stage_publish_base_dir", "StagePublishBaseDir"),
        duration("health_timeout", "HealthTimeout"),
    ],
    NONE,
);

/// A secret from elsewhere.
pub(super) static SECRET: BlockType = kept(
    "secret",
    &[text("provider", "Provider"), text("path", "Path")],
    &[any_map("config", "Config"), text_map("env", "Env")],
);

static ACTION: BlockType =
    kept("action", &[text("command", "Command").required(), texts("args", "Args")], NONE);

static SCHEDULE: BlockType = kept("schedule", &[], &[one("cron", "Cron", &SCHEDULE_CRON)]);

static SCHEDULE_CRON: BlockType =
    kept("cron", &[text("start", "Start"), text("end", "End"), text("timezone", "Timezone")], NONE);
