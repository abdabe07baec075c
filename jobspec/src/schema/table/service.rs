//! Services and their checks.

use super::super::{BlockType, Holds, Kind, Rule};
use super::connect::CONNECT;
use super::{
    NONE, attribute, block, duration, flag, int, kept, known, list, one, raw, ruled, text, text_map, texts,
};

/// A name under which a task or group can be found.
pub(super) static SERVICE: BlockType = known(
    "service",
    &[
        text("name", "Name"),
        texts("tags", "Tags"),
        texts("canary_tags", "CanaryTags"),
        flag("enable_tag_override", "EnableTagOverride"),
        text("port", "PortLabel"),
        text("address_mode", "AddressMode"),
        text("address", "Address"),
        text("task", "TaskName"),
        text("on_update", "OnUpdate"),
        text("provider", "Provider"),
        text("cluster", "Cluster"),
        text("kind", "Kind"),
    ],
    &[
        list("check", "Checks", &CHECK),
        one("check_restart", "CheckRestart", &CHECK_RESTART),
        one("connect", "Connect", &CONNECT),
        text_map("meta", "Meta"),
        text_map("canary_meta", "CanaryMeta"),
        text_map("tagged_addresses", "TaggedAddresses"),
        one("identity", "Identity", &IDENTITY),
        one("weights", "Weights", &WEIGHTS),
    ],
);

static CHECK: BlockType = ruled(
    known(
        "check",
        &[
            text("name", "Name"),
            text("type", "Type"),
            text("command", "Command"),
            texts("args", "Args"),
            text("path", "Path"),
            text("protocol", "Protocol"),
            text("port", "PortLabel"),
            flag("expose", "Expose"),
            text("address_mode", "AddressMode"),
            text("advertise", "Advertise"),
            duration("interval", "Interval"),
            duration("timeout", "Timeout"),
            text("initial_status", "InitialStatus"),
            text("notes", "Notes"),
            text("tls_server_name", "TLSServerName"),
            flag("tls_skip_verify", "TLSSkipVerify"),
            text("method", "Method"),
            text("grpc_service", "GRPCService"),
            flag("grpc_use_tls", "GRPCUseTLS"),
            text("task", "TaskName"),
            int("success_before_passing", "SuccessBeforePassing"),
            int("failures_before_critical", "FailuresBeforeCritical"),
            int("failures_before_warning", "FailuresBeforeWarning"),
            text("body", "Body"),
            text("on_update", "OnUpdate"),
            raw("delay", "$delay", Kind::Duration),
        ],
        &[block("header", "Header", Holds::TextsMap), one("check_restart", "CheckRestart", &CHECK_RESTART)],
    ),
    Rule::Check,
);

static CHECK_RESTART: BlockType = known(
    "check_restart",
    &[int("limit", "Limit"), duration("grace", "Grace").or_null(), flag("ignore_warnings", "IgnoreWarnings")],
    NONE,
);

static WEIGHTS: BlockType = kept("weights", &[int("passing", "Passing"), int("warning", "Warning")], NONE);

/// Who a workload is to others.
pub(super) static IDENTITY: BlockType = kept(
    "identity",
    &[
        text("name", "Name"),
        texts("aud", "Audience"),
        text("change_mode", "ChangeMode"),
        text("change_signal", "ChangeSignal"),
        flag("env", "Env"),
        flag("file", "File"),
        text("filepath", "Filepath"),
        text("service_name", "ServiceName"),
        attribute("ttl", "TTL", Kind::Duration),
    ],
    NONE,
);
