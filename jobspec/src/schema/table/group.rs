//! Task groups, their networks and volumes.

use super::super::{BlockType, Holds, Kind, Rule};
use super::job::{AFFINITY, CONSTRAINT, MIGRATE, RESCHEDULE, SPREAD, UPDATE};
use super::service::SERVICE;
use super::task::{CONSUL, SECRET, TASK, VAULT};
use super::{
    I64, NONE, U16, U64, any_map, api, attribute, block, duration, flag, free_text_map, int, kept, known,
    list, moved, named, one, ruled, text, texts,
};

/// Tasks placed together.
pub(super) static GROUP: BlockType = ruled(
    known(
        "group",
        &[
            int("count", "Count").or_null(),
            duration("shutdown_delay", "ShutdownDelay").or_null(),
            duration("max_run_duration", "MaxRunDuration").or_null(),
            duration("stop_after_client_disconnect", "StopAfterClientDisconnect").or_null(),
            duration("max_client_disconnect", "MaxClientDisconnect").or_null(),
            flag("prevent_reschedule_on_lost", "PreventRescheduleOnLost").or_null(),
        ],
        &[
            list("constraint", "Constraints", &CONSTRAINT),
            list("affinity", "Affinities", &AFFINITY),
            named("task", "Tasks", &TASK),
            list("spread", "Spreads", &SPREAD),
            block("volume", "Volumes", Holds::ByLabel(&VOLUME, "Name")),
            one("restart", "RestartPolicy", &RESTART),
            one("disconnect", "Disconnect", &DISCONNECT),
            one("reschedule", "ReschedulePolicy", &RESCHEDULE),
            one("ephemeral_disk", "EphemeralDisk", &EPHEMERAL_DISK),
            one("update", "Update", &UPDATE),
            one("migrate", "Migrate", &MIGRATE),
            list("network", "Networks", &NETWORK),
            free_text_map("meta", "Meta"),
            list("service", "Services", &SERVICE),
            one("scaling", "Scaling", &SCALING),
            one("consul", "Consul", &CONSUL),
            moved(one("vault", "$Vault", &VAULT)),
            moved(named("secret", "$Secrets", &SECRET)),
        ],
    ),
    Rule::Group,
);

/// What happens when a task ends.
pub(super) static RESTART: BlockType = known(
    "restart",
    &[
        duration("interval", "Interval").or_null(),
        int("attempts", "Attempts").or_null(),
        duration("delay", "Delay").or_null(),
        attribute("mode", "Mode", Kind::Word("restart mode", &["fail", "delay"])).or_null(),
        flag("render_templates", "RenderTemplates").or_null(),
        // A word of 2016 that Nomad has forgotten.
        flag("on_success", "OnSuccess").or_absent(),
    ],
    NONE,
);

static DISCONNECT: BlockType = known(
    "disconnect",
    &[
        duration("lost_after", "LostAfter").or_null(),
        duration("stop_on_client_after", "StopOnClientAfter").or_null(),
        flag("replace", "Replace").or_null(),
        attribute(
            "reconcile",
            "Reconcile",
            Kind::Word(
                "reconcile strategy",
                &["best_score", "keep_original", "keep_replacement", "longest_running"],
            ),
        )
        .or_null(),
    ],
    NONE,
);

static EPHEMERAL_DISK: BlockType = known(
    "ephemeral_disk",
    &[
        flag("sticky", "Sticky").or_null(),
        flag("migrate", "Migrate").or_null(),
        int("size", "SizeMB").or_null(),
    ],
    NONE,
);

static VOLUME: BlockType = known(
    "volume",
    &[
        text("type", "Type"),
        text("source", "Source"),
        flag("read_only", "ReadOnly"),
        flag("sticky", "Sticky"),
        text("access_mode", "AccessMode"),
        text("attachment_mode", "AttachmentMode"),
        flag("per_alloc", "PerAlloc"),
    ],
    &[one("mount_options", "MountOptions", &MOUNT_OPTIONS)],
);

static MOUNT_OPTIONS: BlockType =
    kept("mount_options", &[text("fs_type", "FSType"), texts("mount_flags", "MountFlags")], NONE);

/// For autoscalers.
pub(super) static SCALING: BlockType = kept(
    "scaling",
    &[
        attribute("min", "Min", I64).or_null(),
        attribute("max", "Max", I64).or_null(),
        flag("enabled", "Enabled").or_null(),
        text("type", "Type"),
        api("ID", Kind::Text),
        api("Namespace", Kind::Text),
        api("Target", Kind::TextMap),
        api("CreateIndex", U64),
        api("ModifyIndex", U64),
    ],
    &[any_map("policy", "Policy")],
);

/// Networks of a group or, as in 2016, of a task.
pub(super) static NETWORK: BlockType = ruled(
    known(
        "network",
        &[
            text("mode", "Mode"),
            text("device", "Device"),
            text("cidr", "CIDR"),
            attribute("ip", "IP", Kind::Address),
            text("hostname", "Hostname"),
            int("mbits", "MBits").or_null(),
        ],
        &[
            one("dns", "DNS", &DNS),
            block("reserved_ports", "ReservedPorts", Holds::Labelled(&PORT, "Label")),
            block("port", "DynamicPorts", Holds::Labelled(&PORT, "Label")),
            one("cni", "CNI", &CNI),
        ],
    ),
    Rule::Network,
);

static DNS: BlockType = kept(
    "dns",
    &[texts("servers", "Servers"), texts("searches", "Searches"), texts("options", "Options")],
    NONE,
);

static CNI: BlockType = kept("cni", &[attribute("args", "Args", Kind::TextMap)], NONE);

static PORT: BlockType = known(
    "port",
    &[
        attribute("static", "Value", U16),
        attribute("to", "To", Kind::Int(-1, 65_535)),
        text("host_network", "HostNetwork"),
        flag("ignore_collision", "IgnoreCollision"),
    ],
    NONE,
);
